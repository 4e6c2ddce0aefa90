"""Commands that need no platform."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from apim.catalog.descriptions import InvalidSpecification, read_description
from apim.catalog.diff import Level, diff
from apim.catalog.rulesets import BUILT_IN, InvalidRuleset, RuleTooExpensive, load_ruleset
from apim.catalog.rulesets.findings import Severity
from apim.catalog.rulesets.score import score_of
from apim.catalog.rulesets.upload import lint_upload
from apim.cli.exits import Exit, Stop
from apim.cli.reports import render
from apim.cli.reports.entries import Report, of_changes, of_findings

if TYPE_CHECKING:
    from argparse import Namespace

    from apim.catalog.descriptions import Description
    from apim.catalog.diff import Change
    from apim.catalog.rulesets import Ruleset

_LEVELS = tuple(Level)


def read(path: Path) -> bytes:
    """Raises Stop."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path} cannot be read: {error.strerror}") from error


def lint_file(values: Namespace) -> tuple[str, Exit]:
    raw = read(values.file)
    rulesets = rulesets_of(values.ruleset or list(BUILT_IN), values.file)
    try:
        judged = lint_upload(
            raw, rulesets, filename=values.file.name, source=values.file.as_posix()
        )
    except RuleTooExpensive as error:
        raise Stop(Exit.USAGE, error.message) from error
    threshold = None if values.fail_on == "never" else Severity(values.fail_on)
    report = Report(
        "lint",
        of_findings(judged.findings, values.file.as_posix(), threshold),
        score=score_of(judged.findings, judged.operations),
    )
    return render(report, values.format), report.exit_code


def rulesets_of(names: list[str], file: Path) -> list[Ruleset]:
    """Built-in ones by name, others from files, as they hold for `file`. Raises Stop."""
    return [BUILT_IN[name] if name in BUILT_IN else _from_file(Path(name), file) for name in names]


def _from_file(path: Path, file: Path) -> Ruleset:
    """Patterns of overrides are relative to where the ruleset stands."""
    try:
        text = read(path).decode("utf-8-sig")
        ruleset = load_ruleset(text, name=path.name)
        source = Path(os.path.relpath(file, path.parent)).as_posix()
        return ruleset.for_source(source)
    except UnicodeDecodeError as error:
        raise Stop(Exit.USAGE, f"{path} is not in UTF-8.") from error
    except InvalidRuleset as error:
        place = f"{path}:{error.line}:{error.column}"
        raise Stop(Exit.USAGE, f"{place}: {error.message}") from error


def diff_files(values: Namespace) -> tuple[str, Exit]:
    old, new = _description(values.old), _description(values.new)
    changes = diff(old, new)
    threshold = None if values.fail_on == "never" else Level(values.fail_on)

    def line_of(change: Change) -> tuple[str, int, int]:
        side, path = (old, values.old) if change.is_in_old else (new, values.new)
        place = side.positions.find(change.path) if side.positions else (1, 1)
        return path.as_posix(), *place

    report = Report("diff", of_changes(changes, line_of, threshold), changes=changes)
    return render(report, values.format), report.exit_code


def _description(path: Path) -> Description:
    try:
        return read_description(read(path), filename=path.name)
    except InvalidSpecification as error:
        lines = "\n".join(f"  {path}: {problem}" for problem in error.problems)
        raise Stop(Exit.USAGE, f"{path} cannot be read as a description:\n{lines}") from error
