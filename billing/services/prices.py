"""Plan versions: drafted, published, taken over by the next."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.models import Plan
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish
from billing.errors import NoticeTooShort, UnknownCurrency, VersionPublished
from billing.models import Meter, PlanVersion, PriceComponent
from billing.rating.prices import Terms, per_unit
from billing.services.meters import calls_meter
from billing.terms import components_of, problems_by_field, shapes_differ

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from apim.accounts.models import Organization
    from apim.audit.actors import Actor

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "JPY")
MAX_DECIMALS = 12
MAX_UNIT_AMOUNT = 10**8
MAX_INCLUDED_CALLS = 10**15

T = TypeVar("T")


@transaction.atomic
def set_price(
    *, actor: Actor, plan: Plan, currency: str, unit_amount: Decimal, included_calls: int = 0
) -> PlanVersion:
    """Give the plan the plainest price: so much per call, in major units, after free calls.

    A plan that nobody has subscribed to is priced from this month on. Otherwise the present month
    keeps what was agreed, and the new version starts with the next calendar month (UTC), for all
    subscribers. Raises UnknownCurrency, InvalidInput.
    """
    _check_plain(currency, unit_amount, included_calls)
    Plan.objects.select_for_update().get(pk=plan.pk)  # one price change per plan at a time
    calls_meter()
    terms = Terms("", currency, usage=(per_unit(unit_amount, included=Decimal(included_calls)),))
    version = _write_draft(PlanVersion(plan=plan, currency=currency), [terms], {})
    month = clock.month_of(clock.now())
    is_used = plan.subscriptions.exists()
    starts_at = month.end if is_used else month.start
    _publish(version, starts_at=starts_at, moves_at=starts_at)
    record(
        actor,
        "price.set",
        version,
        after={**_facts(version), "plan": plan.public_id, "starts_at": starts_at.isoformat()},
    )
    if is_used:
        publish("plan_version.moving", version_id=version.pk)
    return version


@transaction.atomic
def draft_version(
    *,
    actor: Actor,
    plan: Plan,
    sheets: Sequence[Terms],
    names: Mapping[str, str] | None = None,
    organization: Organization | None = None,
    tax_behavior: str = PlanVersion.TaxBehavior.EXCLUSIVE,
    cadence: str = PlanVersion.CadenceChoice.CALENDAR,
    months: int = 1,
    payment: str = PlanVersion.Payment.START,
) -> PlanVersion:
    """Write down a version that nobody pays yet: the same prices in one currency or several.

    `sheets`: terms per currency, the first is the version's own currency. `names`: by key.
    `organization`: for whom alone it will be. `payment`: when a payment method is needed.
    Raises InvalidInput by field, UnknownCurrency.
    """
    version = PlanVersion(
        plan=plan,
        organization=organization,
        tax_behavior=_choice("tax_behavior", tax_behavior, PlanVersion.TaxBehavior.values),
        cadence=_choice("cadence", cadence, PlanVersion.CadenceChoice.values),
        months=_choice("months", months, PlanVersion.Months.values),
        payment=_choice("payment", payment, PlanVersion.Payment.values),
    )
    Plan.objects.select_for_update().get(pk=plan.pk)
    _check_sheets(sheets)
    version = _write_draft(version, sheets, names or {})
    record(actor, "plan_version.drafted", version, after=_facts(version))
    return version


@transaction.atomic
def change_draft(
    *,
    actor: Actor,
    version: PlanVersion,
    sheets: Sequence[Terms],
    names: Mapping[str, str] | None = None,
) -> PlanVersion:
    """Replace a draft's prices. Raises VersionPublished, InvalidInput, UnknownCurrency."""
    row = _locked_draft(version)
    _check_sheets(sheets)
    before = _facts(row)
    row.components.all().delete()
    row = _write_prices(row, sheets, names or {})
    record(actor, "plan_version.changed", row, before=before, after=_facts(row))
    return row


