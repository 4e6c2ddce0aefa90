"""The price editor: a plan version's prices in one currency, as form fields and back."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apim.core.errors import InvalidInput
from apim.dashboard.forms.tiers import (
    COLUMNS,
    PARTS,
    Number,
    field_name,
    plain,
    read_tiers,
    rows_of,
    tier_fields,
    tier_values,
)
from billing.models import Meter, PlanVersion, PriceComponent
from billing.price_words import worked_terms
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
)
from billing.services import CALLS, CURRENCIES
from billing.terms import problems_by_field

if TYPE_CHECKING:
    from datetime import date

    from billing.price_words import WorkedBill
    from billing.rating.prices import Pricing

Model = PriceComponent.Model
USAGE_ROWS = 3
USAGE_PARTS = ("meter", "model", "amount", "included", "package_size")
_FEE_PATH = re.compile(r"fees\.(\d+)\.")
_USAGE_PATH = re.compile(r"usage\.(\d+)\.(\w+)")
_TIER_PATH = re.compile(r"usage\.(\d+)\.tiers\.(\d+)(?:\.(\w+))?")
_USAGE_FIELDS = {
    "unit_amount": "amount",
    "package_amount": "amount",
    "package_size": "package_size",
    "included": "included",
    "tiers": "t0_unit",
}


@dataclass(frozen=True, slots=True)
class UsageRow:
    """The bound fields of one price of usage."""

    number: int
    fields: dict[str, forms.BoundField] = field(default_factory=dict)
    # Three of them a tier.
    tiers: list[list[forms.BoundField]] = field(default_factory=list)

    @property
    def is_used(self) -> bool:
        return bool(self.fields["meter"].value())

    @property
    def has_tiers(self) -> bool:
        return self.fields["model"].value() in {Model.GRADUATED, Model.VOLUME}


class SheetForm(forms.Form):
    """All prices of a version in one currency."""

    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), choices=[(code, code) for code in CURRENCIES]
    )
    fee_name = forms.CharField(
        label=gettext_lazy("What the fee is for"), max_length=80, required=False
    )
    fee = Number(
        label=gettext_lazy("Flat fee per period"),
        help_text=gettext_lazy("Due by the second while the plan is held."),
    )
    minimum = Number(
        label=gettext_lazy("Minimum per period"),
        help_text=gettext_lazy("Fees and usage come to at least this."),
    )
    setup = Number(
        label=gettext_lazy("Setup fee"),
        help_text=gettext_lazy("Once, when the paid time begins."),
    )
    trial_days = forms.IntegerField(
        label=gettext_lazy("Days of trial"), min_value=0, required=False, initial=0
    )

    def __init__(self, *args: Any, after: Terms | None = None, **kwargs: Any) -> None:
        """`after`: the terms that are edited; their further fees are kept as they are."""
        super().__init__(*args, **kwargs)
        self.row_count = max(USAGE_ROWS, len(after.usage) + 1 if after else 0)
        self.fee_key = after.fees[0].key if after and after.fees else "base"
        self.further_fees = after.fees[1:] if after else ()
        meters = dict(Meter.objects.values_list("slug", "name"))
        self.meter_names: dict[str, str] = {CALLS: _("Calls")} | meters
        choices = [("", "–"), *self.meter_names.items()]
        known = self.data if self.is_bound else self.initial
        self.tier_rows = [rows_of(number, known) for number in range(self.row_count)]
        for number, rows in enumerate(self.tier_rows):
            self.fields |= _usage_fields(number, choices) | tier_fields(number, rows)
        # Where each price of usage in the terms, and each of its tiers, stands: for errors.
        self._rows_used: list[int] = []
        self._tiers: dict[int, tuple[Tier, ...]] = {}
        self._tier_rows_used: dict[int, list[int]] = {}

    @property
    def usage_rows(self) -> list[UsageRow]:
        return [
            UsageRow(
                n + 1,
                {part: self[f"u{n}_{part}"] for part in USAGE_PARTS},
                [[self[field_name(n, row, part)] for part in PARTS] for row in range(rows)],
            )
            for n, rows in enumerate(self.tier_rows)
        ]

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        for number in range(self.row_count):
            if values.get(f"u{number}_meter"):
                self._clean_row(number, values)
        return values

    def _clean_row(self, number: int, values: dict[str, Any]) -> None:
        model = values.get(f"u{number}_model")
        if model in {Model.GRADUATED, Model.VOLUME}:
            found = read_tiers(self, number, self.tier_rows[number])
            self._tiers[number], self._tier_rows_used[number] = found
        elif values.get(f"u{number}_amount") is None and f"u{number}_amount" not in self.errors:
            self.add_error(f"u{number}_amount", _("Say what it costs; 0 is free."))
        if model == Model.PACKAGE and not values.get(f"u{number}_package_size"):
            self.add_error(f"u{number}_package_size", _("How many units are in a package?"))

    def terms(self) -> Terms:
        """The engine's terms of a valid form."""
        values = self.cleaned_data
        self._rows_used = [n for n in range(self.row_count) if values[f"u{n}_meter"]]
        first = () if values["fee"] is None else (Fee(self.fee_key, values["fee"]),)
        return Terms(
            version="",
            currency=values["currency"],
            usage=tuple(self._usage_price(n) for n in self._rows_used),
            fees=(*first, *self.further_fees),
            minimum=values["minimum"] or Decimal(0),
            setup=values["setup"] or Decimal(0),
            trial_days=values["trial_days"] or 0,
        )

    def names(self) -> dict[str, str]:
        """What people read, by price key."""
        name = self.cleaned_data["fee_name"]
        return {self.fee_key: name} if name else {}

    def example(self, units: int) -> WorkedBill | None:
        """What so many units of each meter cost by the form's prices; None while they are wrong."""
        if not self.is_valid():
            return None
        terms = self.terms()
        if problems := problems_by_field(terms):
            for name, messages in self.place(InvalidInput(fields=problems)).fields.items():
                self.add_error(name if name in self.fields else None, messages)
            return None
        names = {price.key: self.meter_names[price.meter] for price in terms.usage} | self.names()
        quantities = dict.fromkeys(terms.meters, Decimal(units))
        return worked_terms(terms, quantities, names)

    def _usage_price(self, number: int) -> UsagePrice:
        values = {part: self.cleaned_data[f"u{number}_{part}"] for part in USAGE_PARTS}
        slug = values["meter"]
        earlier = [n for n in self._rows_used if n < number]
        twice = sum(self.cleaned_data[f"u{n}_meter"] == slug for n in earlier)
        return UsagePrice(
            key=f"{slug[:56]}-{twice + 1}" if twice else slug,
            meter=slug,
            pricing=_pricing(values, self._tiers.get(number, ())),
            included=Decimal(values["included"] or 0),
        )

    def place(self, error: InvalidInput) -> InvalidInput:
        """The error with paths such as `usage.0.tiers.1.up_to` turned into fields of the form."""
        placed: dict[str, list[str]] = {}
        for path, messages in error.fields.items():
            placed.setdefault(self._field(path), []).extend(messages)
        return InvalidInput(error.message, fields=placed)

    def _field(self, path: str) -> str:
        path = path.removeprefix(f"{self.cleaned_data['currency']}.")
        if _FEE_PATH.match(path):
            return "fee"
        found = _USAGE_PATH.match(path)
        if found is None:
            return path
        row = self._rows_used[int(found[1])]
        tier = _TIER_PATH.match(path)
        if tier is not None:
            used = self._tier_rows_used[row]
            at = used[min(int(tier[2]), len(used) - 1)]
            return field_name(row, at, COLUMNS.get(tier[3] or "", "unit"))
        return f"u{row}_{_USAGE_FIELDS.get(found[2], 'meter')}"


