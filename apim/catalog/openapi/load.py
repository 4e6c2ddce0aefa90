"""From bytes to plain data: text decoding, and which of JSON and YAML to read it as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.load_json import load_json
from apim.catalog.openapi.load_yaml import load_yaml
from apim.catalog.openapi.refusals import refuse_at

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Positions

MAX_BYTES = 10 * 1024 * 1024
JSON = "json"
YAML = "yaml"


@dataclass(frozen=True, slots=True)
class Loaded:
    data: Any
    positions: Positions
    format: str


def load(raw: bytes, *, filename: str | None, max_bytes: int = MAX_BYTES) -> Loaded:
    """Read JSON or YAML, told apart by content, or by the file name where both could be.

    Raises InvalidSpecification.
    """
    refuse_too_large(raw, max_bytes)
    text = decode(raw)
    if not text.strip():
        refuse_at(1, 1, _("The document is empty."))
    if _is_json(text, filename):
        return Loaded(*load_json(text), JSON)
    _refuse_other_kinds(text)
    data, positions = load_yaml(text)
    return Loaded(data, positions, YAML)


def refuse_too_large(raw: bytes, max_bytes: int) -> None:
    if len(raw) > max_bytes:
        megabytes = max_bytes / (1024 * 1024)
        message = _("The document has %(size).1f MB; at most %(max).0f MB can be imported.")
        refuse_at(
            1,
            1,
            message % {"size": len(raw) / (1024 * 1024), "max": megabytes},
            _("Leave out long examples, or publish it as several APIs."),
        )


def decode(raw: bytes) -> str:
    """UTF-8, with or without a mark. Raises InvalidSpecification for anything else, and NUL."""
    if raw[:2] in (b"PK", b"\x1f\x8b"):
        refuse_at(
            1,
            1,
            _("This is a compressed archive, not a JSON or YAML document."),
            _("Unpack it and upload the document itself."),
        )
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        refuse_at(1, 1, _("The document is in UTF-16."), _("Save it as UTF-8."))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        column = len(before[before.rfind(b"\n") + 1 :].decode(errors="replace")) + 1
        refuse_at(
            before.count(b"\n") + 1,
            column,
            _("Byte 0x%(byte)02x is not UTF-8.") % {"byte": raw[error.start]},
            _("Save the document as UTF-8."),
        )
    nul = text.find("\0")
    if nul >= 0:
        line_start = text.rfind("\n", 0, nul) + 1
        refuse_at(
            text.count("\n", 0, nul) + 1,
            nul - line_start + 1,
            _("The document contains a NUL character."),
            _("This does not look like a text file."),
        )
    return text


def _is_json(text: str, filename: str | None) -> bool:
    """A YAML flow mapping also begins with a brace; then the file's name decides."""
    if text.lstrip()[0] not in "{[":
        return False
    return not (filename or "").lower().endswith((".yaml", ".yml"))


def _refuse_other_kinds(text: str) -> None:
    start = text.lstrip()[:200].lower()
    if start.startswith(("<!doctype html", "<html")):
        refuse_at(
            1,
            1,
            _("This is a web page, not an OpenAPI document."),
            _(
                "Use the address of the raw file; a page that shows it, or a login page, will not do."
            ),
        )
    if re.match(r"<[a-z?!]", start):
        refuse_at(
            1,
            1,
            _("This is XML (perhaps WSDL), not an OpenAPI document."),
            _("OpenAPI 3.0 and 3.1 documents in JSON or YAML are supported."),
        )
    if start.startswith("#%raml"):
        refuse_at(
            1,
            1,
            _("This is a RAML document."),
            _("OpenAPI 3.0 and 3.1 documents in JSON or YAML are supported."),
        )
