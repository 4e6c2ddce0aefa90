"""The files of one shipper: those that are named, and those that patterns find, now and later.

Each has its own place in the checkpoint. One batch of one file is in memory at a time, however many
files there are.
"""

from __future__ import annotations

import glob
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from apim.gateway.shipping.follower import Follower, is_older, was_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.gateway.shipping.checkpoint import Checkpoint, Place
    from apim.gateway.shipping.follower import Lines, Position

LOOK_SECONDS = 1.0
# A file found by a pattern is let go this long after it has vanished, and closed (yet looked at)
# when nobody has written to it for so long: patterns find a new file every day.
GONE_SECONDS = 60.0
IDLE_SECONDS = 600.0
# What rotation has packed was delivered before, and is no text.
_PACKED = (".gz", ".zst", ".bz2", ".xz", ".zip")


class WatchedFile:
    """One log file, read from its place on."""

    def __init__(
        self, path: Path, place: Place, position: Position | None, *, is_named: bool
    ) -> None:
        self.path = path
        self._place = place
        self._follower = Follower(path, position)
        self._is_new = position is None
        self._is_named = is_named
        self._quiet_since = time.monotonic()
        self._closed_at: _Stamp | None = None

    def read(self, max_lines: int) -> Lines | None:
        """As Follower.read. Raises OSError for a file that may not be read."""
        seen = _stamp(self.path)
        now = time.monotonic()
        if self._closed_at is not None:
            if self._closed_at == seen:
                return None
            self._closed_at, self._quiet_since = None, now
        if not self.begin():
            return None
        found = self._follower.read(max_lines)
        if found is not None:
            self._quiet_since = now
        elif not self._is_named and now - self._quiet_since >= IDLE_SECONDS:
            self._follower.close()
            self._closed_at = seen
        return found

    def begin(self) -> bool:
        """Save where a new file begins: it may be rotated, and we killed, before its first delivery.

        False while there is no file. Raises OSError.
        """
        if self._is_new and (beginning := self._follower.begin()) is not None:
            self._place.save(beginning)
            self._is_new = False
        return not self._is_new

    def delivered(self, end: Position) -> None:
        """Save the place, after the receiver's 200 only."""
        self._place.save(end)
        self._follower.advance(end)

    def unread_bytes(self) -> int:
        return self._follower.unread_bytes()

    def is_gone(self) -> bool:
        """Found by a pattern, vanished, and read to its end: nobody needs its place any more."""
        is_quiet = time.monotonic() - self._quiet_since >= GONE_SECONDS
        return not self._is_named and is_quiet and not self.path.exists()

    def forget(self) -> None:
        self.close()
        self._place.forget()

    def close(self) -> None:
        self._follower.close()


class Files:
    """What the patterns name: a path, or one with `*`, `?`, `[…]` or `**`."""

    def __init__(self, patterns: Sequence[str], checkpoint: Checkpoint) -> None:
        self._named = [Path(one).resolve() for one in patterns if not glob.has_magic(one)]
        self._patterns = [one for one in patterns if glob.has_magic(one)]
        self._checkpoint = checkpoint
        self._watched: dict[Path, WatchedFile] = {}
        self._look_at = 0.0
        for path in self._named:
            self._watch(path, is_named=True)

    def now(self) -> list[WatchedFile]:
        """Those to be read now. New ones are looked for every LOOK_SECONDS."""
        if self._patterns and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            for path in self._found():
                self._watch(path, is_named=False)
            for gone in [one for one in self._watched.values() if one.is_gone()]:
                gone.forget()
                del self._watched[gone.path]
        return list(self._watched.values())

    def unread_bytes(self) -> int:
        return sum(one.unread_bytes() for one in self._watched.values())

    def close(self) -> None:
        for one in self._watched.values():
            one.close()

    def _found(self) -> list[Path]:
        """Files that match. What rotation has made of one of them is read by that one's follower."""
        names = {
            Path(name).resolve()
            for pattern in self._patterns
            for name in glob.glob(pattern, recursive=True)  # noqa: PTH207 - absolute ones too
            if not name.endswith(_PACKED)
        }
        live = names | self._watched.keys()
        return sorted(path for path in names if path.is_file() and not _is_older_of(path, live))

    def _watch(self, path: Path, *, is_named: bool) -> None:
        if path in self._watched:
            return
        is_only = not self._patterns and len(self._named) == 1
        place = self._checkpoint.only_place() if is_only else self._checkpoint.place_of(path)
        position = place.load()
        if position is None and not is_only:
            position = self._of_former_only_file(path)
        self._watched[path] = WatchedFile(path, place, position, is_named=is_named)
        with suppress(OSError):  # reading it will say what is wrong
            self._watched[path].begin()

    def _of_former_only_file(self, path: Path) -> Position | None:
        """Where a shipper that followed nothing else has left this file."""
        position = self._checkpoint.only_place().load()
        return position if position is not None and was_in(path, position) else None


def _is_older_of(path: Path, live: Iterable[Path]) -> bool:
    return any(
        one.parent == path.parent and one != path and is_older(path.name, one.name) for one in live
    )


_Stamp = tuple[int, int, int, int]


def _stamp(path: Path) -> _Stamp | None:
    """What changes as soon as somebody writes to the file or replaces it."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
