"""Questions that tell whether a process is ready. Each answers at once, true or false."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from apim.runtime.embedded import LOOPBACK

Probe = Callable[[], Coroutine[Any, Any, bool]]
ANSWER_SECONDS = 3.0


def http_ok(port: int, path: str) -> Probe:
    """Ask `http://127.0.0.1:port path`; only a 200 counts."""
    # HTTP/1.1, since Envoy refuses 1.0.
    request = (
        f"GET {path} HTTP/1.1\r\nHost: {LOOPBACK}:{port}\r\nConnection: close\r\n\r\n".encode()
    )

    async def ask() -> bool:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                reader, writer = await asyncio.open_connection(LOOPBACK, port)
                try:
                    writer.write(request)
                    status_line = await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False
        return status_line.split()[1:2] == [b"200"]

    return ask


def answers(question: Callable[[], bool]) -> Probe:
    """Turn a quick blocking question into a probe."""

    async def ask() -> bool:
        return question()

    return ask


def exists(file: Path) -> Probe:
    """Tell whether a heartbeat file is there; whoever starts the process removes the old one."""
    return answers(file.exists)


def is_fresh(file: Path, *, within_seconds: float) -> bool:
    """Tell whether a heartbeat file was touched recently enough."""
    return file.exists() and time.time() - file.stat().st_mtime <= within_seconds
