"""Commands that ask a platform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apim.cli.client import Refused, platform_from
from apim.cli.exits import Exit, Stop
from apim.cli.offline import read
from apim.cli.reports import render
from apim.cli.reports.entries import Entry, Report, severity_rank

if TYPE_CHECKING:
    from argparse import Namespace

    from apim.cli.client import Platform

# Refusals that say something about the description; others say that the command was wrong.
_OF_THE_DOCUMENT = {"transition_refused", "breaking_not_acknowledged", "invalid_specification"}
_LEVELS = ("breaking", "risky", "compatible")


def check(values: Namespace) -> tuple[str, Exit]:
    """Rules, changes and gates, as the platform would apply them."""
    data = {"transition": values.transition, "sunset_on": values.sunset_on}
    file = (values.file.name, read(values.file))
    platform = platform_from(values.server)
    try:
        answer = platform.post(
            f"{_version(values)}/check",
            data={name: value for name, value in data.items() if value},
            file=file,
        )
    except Refused as refusal:
        return _refused(refusal, values)
    report = Report("check", tuple(_entries(answer, values.file.as_posix())), answer=answer)
    code = Exit.FINE if answer.get("is_allowed") is True else Exit.FOUND
    return render(report, values.format), code


def _entries(answer: dict[str, Any], file: str) -> list[Entry]:
    """Refusals fail; findings and changes are told."""
    entries = [
        Entry(
            rule=str(one.get("requirement", "gate")),
            level="error",
            weight=0,
            fails=True,
            message=str(one.get("reason", "")),
            remedy=str(one.get("remedy", "")),
            data=one,
        )
        for one in answer.get("refusals", ())
    ]
    for one in (answer.get("lint") or {}).get("findings", ()):
        level = str(one.get("severity"))
        entries.append(_told(one, str(one.get("rule")), level, severity_rank(level), file))
    for one in (answer.get("diff") or {}).get("changes", ()):
        level = str(one.get("level"))
        weight = _LEVELS.index(level) if level in _LEVELS else len(_LEVELS)
        name = "" if one.get("is_in_old") else file
        entries.append(_told(one, str(one.get("code")), level, weight, name))
    return entries


def _told(one: dict[str, Any], rule: str, level: str, weight: int, file: str) -> Entry:
    return Entry(
        rule=rule,
        level=level,
        weight=weight,
        fails=False,
        message=str(one.get("message", one.get("text", ""))),
        file=file,
        line=int(one.get("line") or 0) if file else 0,
        column=int(one.get("column") or 1),
        subject=str(one.get("operation", "")),
        remedy=str(one.get("remedy", "")),
        url=str(one.get("url", "")),
        data=one,
    )


def upload(values: Namespace) -> tuple[str, Exit]:
    """A new revision, which is in force at once only in a draft version."""
    file = (values.file.name, read(values.file))
    platform = platform_from(values.server)
    try:
        answer = _upload(platform, values, file)
    except Refused as refusal:
        return _refused(refusal, values)
    return _done(answer, f"Revision {answer.get('number')} is uploaded.", values)


def publish(values: Namespace) -> tuple[str, Exit]:
    """Upload if there is a file, then let the revision come into force."""
    file = None if values.file is None else (values.file.name, read(values.file))
    platform = platform_from(values.server)
    number = values.revision
    try:
        if file is not None:
            number = _upload(platform, values, file).get("number")
        answer = platform.post(
            f"{_version(values)}/revisions/{number}/publish",
            data={"acknowledge_breaking": values.acknowledge_breaking},
        )
    except Refused as refusal:
        return _refused(refusal, values)
    return _done({**answer, "revision": number}, f"Revision {number} is published.", values)


def _upload(platform: Platform, values: Namespace, file: tuple[str, bytes]) -> dict[str, Any]:
    data = {"note": values.note} if values.note else {}
    return platform.post(f"{_version(values)}/revisions", data=data, file=file)


def _version(values: Namespace) -> str:
    return f"api-versions/{quote(values.version, safe='')}"


def _done(answer: dict[str, Any], sentence: str, values: Namespace) -> tuple[str, Exit]:
    if values.format == "json":
        return json.dumps(answer, ensure_ascii=False, indent=2) + "\n", Exit.FINE
    return f"{sentence}\n", Exit.FINE


def _refused(refusal: Refused, values: Namespace) -> tuple[str, Exit]:
    """A refusal of the document is a finding; any other is a wrong command."""
    if refusal.code not in _OF_THE_DOCUMENT:
        raise Stop(Exit.USAGE, f"The platform refuses: {refusal}{_fields(refusal)}")
    problem = refusal.problem
    found = problem.get("refusals") or problem.get("problems") or [{"message": str(refusal)}]
    file = values.file.as_posix() if values.file else ""
    entries = tuple(
        Entry(
            rule=str(one.get("requirement") or refusal.code),
            level="error",
            weight=0,
            fails=True,
            message=str(one.get("reason") or one.get("message") or refusal),
            file=file if one.get("line") else "",
            line=int(one.get("line") or 0),
            column=int(one.get("column") or 1),
            remedy=str(one.get("remedy") or one.get("hint") or ""),
            data=one,
        )
        for one in found
        if one.get("severity", "error") == "error"
    )
    report = Report("check", entries, answer={"is_allowed": False, **problem})
    return render(report, values.format), Exit.FOUND


def _fields(refusal: Refused) -> str:
    errors = refusal.problem.get("errors") or refusal.problem.get("fields")
    return f" {json.dumps(errors, ensure_ascii=False)}" if errors else ""