@transaction.atomic
def delete_draft(*, actor: Actor, version: PlanVersion) -> None:
    """Throw a draft away. Raises VersionPublished."""
    row = _locked_draft(version)
    record(actor, "plan_version.deleted", row, before=_facts(row))
    row.components.all().delete()
    row.delete()


@transaction.atomic
def publish_version(
    *,
    actor: Actor,
    version: PlanVersion,
    starts_at: datetime | None = None,
    moves_at: datetime | None = None,
) -> PlanVersion:
    """Offer the version to new subscribers from `starts_at` (now) on, in place of the one before.

    Those who have subscribed keep what they have for good; with `moves_at` they pay the new version
    from their first billing period that begins then, and hear of it now. Notice is at least
    BILLING_NOTICE_DAYS. Raises VersionPublished, NoticeTooShort, InvalidInput.
    """
    now = clock.now()
    starts_at = max(starts_at or now, now)
    row = _locked_draft(version)
    is_used = row.plan.subscriptions.exists()
    earliest = now + timedelta(days=settings.BILLING_NOTICE_DAYS)
    if moves_at is not None and is_used and moves_at < earliest:
        message = _("At least %(days)d days before: on %(day)s or later.") % {
            "days": settings.BILLING_NOTICE_DAYS,
            "day": (earliest + clock.ONE_DAY).date().isoformat(),
        }
        raise NoticeTooShort(message, fields={"moves_at": [message]})
    if moves_at is not None and moves_at < starts_at:
        message = _("Subscribers cannot move before the version starts.")
        raise InvalidInput(message, fields={"moves_at": [message]})
    _publish(row, starts_at=starts_at, moves_at=moves_at)
    record(
        actor,
        "plan_version.published",
        row,
        after={
            **_facts(row),
            "starts_at": starts_at.isoformat(),
            "moves_at": moves_at.isoformat() if moves_at else None,
        },
    )
    if moves_at is not None and is_used:
        publish("plan_version.moving", version_id=row.pk)
    return row


@transaction.atomic
def end_private_version(*, actor: Actor, version: PlanVersion) -> PlanVersion:
    """End a customer's private price; from the next period on it pays the public one.

    Raises InvalidInput for a public version, VersionPublished when it has ended.
    """
    if version.organization_id is None:
        raise InvalidInput(_("A public version ends when the next one starts."))
    now = clock.now()
    open_rows = PlanVersion.objects.published().filter(pk=version.pk, ended_at__isnull=True)
    if open_rows.update(ended_at=now) != 1:
        raise VersionPublished
    version.refresh_from_db()
    record(actor, "plan_version.ended", version, after={"ended_at": now.isoformat()})
    return version


def _check_plain(currency: str, unit_amount: Decimal, included_calls: int) -> None:
    _check_currency(currency)
    if not unit_amount.is_finite() or unit_amount < 0:
        raise InvalidInput(fields={"unit_amount": [_("A price cannot be negative.")]})
    if unit_amount >= MAX_UNIT_AMOUNT:
        raise InvalidInput(fields={"unit_amount": [_("Less than 100 million.")]})
    if -int(unit_amount.normalize().as_tuple().exponent) > MAX_DECIMALS:
        raise InvalidInput(fields={"unit_amount": [_("At most 12 decimals.")]})
    if not 0 <= included_calls <= MAX_INCLUDED_CALLS:
        raise InvalidInput(fields={"included_calls": [_("At least 0, at most 10^15.")]})


def _check_currency(currency: str) -> None:
    if currency not in CURRENCIES:
        raise UnknownCurrency(fields={"currency": [_("Choose one of %s.") % ", ".join(CURRENCIES)]})


