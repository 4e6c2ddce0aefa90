from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from apim.gateway import views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

# The paths are Envoy's own (REST xDS).
urlpatterns: list[URLPattern | URLResolver] = [
    path("v3/discovery:<str:kind>", views.discover, name="discover"),
]
