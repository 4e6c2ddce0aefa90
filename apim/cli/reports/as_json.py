"""The same JSON as the management API answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from apim.catalog.diff import Level, summarize
from apim.catalog.rulesets.findings import SEVERITIES

if TYPE_CHECKING:
    from apim.cli.reports.entries import Report


def as_json(report: Report) -> str:
    return json.dumps(_data(report), ensure_ascii=False, indent=2)


def _data(report: Report) -> dict[str, Any]:
    if report.answer is not None:
        return report.answer
    counts = report.counts()
    if report.kind == "diff":
        summary = summarize(report.changes)
        return {
            "is_breaking": summary.is_breaking,
            "advice": summary.bump.value,
            "counts": {level.value: counts.get(level.value, 0) for level in Level},
            "changes": [entry.data for entry in report.entries],
        }
    return {
        "score": report.score,
        "counts": {one.value: counts.get(one.value, 0) for one in SEVERITIES},
        "findings": [entry.data for entry in report.entries],
    }
