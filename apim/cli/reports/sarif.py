"""SARIF 2.1.0 (OASIS), as GitHub code scanning and others read it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from apim.cli.reports.entries import Entry, Report

_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_INFORMATION = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"
# SARIF knows three levels; the last of ours share one.
_LEVELS = {
    "error": "error",
    "warn": "warning",
    "info": "note",
    "hint": "note",
    "breaking": "error",
    "risky": "warning",
    "compatible": "note",
}


def as_sarif(report: Report) -> str:
    rules: dict[str, Entry] = {}
    for entry in report.entries:
        rules.setdefault(entry.rule, entry)
    numbers = {name: index for index, name in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": f"apim {report.kind}",
                "version": "1.0.0",
                "informationUri": _INFORMATION,
                "rules": [_rule(entry) for entry in rules.values()],
            }
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(entry, numbers[entry.rule]) for entry in report.entries],
    }
    return json.dumps(
        {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=2
    )


def _rule(entry: Entry) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": entry.rule,
        "defaultConfiguration": {"level": _LEVELS.get(entry.level, "note")},
    }
    if entry.remedy:
        rule["help"] = {"text": entry.remedy}
    if entry.url.startswith(("http://", "https://")):
        rule["helpUri"] = entry.url
    return rule


def _result(entry: Entry, number: int) -> dict[str, Any]:
    message = f"{entry.subject}: {entry.message}" if entry.subject else entry.message
    if entry.remedy:
        message = f"{message} {entry.remedy}"
    result: dict[str, Any] = {
        "ruleId": entry.rule,
        "ruleIndex": number,
        "level": _LEVELS.get(entry.level, "note"),
        "message": {"text": message},
        "partialFingerprints": {"apimFinding/v1": _fingerprint(entry)},
    }
    if entry.file:
        location: dict[str, Any] = {"artifactLocation": {"uri": quote(entry.file)}}
        if entry.line:
            location["region"] = {"startLine": entry.line, "startColumn": max(1, entry.column)}
        result["locations"] = [{"physicalLocation": location}]
    return result


def _fingerprint(entry: Entry) -> str:
    """Stays when lines move: rule, file and path into the document."""
    path = entry.data.get("path", [])
    known = json.dumps([entry.rule, entry.file, entry.subject, path, entry.message])
    return hashlib.sha256(known.encode()).hexdigest()
