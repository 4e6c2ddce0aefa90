"""Objects as Stripe shows them: what hides is dropped, nulls are added, `expand[]` is followed."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from billing.stripe_simulator.errors import wrong
from billing.stripe_simulator.shapes import completed

if TYPE_CHECKING:
    from billing.stripe_simulator.store import Obj
    from billing.stripe_simulator.world import World

MAX_DEPTH = 4  # docs.stripe.com/expand
# Fields that hold an id and give the object when they are expanded.
EXPANDABLE = {
    "balance_transaction": "balance_transaction",
    "charge": "charge",
    "coupon": "coupon",
    "configuration": "billing_portal.configuration",
    "credit_balance_transaction": "billing.credit_balance_transaction",
    "credit_grant": "billing.credit_grant",
    "credit_note": "credit_note",
    "customer": "customer",
    "default_payment_method": "payment_method",
    "default_price": "price",
    "discount": "discount",
    "discounts": "discount",
    "feature": "entitlements.feature",
    "invoice": "invoice",
    "latest_charge": "charge",
    "latest_invoice": "invoice",
    "payment_intent": "payment_intent",
    "payment_method": "payment_method",
    "pending_setup_intent": "setup_intent",
    "price": "price",
    "product": "product",
    "refund": "refund",
    "setup_intent": "setup_intent",
    "subscription": "subscription",
    "test_clock": "test_helpers.test_clock",
}
# What is computed when an object is shown; and what is shown only when it is asked for.
RENDERERS: dict[str, Callable[["World", "Obj"], None]] = {}
INCLUDABLE: dict[tuple[str, str], Callable[["World", "Obj"], Any]] = {}


def renders(kind: str) -> Callable[[Callable[["World", "Obj"], None]], None]:
    def register(function: Callable[["World", "Obj"], None]) -> None:
        RENDERERS[kind] = function

    return register


def includes(kind: str, field: str) -> Callable[[Callable[["World", "Obj"], Any]], None]:
    def register(function: Callable[["World", "Obj"], Any]) -> None:
        INCLUDABLE[kind, field] = function

    return register


def rendered(world: "World", obj: "Obj", expand: list[str] | None = None) -> "Obj":
    """Return a copy as Stripe answers it. Raises StripeProblem for a path that cannot expand."""
    if obj.get("deleted") is True:
        return {name: obj[name] for name in ("id", "object", "deleted")}
    shown = copy.deepcopy(obj)
    if renderer := RENDERERS.get(shown.get("object", "")):
        renderer(world, shown)
    for path in expand or []:
        if path.count(".") >= MAX_DEPTH:
            raise wrong(f"You cannot expand more than {MAX_DEPTH} levels deep: {path}", "expand")
        _expand(world, shown, path.split("."), path)
    bare: Obj = _bare(completed(shown))
    return bare


def listed(
    world: "World",
    objects: list["Obj"],
    *,
    url: str,
    has_more: bool = False,
    expand: list[str] | None = None,
) -> "Obj":
    """Return a list object; `expand` paths start with `data.`."""
    for path in expand or []:
        if not path.startswith("data."):
            raise wrong(f"This property cannot be expanded ({path}).", "expand")
    inner = [path.removeprefix("data.") for path in expand or []]
    data = [rendered(world, obj, inner) for obj in objects]
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def _expand(world: "World", place: Any, path: list[str], whole: str) -> None:
    name, *rest = path
    if place is None:
        return
    if isinstance(place, list):
        for part in place:
            _expand(world, part, path, whole)
        return
    include = INCLUDABLE.get((place.get("object", ""), name))
    if include is not None and not place.get(name):
        place[name] = include(world, place)
    elif name not in place and name not in completed(dict(place)):
        raise wrong(f"This property cannot be expanded ({whole}).", "expand")
    place[name] = _opened(world, name, place.get(name), whole, is_last=not rest)
    if rest:
        _expand(world, place[name], rest, whole)


def _opened(world: "World", name: str, value: Any, whole: str, *, is_last: bool) -> Any:
    if isinstance(value, list):
        return [_opened(world, name, part, whole, is_last=is_last) for part in value]
    if isinstance(value, str):
        kind = EXPANDABLE.get(name)
        found = world.store.get(kind, value) if kind else None
        if found is None:
            raise wrong(f"This property cannot be expanded ({whole}).", "expand")
        shown = copy.deepcopy(found)
        if renderer := RENDERERS.get(shown["object"]):
            renderer(world, shown)
        return completed(shown)
    return value


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _bare(part) for name, part in value.items() if name != "_"}
    return [_bare(part) for part in value] if isinstance(value, list) else value
