"""How far delivery has come, on disk: replaced as a whole, and only after the receiver's 200."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from apim.gateway.shipping.follower import Position

if TYPE_CHECKING:
    from pathlib import Path


class CheckpointProblem(Exception):
    """The checkpoint cannot be used; the message says what to do."""


class Place:
    """How far one file is delivered, in a small file of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.new")

    def load(self) -> Position | None:
        """None at the first start. Raises CheckpointProblem for a file that we did not write."""
        try:
            return Position(**json.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError):
            raise CheckpointProblem(
                f"{self._path} cannot be read: remove it to deliver the log from its beginning "
                "(what was delivered before is recognised and not counted again)"
            ) from None

    def save(self, position: Position) -> None:
        """Survives a power cut: the draft is on disk before it takes the old one's place."""
        with self._draft.open("wb") as draft:
            draft.write(json.dumps(asdict(position)).encode())
            draft.flush()
            os.fsync(draft.fileno())
        self._draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def forget(self) -> None:
        self._path.unlink(missing_ok=True)


class Checkpoint:
    """The places of all files of a shipper, held by one process at a time.

    Raises CheckpointProblem when another holds it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = path.with_name(f"{path.name}.lock")
        self._lock = os.open(lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise CheckpointProblem(
                f"another shipper uses {path}: give each its own APIM_SHIPPER_CHECKPOINT"
            ) from None

    def only_place(self) -> Place:
        """Of a shipper that follows one file."""
        return Place(self._path)

    def place_of(self, file: Path) -> Place:
        """Of one file among several: named after it, told apart by its whole path."""
        digest = hashlib.sha256(os.fsencode(file)).hexdigest()[:12]
        return Place(self._path.with_name(f"{self._path.name}.{file.name[:80]}.{digest}"))

    def close(self) -> None:
        os.close(self._lock)
