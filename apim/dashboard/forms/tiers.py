"""Tiers as rows of a form: up to how many units, the price of each, perhaps a flat amount."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _

from billing.rating.prices import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS = ("up_to", "unit", "flat")
ROWS = 3
MORE = 3
MAX_ROWS = 200
# What the rules of prices call a tier's parts, by the column that they stand in.
COLUMNS = {"up_to": "up_to", "after": "up_to", "unit_amount": "unit", "flat_amount": "flat"}


class Number(forms.DecimalField):
    """Any number of at least 0, or nothing; the services say what is too large or too fine."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, required=False, **kwargs)
        self.widget.attrs |= {"inputmode": "decimal", "step": "any"}


def field_name(number: int, row: int, part: str) -> str:
    return f"u{number}_t{row}_{part}"


def rows_of(number: int, given: Mapping[str, Any]) -> int:
    """How many rows to show: those that were sent or are known, and some more when asked for."""
    pattern = re.compile(rf"u{number}_t(\d{{1,3}})_")
    found = [int(match[1]) + 1 for name in given if (match := pattern.match(name))]
    asked = MORE if given.get("more") == str(number) else 0
    return min(MAX_ROWS, max(ROWS, *found, 0) + asked)


def tier_fields(number: int, rows: int) -> dict[str, forms.Field]:
    """Three fields a row; each names its row to who cannot see the table."""
    fields: dict[str, forms.Field] = {}
    for row in range(rows):
        words = {"row": row + 1}
        fields |= {
            field_name(number, row, "up_to"): Number(label=_("Tier %(row)s: up to") % words),
            field_name(number, row, "unit"): Number(label=_("Tier %(row)s: each unit") % words),
            field_name(number, row, "flat"): Number(label=_("Tier %(row)s: and once") % words),
        }
    return fields


def read_tiers(form: forms.Form, number: int, rows: int) -> tuple[tuple[Tier, ...], list[int]]:
    """The tiers of the rows that are not empty, and which rows these are.

    Puts an error beside a row that lacks its price, and one beside the first when all are empty.
    """
    tiers: list[Tier] = []
    used: list[int] = []
    after = Decimal(0)
    for row in range(rows):
        up_to, unit, flat = (form.cleaned_data.get(field_name(number, row, p)) for p in PARTS)
        if up_to is None and unit is None and flat is None:
            continue
        name = field_name(number, row, "unit")
        if unit is None and name not in form.errors:
            form.add_error(name, _("Say what it costs; 0 is free."))
        tiers.append(Tier(after, up_to, unit or Decimal(0), flat or Decimal(0)))
        used.append(row)
        after = up_to if up_to is not None else after
    if not tiers and not any(
        field_name(number, row, p) in form.errors for row in range(rows) for p in PARTS
    ):
        form.add_error(field_name(number, 0, "unit"), _("There has to be at least one tier."))
    return tuple(tiers), used


def tier_values(number: int, tiers: tuple[Tier, ...]) -> dict[str, str]:
    """The fields' values for tiers that exist."""
    values: dict[str, str] = {}
    for row, tier in enumerate(tiers):
        values[field_name(number, row, "unit")] = plain(tier.unit_amount)
        if tier.up_to is not None:
            values[field_name(number, row, "up_to")] = plain(tier.up_to)
        if tier.flat_amount:
            values[field_name(number, row, "flat")] = plain(tier.flat_amount)
    return values


def plain(value: Decimal) -> str:
    """A decimal without an exponent and without trailing zeros."""
    return f"{value.normalize():f}"
