"""Ships a gateway's JSON access logs to the usage intake: at least once, for ever.

    python -m apim.gateway.shipper                       runs until SIGTERM
    python -m apim.gateway.shipper --file a.log --file 'logs/*.json'
    python -m apim.gateway.shipper --health              exit 0 while a running shipper is alive

Needs no Django, database or Redis: it may run beside any gateway. Its place in each log is saved only
after the intake has said 200, so a kill at any moment repeats lines; the intake recognises them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from apim.env import EnvironmentProblem, env_int, env_path, env_str
from apim.gateway.shipping.checkpoint import Checkpoint, CheckpointProblem
from apim.gateway.shipping.delivery import Receiver, Verdict, back_off
from apim.gateway.shipping.files import Files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.gateway.shipping.files import WatchedFile
    from apim.gateway.shipping.follower import Lines

logger = logging.getLogger("shipper")

POLL_SECONDS = 0.1
HEARTBEAT_SECONDS = 1.0
DEAD_AFTER_SECONDS = 15.0
# What a stop may take to deliver the last lines.
LAST_LINES_SECONDS = 5.0
COMPLAIN_EVERY_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    # Paths, or patterns with `*`.
    files: tuple[str, ...]
    url: str
    token: str
    checkpoint: Path
    heartbeat: Path
    max_batch: int

    @property
    def refused(self) -> Path:
        """Lines that the intake does not take in any company; for a person to look at."""
        return self.checkpoint.with_name(f"{self.checkpoint.name}.refused")


def settings_from_environment(files: Sequence[str] = ()) -> Settings:
    """Read APIM_SHIPPER_*; `files` replace APIM_SHIPPER_FILE, where a colon separates several.

    Raises EnvironmentProblem.
    """
    checkpoint = Path(env_str("APIM_SHIPPER_CHECKPOINT")).expanduser().resolve()
    files = files or [one for one in env_str("APIM_SHIPPER_FILE").split(os.pathsep) if one]
    return Settings(
        files=tuple(str(Path(one).expanduser()) for one in files),
        url=env_str("APIM_SHIPPER_URL"),
        token=env_str("APIM_SHIPPER_TOKEN"),
        checkpoint=checkpoint,
        heartbeat=env_path(
            "APIM_SHIPPER_HEARTBEAT", checkpoint.with_name(f"{checkpoint.name}.alive")
        ),
        max_batch=env_int("APIM_SHIPPER_MAX_BATCH", 2000, minimum=1),
    )


class Shipper:
    """Follows files in turn and delivers their lines, one batch at a time, each file in order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._checkpoint = Checkpoint(settings.checkpoint)
        self._files = Files(settings.files, self._checkpoint)
        self._receiver = Receiver(settings.url, settings.token)
        self._stop = threading.Event()
        self._heart_beats_at = 0.0
        self._complains_at = 0.0
        self._unreadable: dict[Path, float] = {}
        self._failing_since: float | None = None

    def stop(self) -> None:
        """Deliver what is there, then return from `run`."""
        self._stop.set()

    def run(self) -> None:
        logger.info("shipping %s to %s", ", ".join(self._settings.files), self._settings.url)
        while not self._stop.is_set():
            self._beat()
            if not self._deliver_a_turn():
                self._stop.wait(POLL_SECONDS)  # let lines gather: fewer, larger batches
        self._deliver_last_lines()
        self.close()

    def close(self) -> None:
        self._files.close()
        self._receiver.close()
        self._checkpoint.close()

    def _deliver_a_turn(self) -> bool:
        """A batch of each file; whether any was full, so that more is waiting."""
        is_more_waiting = False
        for file in self._files.now():
            batch = self._read(file)
            if batch is None:
                continue
            if not self._deliver(file, batch):
                return False
            is_more_waiting |= len(batch.lines) >= self._settings.max_batch
        return is_more_waiting

    def _read(self, file: WatchedFile) -> Lines | None:
        """One file that may not be read must not hold up the others."""
        try:
            return file.read(self._settings.max_batch)
        except OSError as error:
            now = time.monotonic()
            if now >= self._unreadable.get(file.path, 0.0):
                self._unreadable[file.path] = now + COMPLAIN_EVERY_SECONDS
                logger.error("%s cannot be read: %s", file.path, error)  # noqa: TRY400
            return None

    def _deliver_last_lines(self) -> None:
        """The gateway has stopped before us; what it wrote last is delivered if the intake lives."""
        give_up_at = time.monotonic() + LAST_LINES_SECONDS
        for file in self._files.now():
            while time.monotonic() < give_up_at:
                batch = self._read(file)
                if batch is None:
                    break
                if not self._deliver(file, batch):
                    return

    def _deliver(self, file: WatchedFile, batch: Lines) -> bool:
        """Deliver and save the place. False when stopped while the intake was away."""
        if batch.lines and not self._send(batch.lines):
            return False
        file.delivered(batch.end)
        return True

    def _send(self, lines: Sequence[bytes]) -> bool:
        """Retry for ever; halve a batch that is refused until the guilty line is alone."""
        attempt = 0
        while True:
            answer = self._receiver.post(lines)
            if answer.verdict is Verdict.DELIVERED:
                self._recovered()
                return True
            if answer.verdict is Verdict.REFUSED:
                return self._split(lines, answer.detail)
            self._complain(answer.detail)
            if self._stop.is_set() or self._rest(back_off(attempt, answer.wait_seconds)):
                return False
            attempt += 1

    def _split(self, lines: Sequence[bytes], detail: str) -> bool:
        if len(lines) == 1:
            self._put_aside(lines[0], detail)
            return True
        middle = len(lines) // 2
        return self._send(lines[:middle]) and self._send(lines[middle:])

    def _put_aside(self, line: bytes, detail: str) -> None:
        logger.error("the intake refused a line, kept in %s: %s", self._settings.refused, detail)
        descriptor = os.open(self._settings.refused, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _rest(self, seconds: float) -> bool:
        """Wait, still alive; true when told to stop meanwhile."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._beat()
            if self._stop.wait(min(left, HEARTBEAT_SECONDS)):
                return True
        return False

    def _complain(self, detail: str) -> None:
        now = time.monotonic()
        self._failing_since = self._failing_since or now
        if now >= self._complains_at:
            self._complains_at = now + COMPLAIN_EVERY_SECONDS
            logger.warning("not delivered, trying again until it is: %s", detail)

    def _recovered(self) -> None:
        if self._failing_since is not None:
            seconds = time.monotonic() - self._failing_since
            logger.info("delivering again after %.1f seconds", seconds)
            self._failing_since = None
            self._complains_at = 0.0

    def _beat(self) -> None:
        now = time.monotonic()
        if now < self._heart_beats_at:
            return
        self._heart_beats_at = now + HEARTBEAT_SECONDS
        failing = 0.0 if self._failing_since is None else now - self._failing_since
        state = {
            "failing_seconds": round(failing, 1),
            "unread_bytes": self._files.unread_bytes(),
        }
        draft = self._settings.heartbeat.with_name(f"{self._settings.heartbeat.name}.new")
        draft.write_text(json.dumps(state))
        draft.replace(self._settings.heartbeat)


def is_alive(heartbeat: Path) -> bool:
    """Whether a shipper has touched its heartbeat lately; it does so while it waits, too."""
    try:
        age = time.time() - heartbeat.stat().st_mtime
    except FileNotFoundError:
        return False
    return age < DEAD_AFTER_SECONDS


def main(arguments: Sequence[str]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    asked = _parser().parse_args(arguments)
    try:
        settings = settings_from_environment(asked.file)
        if asked.health:
            return 0 if is_alive(settings.heartbeat) else 1
        shipper = Shipper(settings)
    except (EnvironmentProblem, CheckpointProblem, ValueError) as problem:
        logger.error("%s", problem)  # noqa: TRY400 - one clear line, no traceback
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: shipper.stop())
    shipper.run()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m apim.gateway.shipper",
        description="Ships JSON access logs to the usage intake. Address, token and checkpoint come"
        " from APIM_SHIPPER_URL, APIM_SHIPPER_TOKEN and APIM_SHIPPER_CHECKPOINT.",
    )
    parser.add_argument(
        "--file",
        action="append",
        default=[],
        metavar="PATH",
        help="a log file, or a quoted pattern such as 'logs/*.json'; may be given several times"
        " (else APIM_SHIPPER_FILE, separated by colons)",
    )
    parser.add_argument(
        "--health", action="store_true", help="exit with 0 while a running shipper is alive"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
