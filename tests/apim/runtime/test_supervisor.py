"""The supervisor on real processes: order, restarts, stops, and no orphan whatever happens."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apim.runtime.keeper import BACKOFF_MAX_SECONDS, backoff_seconds
from tests.deadline import eventually

pytestmark = pytest.mark.processes
ROOT = Path(__file__).resolve().parents[3]

SLEEPER = "import os, time; print('pid', os.getpid()); time.sleep(600)"
STUBBORN = "import os, signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPER
# Like a server with workers: the child of the child must not survive either.
PARENT_OF_ONE = (
    "import os, subprocess, sys, time; print('pid', os.getpid());"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']);"
    "print('pid', child.pid); time.sleep(600)"
)


def alive(pid):
    """A zombie that nobody reaps in this container does not count as alive."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Stage:
    """A running supervisor and what it has written to its console."""

    def __init__(self, folder, specs):
        (folder / "specs.json").write_text(json.dumps(specs))
        self.folder = folder
        self.console = folder / "console.txt"
        with self.console.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.apim.runtime.stage", folder, folder / "specs.json"],
                cwd=ROOT,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

    def says(self, pattern, *, times=1):
        """Wait until the console shows the pattern; return the last match."""

        def found():
            matches = list(re.finditer(pattern, self.console.read_text(), re.MULTILINE))
            return matches[-1] if len(matches) >= times else None

        try:
            return eventually(found, seconds=20)
        except AssertionError:
            raise AssertionError(f"no {pattern!r} in:\n{self.console.read_text()}") from None

    def pids(self):
        return [int(pid) for pid in re.findall(r"\| pid (\d+)", self.console.read_text())]

    def send(self, number):
        self.process.send_signal(number)

    def end(self):
        return self.process.wait(25)


@pytest.fixture
def stage(tmp_path):
    stages = []

    def start(*specs):
        stages.append(Stage(tmp_path, list(specs)))
        return stages[-1]

    yield start
    for running in stages:
        if running.process.poll() is None:
            running.process.kill()
        running.process.wait()


def test_a_killed_child_is_restarted_and_said_so(stage):
    running = stage({"name": "web", "code": SLEEPER})
    running.says("ALL READY")
    first = running.says(r"\| pid (\d+)")[1]
    os.kill(int(first), signal.SIGKILL)
    running.says(r"web +\* was ended by SIGKILL; starting again in 0\.\d s")
    second = running.says(r"\| pid (\d+)", times=2)[1]
    running.says(r"web +\* is back")
    assert second != first
    assert alive(second)


def test_what_a_quiet_starter_says_before_it_is_ready_is_in_its_log_alone(stage):
    code = (
        "import time; print('not yet there', flush=True); time.sleep(0.5);"
        "open('is-up', 'w').close(); time.sleep(0.5); print('at work', flush=True); time.sleep(600)"
    )
    running = stage({"name": "web", "code": code, "ready_file": "is-up", "quiet_start": True})
    running.says(r"web +\| at work")
    assert "not yet there" not in running.console.read_text()
    assert "not yet there" in (running.folder / "web.log").read_text()


def test_the_log_of_a_quiet_starter_is_shown_if_it_never_gets_ready(stage):
    code = "print('the disk is full', flush=True); import time; time.sleep(600)"
    running = stage(
        {
            "name": "web",
            "code": code,
            "ready_file": "never",
            "quiet_start": True,
            "ready_seconds": 2,
        }
    )
    assert running.end() == 1
    running.says("web is not ready after 2 s")
    running.says("the disk is full")


def test_a_killed_server_leaves_no_worker_behind_on_its_port(stage):
    running = stage({"name": "web", "code": PARENT_OF_ONE})
    running.says(r"\| pid (\d+)", times=2)
    parent, worker = running.pids()
    os.kill(parent, signal.SIGKILL)
    running.says(r"\| pid (\d+)", times=4)
    assert not alive(worker)


