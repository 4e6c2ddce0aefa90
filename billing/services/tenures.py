"""What billing notes of subscriptions: since when on which plan, in which currency and periods."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Exists, OuterRef

from apim.audit.services import record
from apim.core import clock
from apim.keys.models import Subscription
from billing.errors import NotInCurrency
from billing.models import BillingTerms, PlanVersion, Tenure
from billing.rating.periods import opening_of, trial_end
from billing.selectors.versions import offered_version

if TYPE_CHECKING:
    from datetime import datetime

    from apim.audit.actors import Actor

State = Subscription.State
MAX_MISSING = 5000


@transaction.atomic
def note_subscription(*, subscription_id: int, at: datetime | None = None) -> Tenure | None:
    """Bring the subscription's tenure up to its state and plan, as of `at` (now; its end).

    Runs after every change of a subscription; running it again changes nothing. The first time it
    is active it also gets its billing terms. Returns the open tenure.
    """
    row = (
        Subscription.objects.select_for_update(of=("self",))
        .select_related("organization", "plan")
        .get(pk=subscription_id)
    )
    ended_at = at or row.ended_at
    at = at or clock.now()
    tenure = Tenure.objects.open().filter(subscription=row).first()
    if row.state != State.ACTIVE:
        if tenure is not None:
            Tenure.objects.end(tenure, at=ended_at or at)
        return None
    if tenure is not None and tenure.plan_id == row.plan_id:
        return tenure
    if tenure is not None:
        Tenure.objects.end(tenure, at=at)
    is_first = not Tenure.objects.filter(subscription=row).exists()
    started_at = (row.activated_at or row.created_at) if is_first else at
    terms = _terms(row, started_at)
    if is_first and terms.cadence == PlanVersion.CadenceChoice.ANNIVERSARY:
        # The first day counts whole, so that the first period costs what the others do.
        started_at = min(started_at, opening_of(terms.anchor_on, row.organization.time_zone))
    return Tenure.objects.create(
        subscription=row, organization=row.organization, plan=row.plan, started_at=started_at
    )


def note_missing() -> int:
    """Note the active subscriptions whose tenure does not say so; returns how many.

    Those of before tenures were noted, and whose news was lost.
    """
    right = Tenure.objects.open().filter(subscription=OuterRef("pk"), plan=OuterRef("plan"))
    missing = Subscription.objects.active().exclude(Exists(right)).order_by("pk")
    ids = list(missing.values_list("pk", flat=True)[:MAX_MISSING])
    for pk in ids:
        note_subscription(subscription_id=pk)
    return len(ids)


@transaction.atomic
def choose_currency(*, actor: Actor, subscription: Subscription, currency: str) -> BillingTerms:
    """Bill a subscription in another currency that its plan has prices in.

    Counts from the running period on. Raises NotInCurrency.
    """
    terms = _terms(subscription, subscription.activated_at or clock.now())
    version = offered_version(subscription.plan_id, subscription.organization_id)
    if version is None or currency not in version.currencies:
        raise NotInCurrency
    before = terms.currency
    terms.currency = currency
    terms.save(update_fields=["currency"])
    record(
        actor,
        "subscription.currency_changed",
        subscription,
        before={"currency": before},
        after={"currency": currency},
    )
    return terms


def _terms(subscription: Subscription, started_at: datetime) -> BillingTerms:
    """Those it has, or new ones after what its plan is offered with."""
    existing = BillingTerms.objects.filter(subscription=subscription).first()
    if existing is not None:
        return existing
    version = offered_version(subscription.plan_id, subscription.organization_id)
    zone = subscription.organization.time_zone
    trial_ends_at = None
    if version is not None and version.trial_days and not _had_product(subscription):
        trial_ends_at = trial_end(started_at, version.trial_days, zone)
    terms, _created = BillingTerms.objects.get_or_create(
        subscription=subscription,
        defaults={
            "organization_id": subscription.organization_id,
            "currency": version.currency if version else "EUR",
            "cadence": version.cadence if version else PlanVersion.CadenceChoice.CALENDAR,
            "months": version.months if version else 1,
            "time_zone": zone,
            "anchor_on": started_at.astimezone(ZoneInfo(zone)).date(),
            "trial_ends_at": trial_ends_at,
        },
    )
    return terms


def _had_product(subscription: Subscription) -> bool:
    """Whether the organization had the product before: a trial is given once."""
    return (
        Tenure.objects.filter(
            organization_id=subscription.organization_id,
            subscription__product_id=subscription.product_id,
        )
        .exclude(subscription=subscription)
        .exists()
    )
