"""The gates of `make check` that need Django and its stores: `python -m tests.gates`."""

import os
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tests.services import start_services

ROOT = Path(__file__).resolve().parents[1]
SCHEMA = ROOT / "docs" / "openapi" / "v1.yaml"
SECRET = "only-for-the-deploy-check-" + "x" * 40
OUR_APPS = ("accounts", "analytics", "audit", "billing", "catalog", "gateway", "keys", "outbox")
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "apim.settings.production",
    "SECRET_KEY": f"{SECRET}-{os.urandom(16).hex()}",
    "APIM_KEY_PEPPER": SECRET,
    "APIM_AUTHORIZER_TOKEN": SECRET,
}


def manage(*arguments, **env):
    """Run manage.py; return what it wrote if it failed, else nothing."""
    ended = subprocess.run(
        [sys.executable, ROOT / "manage.py", *arguments],
        check=False,
        cwd=ROOT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
    )
    return ended.stdout + ended.stderr if ended.returncode else ""


def deploy_checks_pass():
    return manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)


def migrations_match_models():
    return manage("makemigrations", "--check", "--dry-run")


def migrations_suit_running_code():
    settings = {"DJANGO_SETTINGS_MODULE": "tests.migration_lint_settings"}
    # An app's first migration makes new, empty tables: nothing can be locked. 0004_styles makes
    # a varchar longer, which PostgreSQL notes in its catalogue only; running code writes shorter.
    # 0008_gates_of_apis swaps the unique index of a table that has four rows. 0011_reconciliations
    # makes new tables only; the linter does not see that an index over an expression is on one.
    options = [
        "--ignore-name",
        "0001_initial",
        "0004_styles",
        "0008_gates_of_apis",
        "0011_reconciliations",
        "--no-cache",
        "--warnings-as-errors",
        "--quiet",
        "ok",
        "ignore",
    ]
    return manage("lintmigrations", "--include-apps", *OUR_APPS, *options, **settings)


def schema_is_valid_and_recorded():
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "v1.yaml"
        failure = manage("spectacular", "--validate", "--fail-on-warn", "--file", str(fresh))
        if failure or (SCHEMA.exists() and fresh.read_text() == SCHEMA.read_text()):
            return failure
    return f"{SCHEMA.relative_to(ROOT)} is not what the code says: write it with\n  manage.py spectacular --file {SCHEMA.relative_to(ROOT)}"


def constraints_hold_every_direct_pin():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    lines = (ROOT / "constraints.txt").read_text().lower().splitlines()
    pinned = {_normal(line) for line in lines if line and not line.startswith("#")}
    missing = [pin for pin in direct if _normal(pin) not in pinned]
    odd = [pin for pin in pinned if "==" not in pin or "://" in pin]
    return "".join(f"not pinned alike in constraints.txt: {pin}\n" for pin in [*missing, *odd])


def _normal(pin):
    """`Django-Allauth[mfa]==1` and `django_allauth==1` are the same pin."""
    name, _, version = pin.lower().partition("==")
    return f"{name.partition('[')[0].replace('_', '-')}=={version}"


GATES = (
    deploy_checks_pass,
    migrations_match_models,
    migrations_suit_running_code,
    schema_is_valid_and_recorded,
    constraints_hold_every_direct_pin,
)


def main():
    os.environ.update(start_services())
    failed = 0
    for gate in GATES:
        failure = gate()
        name = gate.__name__.replace("_", " ")
        sys.stdout.write(f"{'FAILED' if failure else 'ok'}: {name}\n{failure}")
        failed += bool(failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