def _check_sheets(sheets: Sequence[Terms]) -> None:
    if not sheets:
        raise InvalidInput(fields={"currency": [_("There has to be at least one currency.")]})
    found: dict[str, list[str]] = {}
    for sheet in sheets:
        _check_currency(sheet.currency)
        for path, messages in problems_by_field(sheet).items():
            field = path if sheet is sheets[0] else f"{sheet.currency}.{path}"
            found[field] = messages
    if found:
        raise InvalidInput(fields=found)
    if len({sheet.currency for sheet in sheets}) != len(sheets):
        raise InvalidInput(fields={"currency": [_("Each currency once.")]})
    if shapes_differ(sheets) or len({sheet.trial_days for sheet in sheets}) > 1:
        raise InvalidInput(
            fields={"currency": [_("Every currency needs the same prices, fees and trial.")]}
        )
    _check_meters(sheets)


def _check_meters(sheets: Sequence[Terms]) -> None:
    calls_meter()
    known = set(Meter.objects.values_list("slug", flat=True))
    unknown = sorted({slug for sheet in sheets for slug in sheet.meters} - known)
    if unknown:
        message = _("There is no meter %s.") % ", ".join(unknown)
        raise InvalidInput(message, fields={"usage": [message]})


def _choice(field: str, value: T, choices: Sequence[T]) -> T:
    if value not in choices:
        message = _("Choose one of %s.") % ", ".join(str(choice) for choice in choices)
        raise InvalidInput(message, fields={field: [message]})
    return value


def _locked_draft(version: PlanVersion) -> PlanVersion:
    Plan.objects.select_for_update().get(pk=version.plan_id)
    row = PlanVersion.objects.select_related("plan__product").filter(pk=version.pk).first()
    if row is None or not row.is_draft:
        raise VersionPublished
    return row


def _write_draft(
    version: PlanVersion, sheets: Sequence[Terms], names: Mapping[str, str]
) -> PlanVersion:
    """Save the version with the plan's next number; the plan's row is locked by the caller."""
    latest = PlanVersion.objects.filter(plan=version.plan).aggregate(latest=Max("number"))["latest"]
    version.number = (latest or 0) + 1
    return _write_prices(version, sheets, names)


def _write_prices(
    version: PlanVersion, sheets: Sequence[Terms], names: Mapping[str, str]
) -> PlanVersion:
    version.currency = sheets[0].currency
    version.trial_days = sheets[0].trial_days
    version.save()
    meters = {meter.slug: meter for meter in Meter.objects.all()}
    PriceComponent.objects.bulk_create(
        component for sheet in sheets for component in components_of(version, sheet, meters, names)
    )
    return version


def _publish(version: PlanVersion, *, starts_at: datetime, moves_at: datetime | None) -> None:
    """End the open version for new subscribers; one that would only have started never does."""
    for before in PlanVersion.objects.published().filter(
        Q(organization=version.organization) if version.organization else Q(organization=None),
        plan=version.plan,
        ended_at__isnull=True,
    ):
        ended_at = max(starts_at, before.starts_at or starts_at)
        PlanVersion.objects.filter(pk=before.pk).update(ended_at=ended_at)
        is_replaced = before.starts_at is not None and before.starts_at >= starts_at
        if is_replaced and before.moves_at is not None:
            PlanVersion.objects.filter(pk=before.pk).update(moves_at=None)
    version.starts_at, version.moves_at = starts_at, moves_at
    version.save(update_fields=["starts_at", "moves_at"])


def _facts(version: PlanVersion) -> dict[str, object]:
    """The version as the audit log keeps it."""
    facts: dict[str, object] = {
        "number": version.number,
        "currency": version.currency,
        "unit_amount": f"{version.unit_amount.normalize():f}",
        "included_calls": version.included_calls,
    }
    if not version.is_plain:
        facts["prices"] = [
            f"{c.key} {c.model} {c.amount.normalize():f} {c.currency}"
            for c in version.components.all()
        ]
    if version.organization_id is not None:
        facts["organization"] = version.organization_id
    return facts
