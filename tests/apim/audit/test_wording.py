"""Every action that a service records has words of its own, which can be translated."""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from apim.audit.wording import ACTIONS

PACKAGES = ("apim", "portal", "analytics", "billing")
# `record` takes the action second; `change` of the catalog takes it by name.
RECORDERS = {"record", "change"}


def recorded() -> Iterator[tuple[str, str]]:
    """Actions that the source names outright, with the file that does."""
    for package in PACKAGES:
        for path in Path(settings.BASE_DIR, package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in RECORDERS:
                    given = [
                        *node.args[1:2],
                        *(k.value for k in node.keywords if k.arg == "action"),
                    ]
                    for argument in given:
                        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                            yield argument.value, path.name


def test_every_recorded_action_has_words():
    found = dict(recorded())
    assert len(found) > 50
    assert {action: where for action, where in found.items() if action not in ACTIONS} == {}
