"""`python -m apim.runtime up [--demo]`, the command behind `make up` and `make demo`."""

import argparse
import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

from apim.env import EnvironmentProblem
from apim.runtime.console import Console
from apim.runtime.home import Home
from apim.runtime.plan import home_folder, make_plan
from apim.runtime.preflight import check_python
from apim.runtime.probes import http_ok, is_fresh
from apim.runtime.problems import RuntimeProblem
from apim.runtime.processes import Plan, processes
from apim.runtime.supervisor import Supervisor, run_supervisor

ROOT = Path(__file__).resolve().parents[2]
ADMIN_EMAIL = "admin@apim.localhost"


def main(arguments: list[str]) -> int:
    """Return the exit code."""
    options = _parser().parse_args(arguments)
    if options.command == "alive":
        return 0 if is_fresh(options.file, within_seconds=options.within) else 1
    if options.command == "answers":
        return 0 if asyncio.run(http_ok(options.port, options.path)()) else 1
    console = Console()
    try:
        if options.command == "manage":
            return _manage(options.arguments)
        return _up(console, with_demo=options.demo)
    except (RuntimeProblem, EnvironmentProblem) as problem:
        console.problem(str(problem))
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m apim.runtime", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start everything and keep it running")
    up.add_argument("--demo", action="store_true", help="with sample APIs, data and live traffic")
    manage = commands.add_parser("manage", help="run manage.py beside what `up` has started")
    manage.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND ...")
    alive = commands.add_parser("alive", help="tell whether a heartbeat file is fresh")
    alive.add_argument("file", type=Path)
    alive.add_argument("--within", type=float, default=60.0, metavar="SECONDS")
    answers = commands.add_parser("answers", help="tell whether a port of ours answers 200")
    answers.add_argument("port", type=int)
    answers.add_argument("path")
    return parser


def _up(console: Console, *, with_demo: bool) -> int:
    began = time.monotonic()
    check_python(sys.version_info[:2])
    os.umask(0o077)  # logs, mail and data are for this user alone
    home = Home.open(home_folder(ROOT))
    with home.lock():
        plan = make_plan(home, with_demo=with_demo)
        for server in (plan.postgres, plan.redis):
            if server is not None:
                server.prepare()
        specs = processes(plan, ROOT)
        console.say(f"Starting apim in {home.folder}; one log per process in {home.logs}.")

        def supervise() -> Supervisor:
            return Supervisor(specs, env=plan.env, folder=ROOT, logs=home.logs, console=console)

        return run_supervisor(
            supervise, lambda: _say_where(console, plan, time.monotonic() - began)
        )


def _manage(arguments: list[str]) -> int:
    """Run a command of manage.py with the databases and secrets of this home's processes."""
    plan = make_plan(Home.open(home_folder(ROOT)), with_demo=False, is_running=True)
    env = {**plan.env, "APIM_ADMIN_PASSWORD": plan.admin_password}
    command = [sys.executable, str(ROOT / "manage.py"), *arguments]
    return subprocess.run(command, env=env, cwd=ROOT, check=False).returncode


def _say_where(console: Console, plan: Plan, seconds: float) -> None:
    web = plan.env["APIM_PUBLIC_URL"]
    addresses = [
        ("Portal", f"{web}/"),
        ("Dashboard", f"{web}/dashboard/"),
        ("API docs", f"{web}/api/docs/"),
        ("Mail (development)", f"{web}/dev/mail/"),
        ("Gateway", plan.env["APIM_GATEWAY_URL"] + "/"),
        ("First admin", f"{plan.env.get('APIM_ADMIN_EMAIL') or ADMIN_EMAIL}"),
        ("  password", f"{plan.admin_password}   (as first created; kept in secrets.json)"),
    ]
    if plan.with_stripe_simulator:
        addresses.append(("Stripe simulator", plan.env["APIM_STRIPE_SIMULATOR_URL"] + "/"))
    console.say()
    console.say(f"apim is ready after {seconds:.1f} s. Ctrl-C stops it.")
    for name, value in addresses:
        console.say(f"  {name:<20}{value}")
    console.say()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