class VersionForm(SheetForm):
    """A new version: its prices in its own currency, and how its time is cut into periods."""

    tax_behavior = forms.ChoiceField(
        label=gettext_lazy("Tax"), choices=PlanVersion.TaxBehavior.choices
    )
    cadence = forms.ChoiceField(
        label=gettext_lazy("Periods"), choices=PlanVersion.CadenceChoice.choices
    )
    months = forms.TypedChoiceField(
        label=gettext_lazy("Billed every"), coerce=int, choices=PlanVersion.Months.choices
    )
    payment = forms.ChoiceField(
        label=gettext_lazy("Payment method needed"),
        choices=PlanVersion.Payment.choices,
        required=False,
    )

    def clean_payment(self) -> str:
        return self.cleaned_data["payment"] or PlanVersion.Payment.START


class PublishForm(forms.Form):
    """From when the version is offered, and who of the present subscribers moves to it."""

    starts_on = forms.DateField(
        label=gettext_lazy("Offered from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy("The beginning of that day in your time zone. Empty: at once."),
    )
    moves = forms.ChoiceField(
        label=gettext_lazy("Those who have subscribed"),
        choices=[
            ("keep", gettext_lazy("Keep their price for good")),
            ("move", gettext_lazy("Move to this version")),
        ],
        widget=forms.RadioSelect,
        initial="keep",
    )
    moves_on = forms.DateField(
        label=gettext_lazy("They move from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if values.get("moves") == "move" and not values.get("moves_on"):
            self.add_error("moves_on", _("Say from which day on they pay the new version."))
        return values

    @property
    def starts_at(self) -> datetime | None:
        return day_start(self.cleaned_data["starts_on"])

    @property
    def moves_at(self) -> datetime | None:
        is_moving = self.cleaned_data["moves"] == "move"
        return day_start(self.cleaned_data["moves_on"]) if is_moving else None


def day_start(day: date | None) -> datetime | None:
    """The first instant of the day in the reader's time zone."""
    if day is None:
        return None
    zone = timezone.get_current_timezone()
    assert isinstance(zone, ZoneInfo)
    return datetime.combine(day, time.min, tzinfo=zone)


def initial_of(terms: Terms, names: dict[str, str]) -> dict[str, Any]:
    """The form's values for terms that exist."""
    fee = terms.fees[0] if terms.fees else None
    found: dict[str, Any] = {
        "currency": terms.currency,
        "fee": plain(fee.amount) if fee else None,
        "fee_name": names.get(fee.key, "") if fee else "",
        "minimum": plain(terms.minimum) if terms.minimum else None,
        "setup": plain(terms.setup) if terms.setup else None,
        "trial_days": terms.trial_days,
    }
    for number, price in enumerate(terms.usage):
        row: dict[str, Any] = {
            "meter": price.meter,
            "included": int(price.included),
            **_pricing_row(price.pricing),
        }
        found |= tier_values(number, row.pop("tiers", ()))
        found |= {f"u{number}_{part}": value for part, value in row.items()}
    return found


def _usage_fields(number: int, meters: list[tuple[str, str]]) -> dict[str, forms.Field]:
    return {
        f"u{number}_meter": forms.ChoiceField(
            label=_("Meter"), choices=meters, required=False, initial="" if number else CALLS
        ),
        f"u{number}_model": forms.ChoiceField(
            label=_("Pricing"),
            choices=[choice for choice in Model.choices if choice[0] != Model.FLAT],
            initial=Model.PER_UNIT,
            required=False,
        ),
        f"u{number}_amount": Number(label=_("Price per unit or package")),
        f"u{number}_included": forms.IntegerField(
            label=_("Free units per period"), min_value=0, required=False
        ),
        f"u{number}_package_size": forms.IntegerField(
            label=_("Units in a package"), min_value=1, required=False
        ),
    }


def _pricing(values: dict[str, Any], tiers: tuple[Tier, ...]) -> Pricing:
    match values["model"]:
        case Model.GRADUATED:
            return Graduated(tiers)
        case Model.VOLUME:
            return Volume(tiers)
        case Model.PACKAGE:
            return Package(Decimal(values["package_size"]), values["amount"])
        case _:
            return PerUnit(values["amount"])


def _pricing_row(pricing: Pricing) -> dict[str, Any]:
    match pricing:
        case PerUnit(unit_amount):
            return {"model": Model.PER_UNIT, "amount": plain(unit_amount)}
        case Package(size, amount):
            return {"model": Model.PACKAGE, "amount": plain(amount), "package_size": int(size)}
        case Graduated(tiers):
            return {"model": Model.GRADUATED, "tiers": tiers}
        case Volume(tiers):
            return {"model": Model.VOLUME, "tiers": tiers}
