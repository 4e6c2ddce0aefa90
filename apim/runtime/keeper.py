"""Keeps one process running: starts it, waits until it is ready, restarts it, stops it."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from apim.runtime.console import Console
from apim.runtime.lastwill import LastWill
from apim.runtime.logfile import RotatingLog
from apim.runtime.probes import Probe
from apim.runtime.problems import RuntimeProblem
from apim.runtime.processtree import die_with_parent

READY_POLL_SECONDS = 0.05
BACKOFF_FIRST_SECONDS = 0.5
BACKOFF_MAX_SECONDS = 30.0
STEADY_SECONDS = 30.0  # a process that ran this long starts again without delay history
HOUSEKEEPING_SECONDS = 30.0
TAIL_LINES = 12
LONGEST_LINE_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """What to run and how to tell that it works."""

    name: str
    command: list[str]
    after: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    ready: Probe | None = None  # None: ready as soon as it runs
    one_shot: bool = False  # ready when it has ended well
    before_start: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    # Sent by the kernel if the supervisor is killed. Servers with workers of their own need a
    # signal that they can pass on.
    death_signal: signal.Signals = signal.SIGKILL
    # Called twice a minute while the process is ready, with a way to signal it.
    housekeeping: Callable[[Callable[[signal.Signals], None]], None] | None = None
    ready_seconds: float = 60.0
    grace_seconds: float = 10.0
    # Until it is ready, its output goes to its log alone: what servers say while others are not
    # up yet frightens, and means nothing. If it never gets ready, the log's end is shown.
    quiet_start: bool = False


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What all processes of one supervisor share."""

    env: Mapping[str, str]
    folder: Path
    logs: Path
    console: Console
    last_will: LastWill


def backoff_seconds(failures: int) -> float:
    """Return the wait before the next start: exponential, bounded, half of it random."""
    ceiling: float = min(BACKOFF_MAX_SECONDS, BACKOFF_FIRST_SECONDS * 2 ** min(failures - 1, 10))
    return ceiling * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, guards nothing


class Keeper:
    """One process of the supervisor, from first start to final stop."""

    def __init__(self, spec: ProcessSpec, stage: Stage) -> None:
        self.spec = spec
        self.is_ready = asyncio.Event()
        self._env = {**stage.env, **spec.env}
        self._folder = stage.folder
        self._console = stage.console
        self._last_will = stage.last_will
        self._log = RotatingLog(stage.logs / f"{spec.name}.log")
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._keeping: asyncio.Task[None] | None = None
        self._failures = 0
        self._started_at = 0.0
        self._has_been_ready = False

    async def start(self) -> None:
        """Return once the process is ready. Raises RuntimeProblem if it does not get there."""
        began = time.monotonic()
        await self._spawn()
        if self.spec.one_shot:
            await self._finish_one_shot()
        else:
            self._keeping = asyncio.create_task(self._keep())
            try:
                async with asyncio.timeout(self.spec.ready_seconds):
                    await self.is_ready.wait()
            except TimeoutError:
                raise RuntimeProblem(
                    self._explain(f"is not ready after {self.spec.ready_seconds:g} s")
                ) from None
        done = "done" if self.spec.one_shot else "ready"
        self._console.event(self.spec.name, f"{done} in {time.monotonic() - began:.1f} s")

    async def stop(self) -> None:
        """Ask the process to end; kill it, and all that it started, when its grace is over."""
        if self._keeping is not None:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            self._console.event(self.spec.name, "stopping")
            self._signal(self.spec.stop_signal)
            try:
                async with asyncio.timeout(self.spec.grace_seconds):
                    await self._process.wait()
            except TimeoutError:
                self._console.event(
                    self.spec.name, f"did not stop within {self.spec.grace_seconds:g} s: killed"
                )
        self.kill()
        await self._drain()
        self._log.close()

    def abandon(self) -> None:
        """Kill at once and do not start again."""
        if self._keeping is not None:
            self._keeping.cancel()
        self.kill()

    def kill(self) -> None:
        """Kill the process and whatever is left of its process group, at once."""
        if self._process is not None:
            # The child leads its own session, so its pid is also the group's id. Workers that
            # outlive their parent would keep its port.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._last_will.remove(self._process.pid)

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    async def _keep(self) -> None:
        """Wait for readiness, then for the end, then start again; until cancelled."""
        while True:
            assert self._process is not None
            watch = asyncio.create_task(self._watch_ready())
            try:
                code = await self._process.wait()
            finally:
                watch.cancel()
            self.is_ready.clear()
            self.kill()
            await self._drain()
            ran_seconds = time.monotonic() - self._started_at
            self._failures = 1 if ran_seconds >= STEADY_SECONDS else self._failures + 1
            delay = backoff_seconds(self._failures)
            self._console.event(
                self.spec.name, f"{_how_it_ended(code)}; starting again in {delay:.1f} s"
            )
            await asyncio.sleep(delay)
            await self._spawn()

    async def _watch_ready(self) -> None:
        while self.spec.ready is not None and not await self.spec.ready():  # noqa: ASYNC110  a process has no event
            await asyncio.sleep(READY_POLL_SECONDS)
        self.is_ready.set()
        self._has_been_ready = True
        if self._failures:
            self._console.event(self.spec.name, "is back")
        while self.spec.housekeeping is not None:
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            try:
                self.spec.housekeeping(self._signal)
            except OSError as error:
                self._console.event(self.spec.name, f"housekeeping failed: {error}")

    async def _finish_one_shot(self) -> None:
        assert self._process is not None
        code = await self._process.wait()
        await self._drain()
        if code != 0:
            raise RuntimeProblem(self._explain(_how_it_ended(code)))
        self.is_ready.set()

    async def _spawn(self) -> None:
        if self.spec.before_start is not None:
            self.spec.before_start()
        self._started_at = time.monotonic()
        # Our own pipe: asyncio's would let `wait` hang while a grandchild keeps it open.
        output, child_end = os.pipe()
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.spec.command,
                cwd=self._folder,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=child_end,
                stderr=child_end,
                start_new_session=True,  # Ctrl-C reaches the supervisor alone, which stops in order
                preexec_fn=die_with_parent(self.spec.death_signal),
            )
            self._last_will.add(self._process.pid)
        finally:
            os.close(child_end)
            self._pump = asyncio.create_task(self._copy_output(output))

    async def _copy_output(self, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
        )
        try:
            await self._copy_lines(reader)
        finally:
            transport.close()

    async def _copy_lines(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await reader.read(LONGEST_LINE_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._show(line)
            if len(rest) > LONGEST_LINE_BYTES:
                self._show(rest)
                rest = b""
        if rest:
            self._show(rest)

    def _show(self, line: bytes) -> None:
        self._log.write(line + b"\n")
        if self.spec.quiet_start and not self._has_been_ready:
            return
        self._console.output(self.spec.name, line.decode(errors="replace").rstrip())

    async def _drain(self) -> None:
        """Let the output's last lines through; a grandchild that holds the pipe may not block us."""
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=1)
            self._pump.cancel()

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def _explain(self, what: str) -> str:
        last_lines = "".join(f"\n    {line}" for line in self._log.tail(TAIL_LINES))
        return f"{self.spec.name} {what}. Its log, {self._log.path}, ends with:{last_lines}"


def _how_it_ended(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with exit code {code}"
