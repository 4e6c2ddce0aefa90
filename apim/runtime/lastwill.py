"""A small process that outlives a killed supervisor and ends what that has left behind.

The kernel's parent-death signal reaches the supervisor's own children only, and a child may take
it as a wish: Celery, asked to stop while Redis goes away too, keeps trying to reconnect.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

GRACE_SECONDS = 10.0
POLL_SECONDS = 0.1


class LastWill:
    """The supervisor's end: says which process groups run. Its pipe closes when it dies."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__))],  # by path: it needs nothing of ours
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def add(self, group: int) -> None:
        self._tell(f"+{group}")

    def remove(self, group: int) -> None:
        self._tell(f"-{group}")

    def close(self) -> None:
        """Call when all groups are removed."""
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.wait()

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # without it we are no worse than before
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()


def execute(lines: Iterable[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """Read until the supervisor is gone, wait for its groups to end, kill what remains."""
    groups: set[int] = set()
    for line in lines:
        change = groups.add if line[0] == "+" else groups.discard
        change(int(line[1:]))
    give_up_at = time.monotonic() + grace_seconds
    while groups and time.monotonic() < give_up_at:
        groups = {group for group in groups if _exists(group)}
        time.sleep(POLL_SECONDS)
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)


def _exists(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it runs as another user
        pass
    return True


if __name__ == "__main__":
    execute(sys.stdin)
