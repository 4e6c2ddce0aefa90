"""What anybody may see: the catalog, an API, its products and their prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from apim.accounts.policies import public
from apim.catalog import selectors
from apim.catalog.descriptions import Style
from portal import snippets
from portal.answers import page_of
from portal.catalog_pages import catalog_context, offer_of, product_offers
from portal.forms import WorkedExampleForm
from portal.offers import EXAMPLE_CALLS, worked_example
from portal.reference import gateway_url, is_openapi, style_label

if TYPE_CHECKING:
    from apim.accounts.viewers import ViewerRequest
    from apim.catalog.models import Api, ApiVersion

MEDIA_TYPES = {
    # Registered with OpenAPI 3.1.1; browsers download both.
    "json": "application/vnd.oai.openapi+json",
    "yaml": "application/vnd.oai.openapi",
}


@public
@require_GET
def catalog(request: ViewerRequest) -> HttpResponse:
    return render(request, "portal/catalog/catalog.html", catalog_context(request))


@public
@require_GET
def api(request: ViewerRequest, slug: str, version: str | None = None) -> HttpResponse:
    """One API; without a version its newest published one."""
    found = selectors.get_published_api(slug)
    shown = selectors.get_published_version(found, version)
    offers = product_offers(selectors.offers_for(shown))
    suffix = _suffix_of(shown)
    names = [slug, shown.name]
    return render(
        request,
        "portal/catalog/api.html",
        {
            **api_frame(found, shown),
            "is_overview": True,
            "groups": selectors.operations_by_tag(shown),
            "offers": offers,
            "samples": snippets.for_version(shown),
            "gateway_url": gateway_url(shown),
            "specification_form": suffix.upper() or str(style_label(shown)),
            "specification_url": reverse(f"portal:specification-{suffix}", args=names)
            if suffix
            else reverse("portal:description", args=names),
            "is_openapi": is_openapi(shown),
        },
    )


def _suffix_of(version: ApiVersion) -> str:
    """Of an OpenAPI document of one file, without reading it; empty for anything else."""
    revision = version.current_revision
    if revision is None or revision.style != Style.OPENAPI:
        return ""
    return {"application/json": "json", "application/yaml": "yaml"}.get(revision.media_type, "")


def api_frame(found: Api, shown: ApiVersion) -> dict[str, Any]:
    """What the header and the tabs of every page of an API need."""
    return {"api": found, "version": shown, "versions": getattr(found, "callable_versions", [])}


@public
@require_GET
def specification(request: ViewerRequest, slug: str, version: str, suffix: str) -> HttpResponse:
    """The document as it was uploaded. Asked for in the other format it does not exist."""
    del request
    shown = selectors.get_published_version(selectors.get_published_api(slug), version)
    document = selectors.spec_document(shown)
    if not document.filename.endswith(f".{suffix}"):
        return HttpResponse(status=404)
    response = HttpResponse(bytes(document.raw), content_type=MEDIA_TYPES[suffix])
    response["Content-Disposition"] = f'attachment; filename="{slug}-{version}.{suffix}"'
    response["ETag"] = f'"{document.sha256}"'
    return response


@public
@require_GET
def description(request: ViewerRequest, slug: str, version: str) -> HttpResponse:
    """The file of any style as it was uploaded, an archive included."""
    del request
    shown = selectors.get_published_version(selectors.get_published_api(slug), version)
    document = selectors.spec_document(shown)
    # Never shown as a page of ours, whatever is in it.
    response = HttpResponse(bytes(document.raw), content_type="application/octet-stream")
    response["Content-Disposition"] = f'attachment; filename="{document.filename}"'
    response["ETag"] = f'"{document.sha256}"'
    return response


@public
@require_GET
def pricing(request: ViewerRequest) -> HttpResponse:
    """Every product that may be subscribed to."""
    page = page_of(request, selectors.published_products().order_by("name", "id"))
    context = {
        "page": page,
        "offers": product_offers([offer_of(product) for product in page.object_list]),
    }
    return render(request, "portal/catalog/pricing.html", context)


@public
@require_GET
def product(request: ViewerRequest, slug: str) -> HttpResponse:
    """One product: its plans side by side, with the cost of a month that the reader names."""
    found = selectors.get_published_product(slug)
    offer = product_offers([offer_of(found)])[0]
    form = WorkedExampleForm(request.GET if "calls" in request.GET else {"calls": EXAMPLE_CALLS})
    calls = form.cleaned_data["calls"] if form.is_valid() else EXAMPLE_CALLS
    return render(
        request,
        "portal/catalog/product.html",
        {
            "product": found,
            "offer": offer,
            "form": form,
            "calls": calls,
            "examples": worked_example(offer.offers, calls),
        },
    )
