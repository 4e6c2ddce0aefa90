"""The catalog as visitors see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog import selectors
from apim.catalog.selectors import Offer
from portal.answers import page_of
from portal.forms import CatalogSearchForm
from portal.offers import ProductOffer, offers_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.http import HttpRequest

    from apim.catalog.models import ApiVersion, Plan, Product

APIS_PER_PAGE = 24


def catalog_context(request: HttpRequest) -> dict[str, Any]:
    """Search words, tags and the page of APIs that the URL asks for."""
    form = CatalogSearchForm(request.GET)
    form.is_valid()
    query = form.cleaned_data.get("q", "")
    tag = form.cleaned_data.get("tag", "")
    apis = selectors.catalog_apis(query=query, tags=(tag,) if tag else ())
    return {
        "form": form,
        "page": page_of(request, apis, APIS_PER_PAGE),
        "tags": selectors.catalog_tags(),
        "query": query,
        "chosen_tag": tag,
        "is_filtered": bool(query or tag),
    }


def offer_of(product: Product) -> Offer:
    """A product of `published_products` in the form that `offers_for` gives."""
    plans: list[Plan] = getattr(product, "published_plans", [])
    versions: list[ApiVersion] = getattr(product, "callable_versions", [])
    return Offer(product, tuple(plans), tuple(versions))


def product_offers(found: Sequence[Offer]) -> tuple[ProductOffer, ...]:
    """The products with their plans' prices, read in one query."""
    plans = [plan for offer in found for plan in offer.plans]
    priced = {offered.plan.pk: offered for offered in offers_of(plans)}
    return tuple(
        ProductOffer(
            product=offer.product,
            offers=tuple(priced[plan.pk] for plan in offer.plans),
            versions=tuple(offer.versions),
        )
        for offer in found
    )
