"""What must be true before anything starts. Each failure is one line that says what to do."""

import socket
import time
from collections.abc import Mapping

from apim.runtime.embedded import LOOPBACK
from apim.runtime.problems import RuntimeProblem

OLDEST_PYTHON = (3, 11)
# What a killed supervisor left behind needs a moment to end.
PORT_PATIENCE_SECONDS = 3.0
PORT_POLL_SECONDS = 0.1


def check_python(version: tuple[int, int]) -> None:
    """Refuse a Python that is too old. Raises RuntimeProblem."""
    if version < OLDEST_PYTHON:
        raise RuntimeProblem(
            f"This is Python {version[0]}.{version[1]}; apim needs "
            f"{OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer: install one and run "
            "`make clean up PYTHON=/path/to/python3`."
        )


def check_ports(wanted: Mapping[str, int]) -> None:
    """Check ports given by variable name. Raises RuntimeProblem naming a taken one."""
    seen: dict[int, str] = {}
    for variable, port in wanted.items():
        if port in seen:
            raise RuntimeProblem(
                f"{variable} and {seen[port]} are both {port}: change one of them."
            )
        seen[port] = variable
        if not _becomes_free(port):
            raise RuntimeProblem(
                f"Port {port} is taken by another program: stop that, or choose another port, "
                f"for example {variable}={_suggest(port, set(wanted.values()))} make up."
            )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # A closed connection that still lingers does not count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _becomes_free(port: int) -> bool:
    give_up_at = time.monotonic() + PORT_PATIENCE_SECONDS
    while not is_free(port):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(PORT_POLL_SECONDS)
    return True


def _suggest(port: int, taken: set[int]) -> int:
    """Return a free port near the wanted one, so that it is easy to remember."""
    return next(near for near in range(port + 10, 65536) if near not in taken and is_free(near))
