"""What of the catalog a token may see: staff all of it, members what is published.

Members also keep sight of the plans and versions that their applications are subscribed to, and
of products on those plans, after these were retired.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from django.db.models import Model, Q, QuerySet

from apim.catalog.models import Api, ApiVersion, Plan, Product
from apim.core.errors import NotFound
from apim.keys.models import Subscription

if TYPE_CHECKING:
    from apim.accounts.viewers import Viewer

Row = TypeVar("Row", bound=Model)


def apis(viewer: Viewer) -> QuerySet[Api]:
    """With a callable version, unless the viewer is staff."""
    if viewer.is_staff:
        return Api.objects.all()
    callable_ones = ApiVersion.objects.callable().values("api_id")
    return Api.objects.filter(pk__in=callable_ones)


def versions(viewer: Viewer) -> QuerySet[ApiVersion]:
    """Callable ones, unless the viewer is staff; API and revision at hand."""
    rows: QuerySet[ApiVersion] = ApiVersion.objects.select_related("api", "current_revision").defer(
        "current_revision__raw"
    )
    return rows if viewer.is_staff else rows.filter(state__in=ApiVersion.CALLABLE)


def products(viewer: Viewer) -> QuerySet[Product]:
    """Published or subscribed to, unless the viewer is staff."""
    rows = Product.objects.prefetch_related("versions")
    if viewer.is_staff:
        return rows
    subscribed = _subscriptions(viewer).values("product_id")
    return rows.filter(Q(state=Product.State.PUBLISHED) | Q(pk__in=subscribed))


def plans(viewer: Viewer) -> QuerySet[Plan]:
    """Published in a published product or subscribed to, unless the viewer is staff."""
    rows = Plan.objects.select_related("product").prefetch_related("limits")
    if viewer.is_staff:
        return rows
    subscribed = _subscriptions(viewer).values("plan_id")
    offered = Q(state=Plan.State.PUBLISHED, product__state=Product.State.PUBLISHED)
    return rows.filter(offered | Q(pk__in=subscribed))


def one(rows: QuerySet[Row], public_id: str) -> Row:
    """Raises NotFound."""
    row = rows.filter(public_id=public_id).first()
    if row is None:
        raise NotFound
    return row


def _subscriptions(viewer: Viewer) -> QuerySet[Subscription]:
    rows: QuerySet[Subscription] = Subscription.objects.for_organization(
        viewer.current_organization
    ).open()
    return rows
