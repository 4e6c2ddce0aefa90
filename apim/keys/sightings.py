"""Where a key was last seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime


class Sighting(NamedTuple):
    """The latest call with a key: its instant, the caller's address, the gateway's name."""

    at: datetime
    ip: str | None = None
    gateway: str = ""
