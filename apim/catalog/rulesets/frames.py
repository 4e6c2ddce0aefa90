"""Where a walk through a description stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path


class Frame:
    """A mapping or list that the walk has entered.

    `path` is where it is written, which behind a reference is not where it is used; `key` is its
    name where it is used; `parent` is the frame it was entered from.
    """

    __slots__ = ("key", "parent", "path", "root", "value")

    def __init__(
        self, value: Any, path: Path, key: str | int | None, parent: Frame | None, root: Any
    ) -> None:
        self.value = value
        self.path = path
        self.key = key
        self.parent = parent
        self.root = root

    def path_text(self, key: str | int) -> str:
        """What `@path` is: `$['paths']['/pets']`."""
        return "$" + "".join(
            f"[{token}]" if isinstance(token, int) else f"['{token}']"
            for token in (*self.path, key)
        )
