"""The root: the catalog for visitors, the next step for developers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

from apim.accounts.policies import public
from portal import snippets
from portal.catalog_pages import catalog_context
from portal.home_page import home_context

if TYPE_CHECKING:
    from django.core.paginator import Page
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Api
    from apim.ui.components.actions import Sample


def _sample(page: Page[Api]) -> tuple[Sample, ...]:
    """A call to the first API of the catalog, so that a visitor sees how little it takes."""
    versions = [version for api in page for version in getattr(api, "callable_versions", [])]
    return snippets.for_version(versions[0]) if versions else ()


@public
@require_GET
def home(request: ViewerRequest) -> HttpResponse:
    if request.viewer.organization is None:
        context = catalog_context(request)
        if not request.viewer.is_signed_in:
            context |= {"is_landing": True, "samples": _sample(context["page"])}
        return render(request, "portal/catalog/catalog.html", context)
    return render(request, "portal/home/home.html", home_context(request.viewer))
