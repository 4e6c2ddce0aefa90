"""Real PostgreSQL and Redis for the tests: private, empty, gone when the run ends."""

import atexit
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from apim.runtime.embedded import EmbeddedPostgres, EmbeddedRedis, free_port
from apim.runtime.processtree import die_with_parent

STOP_SECONDS = 10


def start_services() -> dict[str, str]:
    """Start what the environment does not name yet; return the variables to export."""
    folder = Path(tempfile.mkdtemp(prefix="apim-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    started: dict[str, str] = {}
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(
            data_folder=folder / "postgres", port=free_port(), durable=False
        )
        _run(postgres, folder / "postgres.log")
        postgres.ensure_database()
        started["DATABASE_URL"] = postgres.url()
    if not os.environ.get("REDIS_URL"):
        redis = EmbeddedRedis(folder=folder / "redis", port=free_port(), durable=False)
        _run(redis, folder / "redis.log")
        started["REDIS_URL"] = redis.url()
    return started


def own_redis_database(redis_url: str, worker: str) -> str:
    """Return the URL of this xdist worker's own Redis database: gw0 uses 1, gw1 uses 2, …"""
    return f"{redis_url.rsplit('/', 1)[0]}/{int(worker.removeprefix('gw')) + 1}"


def _run(server: EmbeddedPostgres | EmbeddedRedis, log_file: Path) -> None:
    server.prepare()
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            server.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=die_with_parent(server.stop_signal),  # noqa: PLW1509  no threads here
            start_new_session=True,  # Ctrl-C is for pytest; the servers stop after it
        )
    atexit.register(_stop, process, server.stop_signal)
    server.wait_ready()


def _stop(process: subprocess.Popen[bytes], stop_signal: int) -> None:
    process.send_signal(stop_signal)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
