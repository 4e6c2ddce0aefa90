"""Tables as CSV files that open in any spreadsheet."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# A cell that starts like a formula would run in the reader's spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_answer(filename: str, rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The rows, the header among them, as a download."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{filename}"'
    writer = csv.writer(response)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
    return response


def _harmless(cell: Any) -> Any:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell
