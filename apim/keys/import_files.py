"""Reads keys to import from CSV, JSON, or a plain list of hashes."""

from __future__ import annotations

import csv
import io
from datetime import datetime  # noqa: TC003  msgspec reads the annotation

import msgspec
from django.utils.translation import gettext as _

from apim.keys import secrets
from apim.keys.errors import ImportRefused
from apim.keys.models import ApiKey
from apim.keys.services.imports import MAX_ROWS, ImportedKey

COLUMNS = ("hash", "name", "environment", "start", "last4", "expires_at", "pepper_version")


class _Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    hash: str
    name: str = ""
    environment: str = ApiKey.Environment.LIVE.value
    start: str = ""
    last4: str = ""
    expires_at: datetime | None = None
    pepper_version: int = secrets.PLAIN_VERSION


def read_import(text: str) -> list[ImportedKey]:
    """The rows of a JSON array of objects, of CSV with a heading, or of one hash per line.

    Raises ImportRefused that says which row cannot be read.
    """
    stripped = text.lstrip("\ufeff").strip()
    if not stripped:
        raise ImportRefused(_("Give at least one key."))
    rows = _of_json(stripped) if stripped[0] in "[{" else _of_csv(stripped)
    if len(rows) > MAX_ROWS:
        raise ImportRefused(_("At most %(most)d keys at once.") % {"most": MAX_ROWS})
    problems: dict[str, list[str]] = {}
    found: list[ImportedKey] = []
    for number, row in enumerate(rows, start=1):
        try:
            found.append(_imported(row))
        except msgspec.ValidationError as error:
            problems[f"rows.{number}"] = [str(error)]
    if problems:
        raise ImportRefused(fields=dict(list(problems.items())[:50]))
    return found


def _imported(row: object) -> ImportedKey:
    given = msgspec.convert(row, _Row, strict=False)
    expires_at = given.expires_at
    if expires_at is not None and expires_at.tzinfo is None:
        raise msgspec.ValidationError(_("expires_at needs an offset from UTC, such as Z."))
    return ImportedKey(
        hash=given.hash,
        name=given.name,
        environment=given.environment,
        start=given.start,
        last4=given.last4,
        expires_at=expires_at,
        pepper_version=given.pepper_version,
    )


def _of_json(text: str) -> list[object]:
    try:
        rows = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ImportRefused(_("This is not JSON: %(error)s") % {"error": error}) from error
    if not isinstance(rows, list):
        raise ImportRefused(_("The JSON must be an array of objects."))
    return rows


def _of_csv(text: str) -> list[object]:
    """Empty cells count as left out."""
    lines = text.splitlines()
    heading = [name.strip().lower() for name in next(csv.reader(lines[:1]))]
    if "hash" not in heading:
        if len(heading) > 1:
            message = _("The first line must name the columns: %(columns)s.")
            raise ImportRefused(message % {"columns": ", ".join(COLUMNS)})
        return [{"hash": line.strip()} for line in lines if line.strip()]
    unknown = [name for name in heading if name not in COLUMNS]
    if unknown:
        message = _("“%(column)s” is no column; there are %(columns)s.")
        raise ImportRefused(message % {"column": unknown[0][:40], "columns": ", ".join(COLUMNS)})
    try:
        cells = list(csv.reader(io.StringIO(text)))[1:]
    except csv.Error as error:
        raise ImportRefused(_("This is not CSV: %(error)s") % {"error": error}) from error
    return [
        {name: value.strip() for name, value in zip(heading, row, strict=False) if value.strip()}
        for row in cells
        if any(value.strip() for value in row)
    ]
