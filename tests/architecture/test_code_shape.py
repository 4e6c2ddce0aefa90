"""The shape of the code that no linter holds."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
MAX_LINES = 500
VAGUE = {"utils", "helpers", "common", "misc"}
PACKAGES = ("apim", "portal", "analytics", "billing")


def _sources(*suffixes: str) -> list[Path]:
    folders = [ROOT / name for name in (*PACKAGES, "templates", "static", "tests", "benchmarks")]
    files = [f for folder in folders for f in folder.rglob("*") if f.suffix in suffixes]
    return [f for f in files if not {"vendor", "migrations", "__pycache__"} & set(f.parts)]


def test_no_source_file_is_longer_than_500_lines():
    long = [
        f"{path.relative_to(ROOT)}: {lines}"
        for path in _sources(".py", ".js", ".css", ".html")
        if (lines := len(path.read_text().splitlines())) > MAX_LINES
    ]
    assert not long


def test_no_module_has_a_name_that_says_nothing():
    assert not [p for p in _sources(".py") if VAGUE & {*p.parts, p.stem}]


def _python_modules() -> list[Path]:
    return [p for p in _sources(".py") if p.relative_to(ROOT).parts[0] in PACKAGES]


@pytest.mark.parametrize("name", ["services", "selectors"])
def test_public_services_and_selectors_say_what_they_do(name: str):
    silent: list[str] = []
    for path in _python_modules():
        if name not in (path.stem, path.parent.name):
            continue
        for node in ast.parse(path.read_text()).body:
            is_public = isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
            if is_public and not ast.get_docstring(node):
                silent.append(f"{path.relative_to(ROOT)}:{node.name}")
    assert not silent


def test_import_direction_holds():
    lint = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_direct_dependency_is_pinned_as_in_the_constraints():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    direct = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    pinned = {
        line.partition("==")[0].lower(): line.partition("==")[2].strip()
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    for requirement in direct:
        name, _, version = requirement.partition("==")
        assert pinned.get(name.partition("[")[0].lower()) == version
