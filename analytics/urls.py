from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from analytics import views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = [
    path("gateway/v1/usage", views.usage, name="usage_intake"),
    path("gateway/v1/usage/envoy", views.usage, {"source": "envoy"}, name="usage_intake_envoy"),
]