def test_processes_start_after_what_they_need_and_stop_in_reverse(stage):
    running = stage(
        {"name": "first", "code": "open('is-up', 'w').close();" + SLEEPER, "ready_file": "is-up"},
        {"name": "once", "code": "assert open('is-up')", "after": ["first"], "one_shot": True},
        {"name": "last", "code": SLEEPER, "after": ["once", "outside"]},
    )
    running.says("ALL READY")
    running.send(signal.SIGTERM)
    assert running.end() == 0
    text = running.console.read_text()
    events = [
        "first .*ready in",
        "once .*done in",
        "last .*ready in",
        "last .*stopping",
        "first .*stopping",
    ]
    places = [re.search(event, text).start() for event in events]
    assert places == sorted(places)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_wish_to_end_leaves_no_process(stage, number):
    running = stage({"name": "a", "code": PARENT_OF_ONE}, {"name": "b", "code": SLEEPER})
    running.says(r"\| pid", times=3)
    running.says("ALL READY")
    running.send(number)
    assert running.end() == 0
    assert not [pid for pid in running.pids() if alive(pid)]


def test_a_child_that_ignores_the_wish_is_killed_when_its_grace_is_over(stage):
    running = stage({"name": "deaf", "code": STUBBORN, "grace_seconds": 0.3})
    running.says(r"\| pid")
    running.send(signal.SIGINT)
    running.says("did not stop within")
    assert running.end() == 0
    assert not [pid for pid in running.pids() if alive(pid)]


def test_a_second_ctrl_c_kills_at_once(stage):
    running = stage({"name": "deaf", "code": STUBBORN, "grace_seconds": 600})
    running.says(r"\| pid")
    running.send(signal.SIGINT)
    running.says("deaf .*stopping")
    running.send(signal.SIGINT)
    assert running.end() == 130
    assert not [pid for pid in running.pids() if alive(pid)]


def test_ctrl_c_while_starting_stops_what_has_started(stage):
    running = stage(
        {"name": "a", "code": SLEEPER},
        {"name": "never", "code": SLEEPER, "ready_file": "does-not-come"},
    )
    running.says(r"\| pid", times=2)
    running.send(signal.SIGINT)
    assert running.end() == 0
    assert "ALL READY" not in running.console.read_text()
    assert not [pid for pid in running.pids() if alive(pid)]


def test_a_killed_supervisor_leaves_no_orphan(stage):
    running = stage({"name": "a", "code": SLEEPER}, {"name": "b", "code": STUBBORN})
    running.says("ALL READY")
    running.says(r"\| pid", times=2)
    running.send(signal.SIGKILL)
    running.end()
    eventually(lambda: not [pid for pid in running.pids() if alive(pid)])


def test_a_killed_supervisor_leaves_no_worker_of_a_server_and_no_deaf_child(stage):
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + PARENT_OF_ONE
    running = stage({"name": "a", "code": deaf, "death_signal": signal.SIGTERM})
    running.says(r"\| pid", times=2)
    running.send(signal.SIGKILL)
    running.end()
    eventually(lambda: not [pid for pid in running.pids() if alive(pid)], seconds=20)


def test_a_failed_one_shot_ends_the_start_with_its_last_lines(stage):
    running = stage(
        {"name": "a", "code": SLEEPER},
        {"name": "once", "code": "raise SystemExit('the reason')", "one_shot": True},
    )
    assert running.end() == 1
    running.says(r"once ended with exit code 1\. Its log, .*/once\.log, ends with:\n +the reason")
    assert not [pid for pid in running.pids() if alive(pid)]


def test_a_process_that_never_gets_ready_ends_the_start_at_its_deadline(stage):
    running = stage(
        {"name": "slow", "code": SLEEPER, "ready_file": "does-not-come", "ready_seconds": 0.5}
    )
    assert running.end() == 1
    running.says(r"slow is not ready after 0\.5 s\. Its log")
    assert not [pid for pid in running.pids() if alive(pid)]


def test_output_reaches_the_log_and_the_prefixed_console_without_colour(stage):
    running = stage({"name": "talker", "code": "print('x' * 200_000); print('bye');" + SLEEPER})
    running.says(r"^talker +\| bye$")
    log = (running.folder / "talker.log").read_text()
    assert "bye\n" in log
    assert log.count("x") == 200_000
    assert "\033" not in running.console.read_text()


def test_a_crash_loop_is_reported_at_a_bounded_rate():
    waits = [backoff_seconds(failures) for failures in range(1, 200)]
    assert 0.25 <= waits[0] <= 0.5
    assert max(waits) <= BACKOFF_MAX_SECONDS
    assert min(waits[10:]) >= BACKOFF_MAX_SECONDS / 2
    assert len({round(wait, 3) for wait in waits[50:]}) > 50, "no jitter"
