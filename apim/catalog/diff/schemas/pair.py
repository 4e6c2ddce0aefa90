"""Two schemas side by side, and noting what differs between them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.diff.schemas.found import Found, Frame, Spot
from apim.catalog.diff.schemas.shape import as_schema

if TYPE_CHECKING:
    from apim.catalog.diff.change import Effect
    from apim.catalog.diff.document import Node, Sameness


class Pair:
    """The old and the new schema at one spot; `found` is shared by the whole walk."""

    __slots__ = ("_found", "changed", "frame", "new", "new_node", "old", "old_node", "spot")

    def __init__(
        self,
        old_node: Node,
        new_node: Node,
        sameness: Sameness,
        *,
        frame: Frame,
        spot: Spot,
        found: list[Found],
    ) -> None:
        self.old_node, self.new_node = old_node, new_node
        self.old: dict[str, Any] = as_schema(old_node.value)
        self.new: dict[str, Any] = as_schema(new_node.value)
        self.frame, self.spot = frame, spot
        self._found = found
        # The keywords that are not the same on both sides; nothing else needs to be looked at.
        self.changed = sameness.changed_keys(self.old, self.new)

    def note(
        self,
        ending: str,
        effect: Effect,
        *keys: str | int,
        words: str = "",
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
        code: str = "",
        label: tuple[str, ...] = (),
        spot: Spot | None = None,
        **values: Any,
    ) -> None:
        """Note a change; `keys` lead from the schema to it, `label` names a property below."""
        spot = spot or self.spot
        level = spot.judge(effect, self.frame.direction)
        is_root = spot.is_root and not label
        self._found.append(
            Found(
                code=code or self.frame.code(ending, is_root=is_root),
                level=level,
                label=(*spot.label, *label),
                path=(*(self.old_node if is_in_old else self.new_node).path, *keys),
                is_in_old=is_in_old,
                words=words or ending,
                values=values,
                before=before,
                after=after,
            )
        )
