"""Which path does what: one function per endpoint, and the parameters that it simulates."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from billing.stripe_simulator.errors import StripeProblem, missing, not_simulated, wrong
from billing.stripe_simulator.rendering import listed

if TYPE_CHECKING:
    from billing.stripe_simulator.store import Obj
    from billing.stripe_simulator.world import World

DEFAULT_LIMIT, MAX_LIMIT = 10, 100  # docs.stripe.com/api/pagination
# docs.stripe.com/api/metadata
METADATA_KEYS, METADATA_KEY_LENGTH, METADATA_VALUE_LENGTH = 50, 40, 500
PAGING = "limit starting_after ending_before"


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request, after its parameters were held to the SDK's types."""

    params: dict[str, Any]
    ids: tuple[str, ...] = ()
    path: str = ""
    expand: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.ids[0]


Handler = Callable[["World", Call], "Obj"]


@dataclass(frozen=True, kw_only=True)
class Route:
    endpoint: str  # "POST /v1/prices/{}"
    handler: Handler
    supports: frozenset[str]
    pattern: re.Pattern[str]

    @property
    def is_v2(self) -> bool:
        return " /v2/" in self.endpoint


ROUTES: dict[str, Route] = {}


def route(endpoint: str, supports: str = "") -> Callable[[Handler], Handler]:
    """Register a handler; `expand` and, for lists, paging are always understood."""

    def register(handler: Handler) -> Handler:
        method, path = endpoint.split(" ")
        pattern = re.compile(re.escape(method) + " " + path.replace("{}", "([^/]+)") + "$")
        names = frozenset([*supports.split(), *PAGING.split(), "expand"])
        ROUTES[endpoint] = Route(
            endpoint=endpoint, handler=handler, supports=names, pattern=pattern
        )
        return handler

    return register


def find_route(method: str, path: str) -> tuple[Route, tuple[str, ...]]:
    """Return the route and the ids in the path. Raises StripeProblem (404, or not simulated)."""
    if path.endswith("/search"):
        raise not_simulated(f"search at {path}: list and filter instead")
    for found in sorted(ROUTES.values(), key=lambda r: r.endpoint.count("{}")):
        if match := found.pattern.match(f"{method} {path}"):
            return found, match.groups()
    raise StripeProblem(
        f"Unrecognized request URL ({method}: {path}). The simulator knows those of docs/adr/0019.",
        status=404,
    )


def page(
    world: "World",
    call: Call,
    objects: list["Obj"],
    *,
    what: str = "object",
    keep: Callable[["Obj"], bool] | None = None,
    newest_first: bool = True,
) -> "Obj":
    """Return one page of a list: newest first unless told otherwise, by cursor, 1 to 100 objects."""
    params = call.params
    limit = params.get("limit", DEFAULT_LIMIT)
    if not 1 <= limit <= MAX_LIMIT:
        raise wrong(f"Invalid limit: must be between 1 and {MAX_LIMIT}.", "limit")
    if created := params.get("created"):
        objects = [obj for obj in objects if _in_range(obj["created"], created)]
    if keep is not None:
        objects = [obj for obj in objects if keep(obj)]
    if newest_first:
        objects = objects[::-1]
    backwards = "ending_before" in params
    cursor = params.get("ending_before") or params.get("starting_after")
    if cursor:
        place = next((i for i, obj in enumerate(objects) if obj["id"] == cursor), None)
        if place is None:
            param = "ending_before" if backwards else "starting_after"
            raise missing(what, cursor, param=param)
        objects = objects[:place] if backwards else objects[place + 1 :]
    chosen = objects[-limit:] if backwards else objects[:limit]
    return listed(
        world,
        chosen,
        url=call.path,
        has_more=len(objects) > len(chosen),
        expand=call.expand,
    )


def _in_range(moment: int, wanted: Any) -> bool:
    if not isinstance(wanted, dict):
        return bool(moment == wanted)
    return bool(
        moment > wanted.get("gt", moment - 1)
        and moment >= wanted.get("gte", moment)
        and moment < wanted.get("lt", moment + 1)
        and moment <= wanted.get("lte", moment)
    )


def with_metadata(obj: "Obj", given: Any) -> None:
    """Merge metadata: an empty value drops its key, an empty whole drops all of them."""
    if given is None:
        return
    if given in ("", []):
        obj["metadata"] = {}
        return
    for name, value in given.items():
        if len(name) > METADATA_KEY_LENGTH or len(value) > METADATA_VALUE_LENGTH:
            raise wrong(
                f"Metadata keys have at most {METADATA_KEY_LENGTH} characters, values at most "
                f"{METADATA_VALUE_LENGTH}.",
                f"metadata[{name}]",
            )
    kept = {**(obj.get("metadata") or {}), **given}
    obj["metadata"] = {name: value for name, value in kept.items() if value != ""}
    if len(obj["metadata"]) > METADATA_KEYS:
        raise wrong(f"At most {METADATA_KEYS} metadata keys.", "metadata")
