"""The state folder (`.apim/`, moved with APIM_HOME): secrets, ports, logs, data, and its lock."""

import fcntl
import getpass
import json
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TextIO, TypeVar

from apim.runtime.problems import RuntimeProblem

T = TypeVar("T", str, int)

SECRET_BYTES = 36
# Environment variables that are made up once, on the first start. Every process of ours gets
# the first group; the second is for the one process that each concerns.
SHARED_SECRETS = ("SECRET_KEY", "APIM_KEY_PEPPER", "APIM_AUTHORIZER_TOKEN")
GATEWAY_TOKEN = "APIM_GATEWAY_TOKEN"  # noqa: S105  the variable's name
# What the product and the local Stripe simulator show each other.
STRIPE_SIMULATOR_SECRETS = ("APIM_STRIPE_SIMULATOR_KEY", "STRIPE_WEBHOOK_SECRET")
OWN_SECRETS = (
    GATEWAY_TOKEN,
    "APIM_POSTGRES_PASSWORD",
    "APIM_REDIS_PASSWORD",
    *STRIPE_SIMULATOR_SECRETS,
)
ADMIN_PASSWORD = "APIM_ADMIN_PASSWORD"  # noqa: S105  the variable's name
ADMIN_PASSWORD_BYTES = 12


@dataclass(frozen=True)
class Home:
    """Paths inside the state folder. `open` makes it usable; nothing else creates folders."""

    folder: Path

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Create the folder, readable by us alone. Raises RuntimeProblem if we may not write."""
        home = cls(folder.resolve())
        try:
            home.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for inner in (home.logs, home.run, home.mail, home.envoy):
                inner.mkdir(exist_ok=True, mode=0o700)
            probe = home.folder / ".writable"
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise RuntimeProblem(
                f"{home.folder} is not writable for {getpass.getuser()} ({error.strerror}): "
                "give it to this user (chown -R), or set APIM_HOME to a folder of its own."
            ) from error
        return home

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def run(self) -> Path:
        """Heartbeats, sockets and the like, of no use after a stop."""
        return self.folder / "run"

    @property
    def envoy(self) -> Path:
        """Access log and what the shipper has delivered of it."""
        return self.folder / "envoy"

    @property
    def mail(self) -> Path:
        return self.folder / "mail"

    def lock(self) -> TextIO:
        """Keep a second supervisor out for as long as the returned file is open.

        Raises RuntimeProblem if one is running.
        """
        file = (self.folder / "supervisor.lock").open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            file.close()
            raise RuntimeProblem(
                f"Another `make up` (process {owner}) already runs on {self.folder}: "
                "stop it with Ctrl-C there, or set APIM_HOME to another folder."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        return file

    def secrets(self) -> dict[str, str]:
        """Return the generated secrets by variable name, making up what is missing."""
        wanted: dict[str, Callable[[], str]] = dict.fromkeys(
            (*SHARED_SECRETS, *OWN_SECRETS), _new_secret
        )
        wanted[ADMIN_PASSWORD] = lambda: secrets.token_urlsafe(ADMIN_PASSWORD_BYTES)
        return self._remember("secrets.json", wanted)

    def ports(self, wanted: dict[str, Callable[[], int]]) -> dict[str, int]:
        """Return the remembered ports, choosing those that are missing."""
        return self._remember("ports.json", wanted)

    def forget_port(self, name: str) -> None:
        """Drop a remembered port that somebody else has taken."""
        known = _read(self.folder / "ports.json")
        known.pop(name, None)
        _write(self.folder / "ports.json", known)

    def _remember(self, name: str, wanted: dict[str, Callable[[], T]]) -> dict[str, T]:
        file = self.folder / name
        known: dict[str, Any] = _read(file)
        missing = wanted.keys() - known.keys()
        if missing:
            known |= {key: wanted[key]() for key in sorted(missing)}
            _write(file, known)
        return {key: known[key] for key in wanted}


def _new_secret() -> str:
    return secrets.token_urlsafe(SECRET_BYTES)


def _read(file: Path) -> dict[str, object]:
    if not file.exists():
        return {}
    try:
        known = json.loads(file.read_text())
    except ValueError:
        known = None
    if not isinstance(known, dict):
        raise RuntimeProblem(f"{file} is damaged: restore it from a backup, or move it away.")
    return known


def _write(file: Path, content: dict[str, object]) -> None:
    """Replace the file in one step, so that a crash leaves the old or the new one."""
    draft = file.with_suffix(".tmp")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content, indent=2) + "\n")
    draft.replace(file)
