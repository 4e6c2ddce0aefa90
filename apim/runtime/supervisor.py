"""Starts all processes in order, keeps them running, stops them in reverse order."""

import asyncio
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from apim.runtime.console import Console
from apim.runtime.keeper import Keeper, ProcessSpec, Stage
from apim.runtime.lastwill import LastWill
from apim.runtime.problems import RuntimeProblem

KILLED_EXIT_CODE = 130


class Supervisor:
    """Runs `specs` until a signal asks for the end."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        *,
        env: Mapping[str, str],
        folder: Path,
        logs: Path,
        console: Console,
    ) -> None:
        self._console = console
        self._stop_asked = asyncio.Event()
        self._exit_code = 0
        self._last_will = LastWill()
        stage = Stage(env=env, folder=folder, logs=logs, console=console, last_will=self._last_will)
        self._keepers = {spec.name: Keeper(spec, stage) for spec in specs}

    async def run(self, when_ready: Callable[[], None]) -> int:
        """Return the exit code: 0 after a stop in order, 1 if a process is not ready in time."""
        self._listen_for_signals()
        try:
            if await self._start_all():
                when_ready()
            await self._stop_asked.wait()
        except RuntimeProblem as problem:
            await self._stop_all()
            self._console.problem(str(problem))  # last, where it is not scrolled away
            return 1
        await self._stop_all()
        return self._exit_code

    async def _start_all(self) -> bool:
        """Return true once all are ready, false if a signal came first. Raises RuntimeProblem."""
        stop = asyncio.create_task(self._stop_asked.wait())
        starts = [asyncio.create_task(self._start(keeper)) for keeper in self._keepers.values()]
        pending: set[asyncio.Task[object]] = {stop, *starts}
        try:
            while not stop.done() and not all(start.done() for start in starts):
                done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            return not stop.done()
        finally:
            for task in [stop, *starts]:
                task.cancel()
            await asyncio.gather(stop, *starts, return_exceptions=True)

    async def _start(self, keeper: Keeper) -> None:
        for name in keeper.spec.after:
            if name in self._keepers:  # an outside database or gateway has no keeper
                await self._keepers[name].is_ready.wait()
        await keeper.start()

    async def _stop_all(self) -> None:
        for keeper in reversed(self._keepers.values()):
            await keeper.stop()
        self._last_will.close()

    def _listen_for_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._on_signal)

    def _on_signal(self) -> None:
        if self._stop_asked.is_set():
            self._console.say("Killing what still runs.")
            self._exit_code = KILLED_EXIT_CODE
            for keeper in self._keepers.values():
                keeper.abandon()
            return
        self._console.say("Stopping in order; press Ctrl-C again to kill.")
        self._stop_asked.set()


def run_supervisor(supervise: Callable[[], Supervisor], when_ready: Callable[[], None]) -> int:
    """Run a supervisor in an event loop that waits for children without threads.

    A thread besides the main one would make running code between fork and exec unsafe.
    """
    if sys.platform == "linux" and sys.version_info < (3, 12):
        asyncio.set_child_watcher(asyncio.PidfdChildWatcher())

    async def main() -> int:
        return await supervise().run(when_ready)

    return asyncio.run(main())
