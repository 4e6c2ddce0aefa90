"""Products: which API versions are offered together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import NothingToPublish, WrongState
from apim.catalog.models import ApiVersion, Product
from apim.catalog.naming import checked_name, free_slug
from apim.catalog.services.apis import checked_summary
from apim.catalog.services.changes import change, unique
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.audit.actors import Actor

State = Product.State


@transaction.atomic
def create_product(
    *,
    actor: Actor,
    name: str,
    slug: str | None = None,
    summary: str = "",
    versions: Iterable[ApiVersion] = (),
) -> Product:
    """Create a draft product. Raises InvalidInput, NameTaken."""
    product = Product(name=checked_name(name), summary=checked_summary(summary))
    product.slug = free_slug(
        Product.objects.all(), wanted=slug, name=product.name, fallback="product"
    )
    with unique("slug"):
        product.save()
    chosen = _checked_versions(versions)
    product.versions.set(chosen)
    record(
        actor,
        "product.created",
        product,
        after={"name": product.name, "slug": product.slug, "versions": _labels(chosen)},
    )
    publish("product.changed", product_id=product.pk)
    return product


@transaction.atomic
def update_product(
    *,
    actor: Actor,
    product: Product,
    name: str | None = None,
    summary: str | None = None,
    versions: Iterable[ApiVersion] | None = None,
) -> Product:
    """Change a product; what is None stays, `versions` replaces the whole set.

    Subscribers gain or lose the versions at once. Raises InvalidInput, WrongState if retired,
    NothingToPublish when a published product would be left empty.
    """
    locked = Product.objects.select_for_update().get(pk=product.pk)
    if locked.state == State.RETIRED:
        raise WrongState(_("%(product)s is retired.") % {"product": product})
    values = {
        "name": None if name is None else checked_name(name),
        "summary": None if summary is None else checked_summary(summary),
    }
    has_changed = change(locked, actor=actor, action="product.updated", values=values)
    if versions is not None:
        has_changed |= _replace_versions(actor, locked, versions)
    if has_changed:
        publish("product.changed", product_id=locked.pk)
    product.refresh_from_db()
    return product


def _replace_versions(actor: Actor, product: Product, versions: Iterable[ApiVersion]) -> bool:
    before = list(product.versions.select_related("api"))
    chosen = _checked_versions(versions, already={v.pk for v in before})
    if not chosen and product.state == State.PUBLISHED:
        raise NothingToPublish(_("A published product needs at least one API version."))
    if {v.pk for v in before} == {v.pk for v in chosen}:
        return False
    product.versions.set(chosen)
    record(
        actor,
        "product.versions_changed",
        product,
        before={"versions": _labels(before)},
        after={"versions": _labels(chosen)},
    )
    return True


def _checked_versions(
    versions: Iterable[ApiVersion], already: Iterable[int] = ()
) -> list[ApiVersion]:
    """A retired version may stay, but cannot be added."""
    chosen = list({version.pk: version for version in versions}.values())
    kept = set(already)
    for version in chosen:
        if version.state == ApiVersion.State.RETIRED and version.pk not in kept:
            message = _("%(version)s is retired and cannot be offered.") % {"version": version}
            raise InvalidInput(message, fields={"versions": [message]})
    return chosen


def _labels(versions: Iterable[ApiVersion]) -> list[str]:
    return sorted(str(version) for version in versions)


def publish_product(*, actor: Actor, product: Product) -> Product:
    """Offer a draft or retired product in the portal.

    Raises NothingToPublish without an API version, WrongState if it is published already.
    """
    if not product.versions.exists():
        raise NothingToPublish(_("Add at least one API version first."))
    return _move(actor, product, start=(State.DRAFT, State.RETIRED), end=State.PUBLISHED)


def retire_product(*, actor: Actor, product: Product) -> Product:
    """Offer it no longer; subscriptions that exist go on. Raises WrongState if retired already."""
    return _move(actor, product, start=(State.DRAFT, State.PUBLISHED), end=State.RETIRED)


@transaction.atomic
def _move(
    actor: Actor, product: Product, *, start: tuple[Product.State, ...], end: Product.State
) -> Product:
    before = product.state
    updated = Product.objects.filter(pk=product.pk, state__in=start).update(
        state=end, updated_at=clock.now()
    )
    product.refresh_from_db()
    if updated != 1:
        message = _("%(name)s is already %(state)s.")
        raise WrongState(
            message % {"name": product.name, "state": product.get_state_display().lower()}
        )
    record(actor, f"product.{end}", product, before={"state": before}, after={"state": end})
    publish("product.changed", product_id=product.pk)
    return product
