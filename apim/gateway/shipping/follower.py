"""Follows a log file through rotation, truncation and restarts without losing or inventing a line.

Knows rename-and-create, copy-and-truncate, and files that were rotated while nobody watched. Only
whole lines are given out; a position names the file by device, inode and a digest of its beginning,
because an inode may be used again.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

HEAD_BYTES = 512
MAX_LINE_BYTES = 1024 * 1024
# A writer goes on into the renamed file until it is told to open the new one.
ROTATION_GRACE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Position:
    """Everything before `offset` of that file is delivered. `head` digests its first bytes."""

    device: int
    inode: int
    offset: int
    head_length: int
    head: str


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines without line ends, and the position behind them."""

    lines: list[bytes]
    end: Position


@dataclass(slots=True)
class _File:
    descriptor: int
    device: int
    inode: int
    offset: int
    # A copy or an old file is left at its end; the live file is waited on.
    is_live: bool
    quiet_since: float = 0.0
    in_long_line: bool = False

    def close(self) -> None:
        os.close(self.descriptor)


class Follower:
    """Gives out the lines of `path` from `position` on; from its beginning without one."""

    def __init__(self, path: Path, position: Position | None) -> None:
        self._path = path
        self._position = position
        self._file: _File | None = None

    def read(self, max_lines: int, max_bytes: int = 2 * MAX_LINE_BYTES) -> Lines | None:
        """The next whole lines, or None when there are none now. Call `advance` to go on."""
        while True:
            if self._file is None and not self._open_first():
                return None
            file = self._file
            assert file is not None
            if self._was_truncated(file):
                self._after_truncation(file)
                continue
            data = os.pread(file.descriptor, max_bytes, file.offset)
            found = self._whole_lines(file, data, max_lines)
            if found is not None:
                return found
            if file.in_long_line and len(data) >= MAX_LINE_BYTES:
                continue
            if not self._is_finished(file):
                return None
            if data:  # its writer died within the line; the receiver keeps what there is
                return Lines([data], self._position_at(file, file.offset + len(data)))
            if not self._open(self._next_file(file), 0, is_live=True):
                return None

    def begin(self) -> Position | None:
        """Open a file that was never read; its position, to be saved before anything is delivered.

        It names the file by what stands in it already, so that one that is rotated before its first
        line is delivered is found again. None while there is no file.
        """
        if not self._open(self._path, 0, is_live=True):
            return None
        assert self._file is not None
        self._position = self._position_at(self._file, 0, HEAD_BYTES)
        return self._position

    def advance(self, end: Position) -> None:
        """The lines up to `end` are delivered."""
        self._position = end
        if self._file is not None:
            self._file.offset = end.offset

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def unread_bytes(self) -> int:
        """Bytes behind the position in the open file."""
        if self._file is None:
            return 0
        return max(0, os.fstat(self._file.descriptor).st_size - self._file.offset)

    def _whole_lines(self, file: _File, data: bytes, max_lines: int) -> Lines | None:
        """Lines of `data` up to its last line end; skips a line that never ends."""
        if file.in_long_line and data:
            file.offset += data.find(b"\n") + 1 or len(data)
            file.in_long_line = b"\n" not in data
            return None
        end = data.rfind(b"\n") + 1
        if not end:
            if len(data) > MAX_LINE_BYTES:
                logger.error("skipped a line of more than %s bytes", MAX_LINE_BYTES)
                file.in_long_line = True
            return None
        lines = data[:end].split(b"\n")[:-1]
        if len(lines) > max_lines:
            lines = lines[:max_lines]
            end = sum(map(len, lines)) + len(lines)
        file.quiet_since = 0.0
        # A writer without O_APPEND leaves zeros behind a truncation.
        whole = [line.strip(b"\x00\r") for line in lines]
        return Lines([line for line in whole if line], self._position_at(file, file.offset + end))

    def _position_at(self, file: _File, offset: int, known: int = 0) -> Position:
        """`known`: how many bytes from its beginning may be looked at beyond the offset."""
        size = os.fstat(file.descriptor).st_size if known else 0
        length = min(HEAD_BYTES, max(offset, min(known, size)))
        return Position(file.device, file.inode, offset, length, _head(file.descriptor, length))

    def _open_first(self) -> bool:
        """Open the file that the position is in, or what has become of it."""
        position = self._position
        if position is None:
            return self._open(self._path, 0, is_live=True)
        if _identity(self._path) == (position.device, position.inode):
            return self._open(self._path, position.offset, is_live=True)
        for sibling in self._older_files():
            if _identity(sibling) == (position.device, position.inode):
                return self._open(sibling, position.offset, is_live=False)
        return self._open_copy(position) or self._start_anew(position)

    def _open_copy(self, position: Position) -> bool:
        """A file that begins like the one we were in and reaches as far: its copy."""
        if not position.head_length:
            return False
        for sibling in self._older_files():
            if _begins_like(sibling, position):
                return self._open(sibling, position.offset, is_live=False)
        return False

    def _start_anew(self, position: Position) -> bool:
        if not self._path.exists():
            return False
        logger.error(
            "%s is another file than at the last delivery (offset %s) and the former one is gone: "
            "starting at its beginning",
            self._path,
            position.offset,
        )
        return self._open(self._path, 0, is_live=True)

    def _open(self, path: Path, offset: int, *, is_live: bool) -> bool:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return False
        status = os.fstat(descriptor)
        self.close()
        self._file = _File(descriptor, status.st_dev, status.st_ino, offset, is_live)
        if self._position is None or (status.st_dev, status.st_ino, offset) != (
            self._position.device,
            self._position.inode,
            self._position.offset,
        ):
            self._position = self._position_at(self._file, offset)
        return True

    def _was_truncated(self, file: _File) -> bool:
        position = self._position
        assert position is not None
        if os.fstat(file.descriptor).st_size < file.offset:
            return True
        return _head(file.descriptor, position.head_length) != position.head

    def _after_truncation(self, file: _File) -> None:
        """Read the rest from the copy that was made before, then the file from its beginning."""
        position = self._position
        assert position is not None
        if file.is_live and self._open_copy(position):
            logger.info("%s was truncated: reading the rest from its copy", self._path)
            return
        logger.info("%s was truncated: reading it from its beginning", self._path)
        self._open(self._path, 0, is_live=True)

    def _is_finished(self, file: _File) -> bool:
        """Whether nobody writes to the file any more, told at its end."""
        if file.is_live and _identity(self._path) in {None, (file.device, file.inode)}:
            file.quiet_since = 0.0
            return False
        now = time.monotonic()
        file.quiet_since = file.quiet_since or now
        return now - file.quiet_since >= ROTATION_GRACE_SECONDS

    def _next_file(self, file: _File) -> Path:
        """The oldest of the files written after this one; mostly the live one."""
        written_ns = os.fstat(file.descriptor).st_mtime_ns
        between = [
            (sibling.stat().st_mtime_ns, sibling)
            for sibling in self._older_files()
            if _identity(sibling) != (file.device, file.inode)
            and sibling.stat().st_mtime_ns > written_ns
        ]
        return min(between, default=(0, self._path))[1]

    def _older_files(self) -> list[Path]:
        return older_files(self._path)


_GENERATION = re.compile(r"[.-]?\d[\dT:_.-]*")


def is_older(name: str, live: str) -> bool:
    """Whether a file of this name is what rotation makes of `live`: access.log.1, access.log-20261121."""
    return name.startswith(live) and bool(_GENERATION.fullmatch(name, len(live)))


def older_files(path: Path) -> list[Path]:
    return [entry for entry in path.parent.iterdir() if is_older(entry.name, path.name)]


def was_in(path: Path, position: Position) -> bool:
    """Whether the position is in this file, or in one that rotation has made of it."""
    place = (position.device, position.inode)
    return _identity(path) == place or any(_identity(one) == place for one in older_files(path))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def _head(descriptor: int, length: int) -> str:
    return hashlib.sha256(os.pread(descriptor, length, 0)).hexdigest() if length else ""


def _begins_like(path: Path, position: Position) -> bool:
    with path.open("rb") as file:
        reaches = os.fstat(file.fileno()).st_size >= position.offset
        return reaches and _head(file.fileno(), position.head_length) == position.head
