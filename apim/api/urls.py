"""What stands beside the versions of the management API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path

from apim.api import views

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "api-docs"

urlpatterns: list[URLPattern | URLResolver] = [
    path("docs/", views.docs, name="docs"),
]
