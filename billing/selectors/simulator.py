"""The last months' real usage under a draft plan."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from apim.core import clock
from apim.keys.models import Subscription
from billing.rating.prices import Terms
from billing.rating.simulation import Outcome, Simulation, break_even
from billing.selectors.book import load_book
from billing.selectors.rated import Rater, measure_periods
from billing.selectors.versions import current_price
from billing.terms import terms_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from decimal import Decimal

    from apim.catalog.models import Plan
    from apim.core.clock import Period
    from billing.models import Meter, PlanVersion
    from billing.selectors.book import Book
    from billing.selectors.rated import RatedSubscription, TermsFor

MONTHS = 3


def simulate(
    plan: Plan,
    draft: Terms,
    *,
    meters: dict[str, Meter] | None = None,
    periods: int = MONTHS,
    organization_id: int | None = None,
) -> Simulation:
    """Re-rate the plan's last ended periods under `draft`; nothing is stored.

    Every subscription that was on the plan counts with the periods of its own that have ended, as
    many as `periods`. Before: what its version then says, in the draft's currency only, since
    currencies are not compared. After: the draft, but for those who have a private price. Setup
    fees count in neither; discounts and add-ons in both. `meters`: by slug, those that the draft
    asks and no version of the plan. `organization_id`: whom alone the draft is for.
    """
    called = Subscription.objects.filter(plan=plan) | Subscription.objects.filter(
        tenures__plan=plan
    )
    if organization_id is not None:
        called = called.filter(organization=organization_id)
    named = called.distinct().select_related("organization", "application", "product")
    book = load_book(named.order_by("organization__name", "id"), [plan.pk])
    book.meters |= meters or {}
    sums: dict[int, list[int]] = defaultdict(lambda: [0, 0, 0])
    for dated in _ended_periods(book, periods):
        measured = measure_periods(book, dated)
        before = Rater(book, measured, terms_for=_before(plan, draft)).rate()
        after = Rater(book, measured, terms_for=_after(plan, draft, organization_id)).rate()
        for old, new in zip(before, after, strict=True):
            if any(segment.plan.pk == plan.pk for segment in old.segments):
                total = sums[old.subscription.pk]
                total[0] += _total(old, draft.currency)
                total[1] += _total(new, draft.currency)
                total[2] += 1
    outcomes = tuple(
        Outcome(
            key=book.subscriptions[pk].public_id,
            label=book.subscriptions[pk].application.name,
            organization=book.subscriptions[pk].organization.name,
            before_minor=before_minor,
            after_minor=after_minor,
            periods=count,
        )
        for pk, (before_minor, after_minor, count) in sums.items()
    )
    return Simulation(draft.currency, outcomes, _break_even(plan, draft))


def _ended_periods(book: Book, count: int) -> Iterator[dict[int, Period]]:
    """The last ended period of every subscription, then the one before it, and so on."""
    now = clock.now()
    latest = {pk: book.schedule(s).period_at(now) for pk, s in book.subscriptions.items()}
    for _number in range(count):
        latest = {
            pk: book.schedule(book.subscriptions[pk]).period_at(period.start - clock.ONE_DAY / 24)
            for pk, period in latest.items()
        }
        yield latest


def _before(plan: Plan, draft: Terms) -> TermsFor:
    def terms_for(plan_id: int, version: PlanVersion | None, currency: str) -> Terms | None:
        if plan_id != plan.pk or version is None or currency != draft.currency:
            return None
        return _without_setup(terms_of(version, currency))

    return terms_for


def _after(plan: Plan, draft: Terms, organization_id: int | None) -> TermsFor:
    without, before = _without_setup(draft), _before(plan, draft)

    def terms_for(plan_id: int, version: PlanVersion | None, currency: str) -> Terms | None:
        private = version is not None and version.organization_id is not None
        if private and organization_id is None:
            return before(plan_id, version, currency)  # a public price does not touch it
        return without if plan_id == plan.pk else None

    return terms_for


def _without_setup(terms: Terms) -> Terms:
    return Terms(terms.version, terms.currency, terms.usage, terms.fees, terms.minimum)


def _total(rated: RatedSubscription, currency: str) -> int:
    return sum(bill.total_minor for bill in rated.bills if bill.currency == currency)


def _break_even(plan: Plan, draft: Terms) -> tuple[Decimal, ...]:
    """Against the plan's present version, over the first meter of the draft."""
    version = current_price(plan)
    if version is None or draft.currency not in version.currencies or not draft.usage:
        return ()
    return break_even(terms_of(version, draft.currency), draft, draft.usage[0].meter)
