from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from analytics import views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

_GRAVITEE = {"source": "gravitee", "door": "bulk"}
_OPENMETER = {"source": "cloudevents", "door": "openmeter"}
_TYK = {"source": "tyk", "door": "splunk"}

urlpatterns: list[URLPattern | URLResolver] = [
    path("gateway/v1/usage", views.usage, name="usage_intake"),
    path("gateway/v1/usage/3scale", views.report, {"source": "3scale"}, name="usage_intake_3scale"),
    path("gateway/v1/usage/gravitee/", views.elastic, {"door": "bulk"}, name="elastic"),
    path("gateway/v1/usage/gravitee/_bulk", views.usage, _GRAVITEE, name="elastic_bulk"),
    path(
        "gateway/v1/usage/gravitee/<path:rest>",
        views.elastic,
        {"door": "bulk"},
        name="elastic_other",
    ),
    path("gateway/v1/usage/<str:source>", views.usage, name="usage_intake_of"),
    # Paths that senders insist on. OTLP/HTTP:
    path("v1/logs", views.usage, {"source": "otlp", "door": "otlp"}, name="otlp_logs"),
    # Splunk's HTTP Event Collector; Tyk Pump always posts to the first.
    path("services/collector/event/1.0", views.usage, _TYK, name="splunk_event_1"),
    path("services/collector/event", views.usage, _TYK, name="splunk_event"),
    path("services/collector", views.usage, _TYK, name="splunk_collector"),
    # OpenMeter, as Kong's metering plugin and OpenMeter's clients address it.
    path("openmeter/events", views.usage, _OPENMETER, name="openmeter_events"),
    path("v3/openmeter/events", views.usage, _OPENMETER, name="openmeter_v3_events"),
    path("api/v1/openmeter/events", views.usage, _OPENMETER, name="openmeter_api_events"),
    path("api/v3/openmeter/events", views.usage, _OPENMETER, name="openmeter_api_v3_events"),
    path(
        "api/v1/events",
        views.usage,
        {"source": "cloudevents", "door": "openmeter_v1"},
        name="openmeter_v1_events",
    ),
    # Elasticsearch, for a reporter that drops the path of its endpoint.
    path("_bulk", views.usage, _GRAVITEE, name="elastic_root_bulk"),
    # 3scale's Service Management API.
    path(
        "transactions.xml",
        views.report,
        {"source": "3scale", "door": "3scale"},
        name="threescale_transactions",
    ),
]
