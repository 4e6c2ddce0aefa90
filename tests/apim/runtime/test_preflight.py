"""Each thing that stops `make up` gives exactly one line that says what to do, and exit code 1."""

import fcntl
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from apim.runtime.home import Home
from apim.runtime.preflight import check_ports, check_python
from apim.runtime.problems import RuntimeProblem

ROOT = Path(__file__).resolve().parents[3]
NOBODY = 65534


@pytest.fixture
def taken_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def up(home, **env):
    """Run the real command; it must give up before it starts anything."""
    return subprocess.run(
        [sys.executable, "-m", "apim.runtime", "up"],
        check=False,
        cwd=ROOT,
        env={**os.environ, "APIM_HOME": str(home), **env},
        capture_output=True,
        text=True,
        timeout=30,
    )


def test_a_taken_port_is_named_with_the_variable_that_moves_it(tmp_path, taken_port):
    ended = up(tmp_path, APIM_WEB_PORT=str(taken_port))
    assert ended.returncode == 1
    assert ended.stderr == ""
    (line,) = ended.stdout.splitlines()
    assert line.startswith(f"Port {taken_port} is taken by another program:")
    assert "APIM_WEB_PORT=" in line


def test_two_ports_may_not_be_the_same():
    with pytest.raises(RuntimeProblem, match="APIM_GATEWAY_PORT and APIM_WEB_PORT are both 1234"):
        check_ports({"APIM_WEB_PORT": 1234, "APIM_GATEWAY_PORT": 1234})


def test_a_second_instance_names_the_first_and_the_way_out(tmp_path):
    home = Home.open(tmp_path)
    with home.lock():
        ended = up(tmp_path)
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert f"(process {os.getpid()}) already runs on {tmp_path}" in line
    assert "APIM_HOME" in line


def test_the_lock_of_an_ended_instance_is_free(tmp_path):
    home = Home.open(tmp_path)
    with home.lock():
        pass
    with home.lock() as again:
        assert fcntl.fcntl(again, fcntl.F_GETFD) & fcntl.FD_CLOEXEC, "children would hold the lock"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand a folder to somebody else")
def test_an_unwritable_folder_says_whose_it_should_be(tmp_path):
    """Runs as nobody on a folder of root."""
    read_only = tmp_path / "home"
    read_only.mkdir(mode=0o755)
    pid = os.fork()
    if pid == 0:  # the child gives up root and reports by exit code
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        try:
            Home.open(read_only)
        except RuntimeProblem as problem:
            os._exit(
                0 if "is not writable for" in str(problem) and "APIM_HOME" in str(problem) else 2
            )
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_a_folder_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    ended = up(tmp_path / "file" / "home")
    assert ended.returncode == 1
    (line,) = ended.stdout.splitlines()
    assert "is not writable" in line
    assert "APIM_HOME" in line


def test_a_bad_number_in_the_environment_is_one_line(tmp_path):
    ended = up(tmp_path, APIM_WEB_PORT="eighty")
    assert ended.returncode == 1
    assert ended.stdout == "APIM_WEB_PORT='eighty' is not a whole number\n"


def test_a_damaged_secrets_file_is_not_replaced(tmp_path):
    home = Home.open(tmp_path)
    (tmp_path / "secrets.json").write_text("{")
    with pytest.raises(RuntimeProblem, match="is damaged"):
        home.secrets()
    assert (tmp_path / "secrets.json").read_text() == "{"


def test_secrets_are_made_once_and_readable_by_the_owner_alone(tmp_path):
    first = Home.open(tmp_path).secrets()
    assert Home.open(tmp_path).secrets() == first
    assert len(set(first.values())) == len(first)
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0


def test_an_old_python_is_told_which_one_is_needed():
    with pytest.raises(RuntimeProblem, match=r"This is Python 3\.10; apim needs 3\.11 or newer"):
        check_python((3, 10))
    check_python((3, 11))
