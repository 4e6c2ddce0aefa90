"""Reasons for which no data can be had from a text at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.openapi.problems import Findings, InvalidSpecification, SpecProblem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.openapi.positions import Path, Positions, Repeated

# Real documents stay below 30; a checker that recurses stays within Python's stack.
MAX_DEPTH = 100
# After aliases are spelled out.
MAX_VALUES = 1_000_000


def refuse_at(line: int, column: int, message: str, hint: str = "", file: str = "") -> NoReturn:
    raise InvalidSpecification([SpecProblem(line, column, "", "", message, hint, file=file)])


def too_deep(line: int, column: int) -> NoReturn:
    refuse_at(
        line,
        column,
        _("Values are nested more than %(max)d deep.") % {"max": MAX_DEPTH},
        _("Move inner schemas to components and refer to them with $ref."),
    )


def too_many(line: int, column: int) -> NoReturn:
    refuse_at(
        line,
        column,
        _("The document has more than %(max)d values once its aliases are spelled out.")
        % {"max": MAX_VALUES},
        _("Refer to shared parts with $ref."),
    )


def repeated_keys(repeated: Iterable[Repeated]) -> None:
    """Refuse if there is one: which of the two values is meant, nobody can tell."""
    problems = [
        SpecProblem(
            *key.spot,
            "",
            key.key,
            _("The key “%(key)s” already stands in this mapping, on line %(line)d.")
            % {"key": key.key, "line": key.first[0]},
            _("Rename or remove one of the two."),
        )
        for key in repeated
    ]
    if problems:
        raise InvalidSpecification(problems)


def unusable_text(data: Any, positions: Positions) -> None:
    """Refuse depth beyond MAX_DEPTH, and characters that no database or JSON reader takes."""
    findings = Findings()
    pending: list[tuple[Path, Any]] = [((), data)]
    count = 0
    while pending:
        path, value = pending.pop()
        count += 1
        if isinstance(value, str):
            _check_text(value, path, findings)
        elif isinstance(value, dict | list):
            if len(path) >= MAX_DEPTH:
                too_deep(*positions.find(path))
            if isinstance(value, dict):
                for key in value:
                    _check_text(key, path, findings)
            if count + len(pending) + len(value) > MAX_VALUES:
                too_many(*positions.find(path))
            items = value.items() if isinstance(value, dict) else enumerate(value)
            pending.extend(((*path, token), below) for token, below in items)
    if problems := findings.problems(positions):
        raise InvalidSpecification(problems)


def _check_text(text: str, path: Path, findings: Findings) -> None:
    if text.isascii():
        if "\0" in text:
            findings.error(path, _("The text contains a NUL character."), _("Remove it."))
        return
    if "\0" in text:
        findings.error(path, _("The text contains a NUL character."), _("Remove it."))
    try:
        text.encode()
    except UnicodeEncodeError:
        findings.error(
            path, _("The text contains half of a surrogate pair, which is no character.")
        )
