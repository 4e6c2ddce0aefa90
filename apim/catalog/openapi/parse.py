"""Reading an OpenAPI document: syntax, kind, version, structure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi import paths
from apim.catalog.openapi.kinds import refuse_other_kinds
from apim.catalog.openapi.load import JSON, MAX_BYTES, Loaded, load
from apim.catalog.openapi.objects import server_url
from apim.catalog.openapi.operations import operations_of_item
from apim.catalog.openapi.problems import Findings, InvalidSpecification, Severity, SpecProblem
from apim.catalog.openapi.references import References
from apim.catalog.openapi.rules import Check, kind_of

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Positions

# 3.2 documents are structured as 3.1 ones; its new fields are known, and its additional methods
# become operations.
_VERSION = re.compile(r"3\.([012])\.[0-9]{1,4}\Z")


@dataclass(frozen=True, slots=True)
class Server:
    """`url` has the variables' defaults in it; it may be relative to where the document lies."""

    url: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """A document in which no error was found; `warnings` says what could be better."""

    data: dict[str, Any] = field(repr=False)
    format: str
    openapi_version: str
    title: str
    version: str
    summary: str
    description: str
    servers: tuple[Server, ...]
    tags: tuple[Tag, ...]
    warnings: tuple[SpecProblem, ...]
    # SHA-256 of the raw bytes, hex.
    sha256: str
    references: References = field(repr=False, compare=False)
    positions: Positions = field(repr=False, compare=False)

    @property
    def media_type(self) -> str:
        """RFC 9512 for YAML; the OpenAPI types are registered provisionally, so not those."""
        return "application/json" if self.format == JSON else "application/yaml"


def parse_document(
    raw: bytes, *, filename: str | None = None, max_bytes: int = MAX_BYTES
) -> ParsedDocument:
    """Read and check a document of OpenAPI 3.0, 3.1 or 3.2, in JSON or YAML, up to 10 MB.

    Raises InvalidSpecification with every problem found, at most 50. Nothing is fetched.
    """
    return parse_loaded(
        load(raw, filename=filename, max_bytes=max_bytes), hashlib.sha256(raw).hexdigest()
    )


def parse_loaded(loaded: Loaded, sha256: str) -> ParsedDocument:
    """Check a document that was read already; see parse_document."""
    data = mapping_of(loaded)
    refuse_other_kinds(data, loaded.positions)
    version = _version(data, loaded.positions)
    warnings = _check(data, loaded.positions, version)
    info = data["info"]
    return ParsedDocument(
        data=data,
        format=loaded.format,
        openapi_version=data["openapi"],
        title=info["title"],
        version=info["version"],
        summary=info.get("summary", ""),
        description=info.get("description", ""),
        servers=_servers(data),
        tags=tuple(Tag(t["name"], t.get("description", "")) for t in data.get("tags", ())),
        warnings=warnings,
        sha256=sha256,
        references=References(data),
        positions=loaded.positions,
    )


def mapping_of(loaded: Loaded) -> dict[str, Any]:
    """The document. Raises InvalidSpecification if it is a list or plain text."""
    if isinstance(loaded.data, dict):
        return loaded.data
    findings = Findings()
    findings.error(
        (),
        _("The document is %(kind)s, not a mapping.") % {"kind": kind_of(loaded.data)},
        _("An OpenAPI document begins with a key such as openapi: 3.1.0"),
    )
    raise InvalidSpecification(findings.problems(loaded.positions))


def _version(data: dict[str, Any], positions: Positions) -> tuple[int, int]:
    """Major and minor version."""
    declared = data.get("openapi")
    match = _VERSION.match(declared) if isinstance(declared, str) else None
    if match:
        return 3, int(match[1])
    findings = Findings()
    if declared is None:
        findings.error(
            (),
            _("This is not an OpenAPI document: “openapi” is missing."),
            _("Begin with the version, for example openapi: 3.1.0"),
        )
    else:
        findings.error(
            ("openapi",),
            _("“%(version)s” is not a version that can be imported.")
            % {"version": str(declared)[:40]},
            _("Versions 3.0.x, 3.1.x and 3.2.x can; write it in full, for example '3.1.0'."),
        )
    raise InvalidSpecification(findings.problems(positions))


def _check(
    data: dict[str, Any], positions: Positions, version: tuple[int, int]
) -> tuple[SpecProblem, ...]:
    """The warnings, if there is no error."""
    check = Check(data, positions, version)
    tells_only = _has_operations(check, data, "webhooks") and not data.get("paths")
    for name in ("info",) if tells_only else ("info", "paths"):
        if name not in data:
            check.error((), _("“%(name)s” is missing.") % {"name": name}, _missing_hint(name))
    paths.document(check, data, ())
    # Of webhooks alone, which the API calls itself, there is still a reference to be had.
    if isinstance(data.get("paths"), dict) and not (
        _has_operations(check, data, "paths") or _has_operations(check, data, "webhooks")
    ):
        check.error(
            ("paths",),
            _("No path has an operation, so there is nothing to call."),
            _("Add at least one path with a method such as get."),
        )
    problems = check.findings.problems(positions)
    if any(p.severity is Severity.ERROR for p in problems):
        raise InvalidSpecification(problems)
    return problems


def _missing_hint(name: str) -> str:
    if name == "info":
        return _("Add “info” with a title and a version.")
    return _("Only what stands under “paths” can be called; webhooks and components cannot.")


def _has_operations(check: Check, data: dict[str, Any], group: str) -> bool:
    """`group` is paths, or webhooks (from OpenAPI 3.1 on)."""
    found = data.get(group)
    if not isinstance(found, dict) or (group == "webhooks" and check.version < (3, 1)):
        return False
    return any(
        operations_of_item(check.references, item, (group, name)) for name, item in found.items()
    )


def _servers(data: dict[str, Any]) -> tuple[Server, ...]:
    """Those whose URL is one; the others were told of."""
    urls = ((server_url(one), one.get("description", "")) for one in data.get("servers", ()))
    return tuple(Server(url, description) for url, description in urls if url)
