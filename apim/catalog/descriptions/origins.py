"""Where the parts of a document stand that was put together from uploaded ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apim.catalog.openapi.positions import Path, Positions, Spot


class MovedPositions:
    """Positions of a document that was rearranged; `origins` maps new paths to uploaded ones.

    The longest known beginning of a path decides; what has none stands where it stood.
    """

    def __init__(self, uploaded: Positions, origins: Mapping[Path, Path]) -> None:
        self._uploaded = uploaded
        self._origins = origins

    def find(self, path: Path) -> Spot:
        return self._uploaded.find(self._origin(path))

    def file(self, path: Path) -> str:
        return self._uploaded.file(self._origin(path))

    def _origin(self, path: Path) -> Path:
        for length in range(len(path), 0, -1):
            origin = self._origins.get(path[:length])
            if origin is not None:
                return (*origin, *path[length:])
        return path


class BundledPositions:
    """Positions of a document into which parts of other files were taken.

    `name` is the root file's; `parts` maps where a part stands now to its file's name, its
    positions, and its path there.
    """

    def __init__(
        self, name: str, root: Positions, parts: Mapping[Path, tuple[str, Positions, Path]]
    ) -> None:
        self._name = name
        self._root = root
        self._parts = parts

    def find(self, path: Path) -> Spot:
        _name, positions, inner = self._part(path)
        return positions.find(inner)

    def file(self, path: Path) -> str:
        return self._part(path)[0]

    def _part(self, path: Path) -> tuple[str, Positions, Path]:
        for length in range(len(path), 0, -1):
            part = self._parts.get(path[:length])
            if part is not None:
                name, positions, start = part
                return name, positions, (*start, *path[length:])
        return self._name, self._root, path
