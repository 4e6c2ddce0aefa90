"""Which prices a plan has, and which of them a subscription pays."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import F, Prefetch, Q

from apim.core import clock
from apim.core.errors import NotFound
from billing.models import PlanVersion, PriceComponent
from billing.rating.engine import Segment, rate
from billing.terms import terms_of

ONE_SECOND = timedelta(seconds=1)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from decimal import Decimal

    from django.db.models import QuerySet

    from apim.accounts.models import Organization
    from apim.catalog.models import Plan
    from apim.core.clock import Period
    from billing.rating.lines import Bill


def with_prices(versions: QuerySet[PlanVersion]) -> QuerySet[PlanVersion]:
    """The versions with their prices and meters, in one further query."""
    components = PriceComponent.objects.select_related("meter")
    return versions.prefetch_related(Prefetch("components", queryset=components))


def current_price(plan: Plan) -> PlanVersion | None:
    """The version that a new subscriber pays; None while the plan is free of charge."""
    return current_prices([plan.pk]).get(plan.pk)


def current_prices(
    plan_ids: Iterable[int], organization: Organization | None = None
) -> dict[int, PlanVersion]:
    """What new subscribers pay now, by plan; plans without a price are absent.

    With an organization its private prices take the place of the public ones.
    """
    offered = PlanVersion.objects.offered(clock.now()).filter(plan_id__in=list(plan_ids))
    of_all = Q(organization__isnull=True)
    mine = of_all if organization is None else of_all | Q(organization=organization)
    rows = with_prices(offered.filter(mine).order_by(F("organization").asc(nulls_first=True)))
    return {version.plan_id: version for version in rows}


def upcoming_price(plan: Plan) -> PlanVersion | None:
    """The version that takes over later."""
    upcoming = PlanVersion.objects.public().filter(
        plan=plan, starts_at__gt=clock.now(), ended_at__isnull=True
    )
    return with_prices(upcoming).first()


def offered_version(plan_id: int, organization_id: int) -> PlanVersion | None:
    """What the organization pays if it subscribes to the plan now: its private price first."""
    offered = PlanVersion.objects.offered(clock.now()).filter(plan_id=plan_id)
    found = list(with_prices(offered.order_by("starts_at", "number")))
    own = [version for version in found if version.organization_id == organization_id]
    public = [version for version in found if version.organization_id is None]
    return next(reversed(own or public), None)


def plan_versions(plan: Plan) -> QuerySet[PlanVersion]:
    """Every version of the plan with its prices, drafts and private ones included, newest first."""
    versions = PlanVersion.objects.filter(plan=plan).select_related("plan__product", "organization")
    return with_prices(versions).order_by("-number")


def get_version(public_id: str) -> PlanVersion:
    """Any version with its prices, drafts and private ones included. Raises NotFound."""
    versions = PlanVersion.objects.select_related("plan__product", "organization")
    found = with_prices(versions).filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


def public_prices(plan: Plan) -> QuerySet[PlanVersion]:
    """What the plan has cost everybody, costs and will cost, newest first."""
    return plan_versions(plan).filter(starts_at__isnull=False, organization__isnull=True)


def all_prices() -> QuerySet[PlanVersion]:
    """Every published version of every plan with its prices, private ones too, newest first."""
    versions = PlanVersion.objects.published().select_related("plan__product", "organization")
    return with_prices(versions).order_by("-id")


def published_by_plan(plan_ids: Iterable[int]) -> dict[int, tuple[PlanVersion, ...]]:
    """All published versions of the plans, oldest first."""
    versions = PlanVersion.objects.published().filter(plan_id__in=list(plan_ids))
    found: dict[int, list[PlanVersion]] = defaultdict(list)
    for version in with_prices(versions).order_by("starts_at", "number"):
        found[version.plan_id].append(version)
    return {plan_id: tuple(of_plan) for plan_id, of_plan in found.items()}


def version_for(
    versions: Sequence[PlanVersion],
    *,
    organization_id: int,
    joined_at: datetime,
    period: Period,
) -> PlanVersion | None:
    """The one version that a subscription pays in the period; None while it is free.

    `versions`: of its plan, published, oldest first. `joined_at`: since when it is on the plan
    without a change in between; a pause is none. The organization's private version comes first;
    else the public one of that day, or a later one whose `moves_at` has come when the period
    begins. One version per period: a move never splits it.
    """
    at = min(max(joined_at, period.start), period.end - ONE_SECOND)
    private = [v for v in versions if v.organization_id == organization_id and _is_offered(v, at)]
    if private:
        return private[-1]
    public = [v for v in versions if v.organization_id is None]
    chosen = next((v for v in reversed(public) if _is_offered(v, min(joined_at, at))), None)
    for version in public:
        is_later = chosen is None or version.number > chosen.number
        if is_later and version.moves_at is not None and version.moves_at <= period.start:
            chosen = version
    return chosen


def _is_offered(version: PlanVersion, at: datetime) -> bool:
    starts_at, ended_at = version.starts_at, version.ended_at
    return starts_at is not None and starts_at <= at and (ended_at is None or at < ended_at)


def quote(version: PlanVersion, quantities: Mapping[str, Decimal], *, currency: str = "") -> Bill:
    """What a whole period with these quantities (by meter slug) costs; setup is left out."""
    terms = terms_of(version, currency)
    return rate([Segment(terms, usage=quantities)], currency=terms.currency)
