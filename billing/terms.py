"""Between a plan version's rows and the engine's terms, and the wording of what is wrong in them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from billing.models import PriceComponent
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
from billing.rating.validation import problems

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from billing.models import Meter, PlanVersion
    from billing.rating.prices import Pricing
    from billing.rating.validation import Problem

Kind, Model = PriceComponent.Kind, PriceComponent.Model

MESSAGES = {
    "negative": gettext_noop("It cannot be negative, and has to be a number."),
    "not_positive": gettext_noop("It has to be more than 0."),
    "not_whole": gettext_noop("It has to be a whole number."),
    "too_large": gettext_noop("It has to be less than %(value)s."),
    "too_fine": gettext_noop("At most %(value)s decimals."),
    "no_tiers": gettext_noop("There has to be at least one tier."),
    "too_many_tiers": gettext_noop("At most %(value)s tiers."),
    "tier_gap": gettext_noop("The tier has to begin after %(value)s: there is a gap before it."),
    "tier_overlap": gettext_noop(
        "The tier has to begin after %(value)s: it overlaps the one before it."
    ),
    "tier_empty": gettext_noop("The tier has to end after %(value)s, where it begins."),
    "tier_endless": gettext_noop("Only the last tier is without end."),
    "tier_last_ends": gettext_noop("The last tier has to be without end."),
    "trial_length": gettext_noop("Between 0 and %(value)s days."),
    "key_twice": gettext_noop("Two prices have the same key."),
}


def worded(problem: Problem) -> str:
    """What to change, in the reader's language."""
    return _(MESSAGES[problem.code]) % {"value": problem.value}


def problems_by_field(terms: Terms) -> dict[str, list[str]]:
    """Messages by path, such as `usage.0.tiers.1.after`; empty when the terms are good."""
    found: dict[str, list[str]] = {}
    for problem in problems(terms):
        found.setdefault(problem.field, []).append(worded(problem))
    return found


def terms_of(version: PlanVersion, currency: str = "") -> Terms:
    """The version's prices in the currency, its own unless given.

    Empty terms where it has no prices in that currency: ask `version.currencies` first.
    """
    currency = currency or version.currency
    components = [c for c in version.components.all() if c.currency == currency]
    return Terms(
        version=version.public_id,
        currency=currency,
        usage=tuple(_usage(c) for c in components if c.kind == Kind.USAGE),
        fees=tuple(Fee(c.key, c.amount) for c in components if c.kind == Kind.FEE),
        minimum=sum((c.amount for c in components if c.kind == Kind.MINIMUM), Decimal(0)),
        setup=sum((c.amount for c in components if c.kind == Kind.SETUP), Decimal(0)),
        trial_days=version.trial_days,
    )


def _usage(component: PriceComponent) -> UsagePrice:
    meter = component.meter
    assert meter is not None
    return UsagePrice(component.key, meter.slug, _pricing(component), Decimal(component.included))


def _pricing(component: PriceComponent) -> Pricing:
    match component.model:
        case Model.GRADUATED:
            return Graduated(tuple(tier_from(row) for row in component.tiers))
        case Model.VOLUME:
            return Volume(tuple(tier_from(row) for row in component.tiers))
        case Model.PACKAGE:
            return Package(Decimal(component.package_size or 1), component.amount)
        case _:
            return PerUnit(component.amount)


def tier_from(row: Mapping[str, Any]) -> Tier:
    """A tier from its JSON form."""
    up_to = row["up_to"]
    return Tier(
        Decimal(row["after"]),
        None if up_to is None else Decimal(up_to),
        Decimal(row["unit_amount"]),
        Decimal(row.get("flat_amount", 0)),
    )


def tier_row(tier: Tier) -> dict[str, str | None]:
    """A tier's JSON form: decimals as text, so that none is rounded."""
    return {
        "after": f"{tier.after:f}",
        "up_to": None if tier.up_to is None else f"{tier.up_to:f}",
        "unit_amount": f"{tier.unit_amount:f}",
        "flat_amount": f"{tier.flat_amount:f}",
    }


@dataclass(frozen=True, slots=True)
class _Row:
    key: str
    kind: str
    model: str
    meter: Meter | None = None
    amount: Decimal = Decimal(0)
    included: int = 0
    package_size: int | None = None
    tiers: tuple[Tier, ...] = ()


def components_of(
    version: PlanVersion,
    terms: Terms,
    meters: Mapping[str, Meter],
    names: Mapping[str, str],
) -> list[PriceComponent]:
    """Unsaved rows of the terms; `meters` by slug, `names` by key."""
    return [
        PriceComponent(
            version=version,
            currency=terms.currency,
            key=row.key,
            name=names.get(row.key, ""),
            kind=row.kind,
            model=row.model,
            meter=row.meter,
            amount=row.amount,
            included=row.included,
            package_size=row.package_size,
            tiers=[tier_row(tier) for tier in row.tiers],
            position=position,
        )
        for position, row in enumerate(_rows(terms, meters))
    ]


def _rows(terms: Terms, meters: Mapping[str, Meter]) -> Iterator[_Row]:
    for fee in terms.fees:
        yield _Row(fee.key, Kind.FEE, Model.FLAT, amount=fee.amount)
    for price in terms.usage:
        yield _usage_row(price, meters[price.meter])
    if terms.minimum:
        yield _Row("minimum", Kind.MINIMUM, Model.FLAT, amount=terms.minimum)
    if terms.setup:
        yield _Row("setup", Kind.SETUP, Model.FLAT, amount=terms.setup)


def _usage_row(price: UsagePrice, meter: Meter) -> _Row:
    included = int(price.included)
    match price.pricing:
        case PerUnit(unit_amount):
            return _Row(price.key, Kind.USAGE, Model.PER_UNIT, meter, unit_amount, included)
        case Package(size, amount):
            return _Row(price.key, Kind.USAGE, Model.PACKAGE, meter, amount, included, int(size))
        case Graduated(tiers):
            return _Row(
                price.key, Kind.USAGE, Model.GRADUATED, meter, included=included, tiers=tiers
            )
        case Volume(tiers):
            return _Row(price.key, Kind.USAGE, Model.VOLUME, meter, included=included, tiers=tiers)


def shapes_differ(sheets: Iterable[Terms]) -> bool:
    """Whether prices in several currencies are not the same prices."""
    shapes = {
        (
            tuple((price.key, price.meter) for price in terms.usage),
            tuple(fee.key for fee in terms.fees),
            bool(terms.minimum),
            bool(terms.setup),
        )
        for terms in sheets
    }
    return len(shapes) > 1
