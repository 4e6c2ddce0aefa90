"""Every URL of the web process, one include per app."""

from django.urls import include, path

from apim import metrics
from apim.core import health

urlpatterns = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("apim.ui.urls")),
    path("", include("apim.accounts.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("apim.keys.urls")),
    path("", include("apim.gateway.urls")),
    path("", include("analytics.urls")),
    path("", include("billing.urls")),
    path("api/v1/", include("apim.api.v1.urls")),
    path("api/", include("apim.api.urls")),
    path("dashboard/", include("apim.dashboard.urls")),
    path("", include("portal.urls")),
]

handler400 = "apim.ui.errors.bad_request"
handler403 = "apim.ui.errors.forbidden"
handler404 = "apim.ui.errors.not_found"
handler500 = "apim.ui.errors.server_error"
