"""Keeps Envoy's access log from filling the disk, without losing a line that is not yet delivered."""

import json
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

MAX_BYTES = 64 * 1024 * 1024


class AccessLogTurnover:
    """Turns the log over by size; removes an old file once the shipper has gone past it.

    Envoy opens its log again on SIGUSR1
    (https://www.envoyproxy.io/docs/envoy/latest/operations/cli, and `/reopen_logs`). The shipper
    follows a renamed file to its end (apim/gateway/shipping/follower.py).
    """

    def __init__(self, file: Path, checkpoint: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._file = file
        self._checkpoint = checkpoint
        self._max_bytes = max_bytes

    def __call__(self, send: Callable[[signal.Signals], None]) -> None:
        """Do what is due; `send` signals Envoy."""
        self._remove_delivered()
        if self._file.exists() and self._file.stat().st_size > self._max_bytes:
            stamp = datetime.now(UTC).strftime("%Y%m%d%H%M%S%f")
            self._file.rename(self._file.with_name(f"{self._file.name}.{stamp}"))
            send(signal.SIGUSR1)

    def _remove_delivered(self) -> None:
        """Remove the files before the one that the shipper is in."""
        older = sorted(self._file.parent.glob(f"{self._file.name}.[0-9]*"))
        if not older or not self._checkpoint.exists():
            return
        position = json.loads(self._checkpoint.read_text())
        place = (position["device"], position["inode"])
        files = [path for path in (*older, self._file) if path.exists()]
        identities = [(path.stat().st_dev, path.stat().st_ino) for path in files]
        if place not in identities:  # the new file is not there yet, or something is odd: wait
            return
        for path in files[: identities.index(place)]:
            path.unlink()
