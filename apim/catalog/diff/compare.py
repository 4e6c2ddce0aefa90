"""Comparing two descriptions of one style."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Style
from apim.catalog.diff.asyncapi import compare_asyncapi
from apim.catalog.diff.change import Change, Direction, Effect
from apim.catalog.diff.graphql import compare_graphql
from apim.catalog.diff.grpc import compare_grpc
from apim.catalog.diff.openapi import compare_openapi
from apim.catalog.diff.prose import compare_prose
from apim.catalog.diff.report import Report
from apim.catalog.diff.wsdl import compare_wsdl

if TYPE_CHECKING:
    from apim.catalog.descriptions.description import Description


def diff(old: Description, new: Description, *, today: date | None = None) -> tuple[Change, ...]:
    """Every change that a client could notice: breaking ones first, then in the document's order.

    `today` decides which sunsets have passed. Changes of descriptions, examples and other words are
    none.
    """
    report = Report()
    day = today or datetime.now(UTC).date()
    if old.style is not new.style:
        text = _("The style of the description changed from %(before)s to %(after)s.")
        values = {"before": str(old.style), "after": str(new.style)}
        report.add("style-changed", Effect.SWAPS, Direction.NONE, "", (), text % values)
    else:
        _compare(old, new, report, day)
    return report.changes()


def _compare(old: Description, new: Description, report: Report, day: date) -> None:
    match new.style:
        case Style.OPENAPI:
            compare_openapi(old.data, new.data, report, day)
        case Style.ASYNCAPI:
            compare_asyncapi(old.data, new.data, report, day)
        case Style.GRAPHQL:
            compare_graphql(old.data, new.data, report)
        case Style.GRPC:
            compare_grpc(old.data, new.data, report)
        case Style.WSDL:
            compare_wsdl(old.data, new.data, report, day)
        case Style.PROSE:
            compare_prose(old.data, new.data, report)
