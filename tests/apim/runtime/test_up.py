"""`make up` for real: every process ready, each brought back when killed, none left behind."""

import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from apim.runtime.embedded import free_port
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.e2e]
ROOT = Path(__file__).resolve().parents[3]
PORTS = ("APIM_WEB_PORT", "APIM_AUTHORIZER_PORT", "APIM_GATEWAY_PORT", "APIM_DEMO_UPSTREAMS_PORT")
START_SECONDS = 300
SERVERS = (
    *("web", "authorizer", "worker", "usage-worker", "scheduler", "shipper", "envoy", "redis"),
    "postgres",
)


def stat_of(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except FileNotFoundError:
        return None


def is_alive(pid):
    stat = stat_of(pid)
    return stat is not None and stat[0] != "Z"


def descendants(root):
    """All processes below `root`, whatever session they are in."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        stat = stat_of(folder.name)
        if stat is not None:
            parents[int(folder.name)] = int(stat[1])
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {root}


class Up:
    def __init__(self, home):
        self.home = home
        self.ports = {name: free_port() for name in PORTS}
        self.console = home.with_name("console.txt")
        self.process = None

    def start(self):
        unset = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "APIM_PUBLIC_URL"}
        env = {name: value for name, value in os.environ.items() if name not in unset}
        env |= {name: str(port) for name, port in self.ports.items()}
        with self.console.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apim.runtime", "up"],
                cwd=ROOT,
                env={**env, "APIM_HOME": str(self.home)},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self.says(r"apim is ready after ([\d.]+) s")

    def says(self, pattern, *, times=1):
        def found():
            assert self.process.poll() is None, self.console.read_text()[-4000:]
            return len(re.findall(pattern, self.console.read_text())) >= times

        try:
            eventually(found, seconds=START_SECONDS, every=0.1)
        except AssertionError:
            text = self.console.read_text()[-4000:]
            raise AssertionError(f"no {pattern!r} in the end of:\n{text}") from None

    def seconds_to_ready(self):
        return float(re.search(r"apim is ready after ([\d.]+) s", self.console.read_text())[1])

    def answers(self, variable, path):
        """Wait for a 200: a process that another test has just killed may be starting again."""
        url = f"http://127.0.0.1:{self.ports[variable]}{path}"

        def is_ok():
            try:
                with urllib.request.urlopen(url, timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                return False

        eventually(is_ok, seconds=START_SECONDS)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    running = Up(tmp_path_factory.mktemp("up") / "home")
    try:
        running.start()
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def child_pid(up, name):
    """The process that the supervisor itself started under this name."""
    marks = {
        "web": "apim.wsgi:application",
        "authorizer": "apim.gateway.authorizer:app",
        "worker": "\0--concurrency\0002\0",
        "usage-worker": "\0usage\0",
        "scheduler": "\0beat\0",
        "shipper": "apim.gateway.shipper",
        "envoy": "bootstrap.json",
        "redis": "redis-server",
        "postgres": "postgres\0-D",
    }
    for pid in sorted(descendants(up.process.pid)):
        stat = stat_of(pid)
        if stat is None or int(stat[1]) != up.process.pid:
            continue
        command = Path(f"/proc/{pid}/cmdline").read_text()
        if marks[name] in command:
            return pid
    return None


def test_every_address_that_is_printed_answers(up):
    text = up.console.read_text()
    for place in ("Portal", "Dashboard", "API docs", "Mail", "Gateway", "First admin"):
        assert place in text
    up.answers("APIM_WEB_PORT", "/")
    up.answers("APIM_WEB_PORT", "/readyz")
    up.answers("APIM_AUTHORIZER_PORT", "/readyz")


def test_every_process_writes_its_own_log(up):
    names = {path.stem for path in (up.home / "logs").glob("*.log")}
    assert names >= {*SERVERS, "prepare"}


def test_the_state_folder_is_private(up):
    assert up.home.stat().st_mode & 0o077 == 0
    assert (up.home / "secrets.json").stat().st_mode & 0o077 == 0


def test_only_those_processes_that_need_them_have_the_password_and_the_gateway_token(up):
    for name in ("web", "worker", "authorizer"):
        environ = Path(f"/proc/{child_pid(up, name)}/environ").read_text()
        assert "APIM_ADMIN_PASSWORD" not in environ
        assert "APIM_GATEWAY_TOKEN" not in environ


@pytest.mark.parametrize("name", SERVERS)
def test_a_killed_process_comes_back(up, name):
    before = len(re.findall(rf"{name} +\* is back", up.console.read_text()))
    killed = eventually(lambda: child_pid(up, name))
    os.kill(killed, signal.SIGKILL)
    up.says(rf"{name} +\* is back", times=before + 1)
    assert child_pid(up, name) not in (None, killed)
    up.answers("APIM_WEB_PORT", "/readyz")


def test_ctrl_c_leaves_no_process_and_the_second_start_is_quick(up):
    below = descendants(up.process.pid)
    assert len(below) > len(SERVERS)
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0
    assert not [pid for pid in below if is_alive(pid)]
    up.start()
    is_busy = os.getloadavg()[0] > os.cpu_count()  # with other tests, say
    assert up.seconds_to_ready() < (40 if is_busy else 10)


def test_a_killed_supervisor_leaves_no_process(up):
    below = descendants(up.process.pid)
    up.process.kill()
    up.process.wait()
    eventually(lambda: not [pid for pid in below if is_alive(pid)], seconds=30)
    up.start()  # for the tests after this one, whichever they are
