"""The plan of `make up`, and of a command beside what already runs."""

import socket

import pytest

from apim.runtime.home import Home
from apim.runtime.plan import make_plan
from apim.runtime.problems import RuntimeProblem


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "APIM_STRIPE_SIMULATOR_URL", "STRIPE_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("APIM_WEB_PORT", str(taken.getsockname()[1]))
    return Home.open(tmp_path / "home")


def test_a_command_finds_what_runs_though_its_ports_are_taken(home):
    begun = make_plan(home, with_demo=False)
    listening = [socket.create_server(("127.0.0.1", begun.postgres.port))]
    listening.append(socket.create_server(("127.0.0.1", begun.ports.web)))
    try:
        beside = make_plan(home, with_demo=False, is_running=True)
        assert beside.env["DATABASE_URL"] == begun.env["DATABASE_URL"]
        assert beside.ports == begun.ports
        with pytest.raises(RuntimeProblem):
            make_plan(home, with_demo=False)
    finally:
        for one in listening:
            one.close()
