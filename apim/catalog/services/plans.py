"""Plans and their limits: what a subscriber may do. What it costs stands in billing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import WrongState
from apim.catalog.limit_checks import checked_limits
from apim.catalog.models import Limit, Plan, Product
from apim.catalog.naming import checked_name, free_slug
from apim.catalog.services.apis import checked_summary
from apim.catalog.services.changes import change, unique
from apim.catalog.services.limits import told
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.audit.actors import Actor
    from apim.catalog.limit_checks import LimitInput

State = Plan.State


@transaction.atomic
def create_plan(
    *,
    actor: Actor,
    product: Product,
    name: str,
    slug: str | None = None,
    summary: str = "",
    approval: str = Plan.Approval.AUTOMATIC,
    limits: Iterable[LimitInput | tuple[str, int]] = (),
    position: int | None = None,
    charges_overage: bool = False,
) -> Plan:
    """Create a draft plan; no limits mean that nothing is limited.

    Raises InvalidInput, NameTaken, LimitsInvalid, WrongState if the product is retired.
    """
    if product.state == Product.State.RETIRED:
        raise WrongState(_("%(product)s is retired.") % {"product": product})
    wanted = checked_limits(limits)
    plan = Plan(
        product=product,
        name=checked_name(name),
        summary=checked_summary(summary),
        approval=_checked_approval(approval),
        position=_next_position(product) if position is None else _checked_position(position),
        charges_overage=charges_overage,
    )
    plan.slug = free_slug(
        Plan.objects.filter(product=product), wanted=slug, name=plan.name, fallback="plan"
    )
    with unique("slug"):
        plan.save()
    Limit.objects.bulk_create(Limit(plan=plan, **terms._asdict()) for terms in wanted)
    record(
        actor,
        "plan.created",
        plan,
        after={
            "name": plan.name,
            "approval": plan.approval,
            "charges_overage": plan.charges_overage,
            "limits": told(wanted),
        },
    )
    publish("plan.changed", plan_id=plan.pk)
    return plan


@transaction.atomic
def update_plan(
    *,
    actor: Actor,
    plan: Plan,
    name: str | None = None,
    summary: str | None = None,
    approval: str | None = None,
    position: int | None = None,
    charges_overage: bool | None = None,
) -> Plan:
    """Change what is said about a plan and what holds for its subscribers; None stays.

    `charges_overage`: calls beyond a soft limit are charged. Raises InvalidInput.
    """
    values = {
        "name": None if name is None else checked_name(name),
        "summary": None if summary is None else checked_summary(summary),
        "approval": None if approval is None else _checked_approval(approval),
        "position": None if position is None else _checked_position(position),
        "charges_overage": charges_overage,
    }
    if change(plan, actor=actor, action="plan.updated", values=values):
        publish("plan.changed", plan_id=plan.pk)
    return plan


def publish_plan(*, actor: Actor, plan: Plan) -> Plan:
    """Let developers subscribe. Raises WrongState if it is published or its product retired."""
    if plan.product.state == Product.State.RETIRED:
        raise WrongState(_("%(product)s is retired.") % {"product": plan.product})
    return _move(actor, plan, start=(State.DRAFT, State.RETIRED), end=State.PUBLISHED)


def retire_plan(*, actor: Actor, plan: Plan) -> Plan:
    """Take no new subscriptions; those that exist go on. Raises WrongState if retired already."""
    return _move(actor, plan, start=(State.DRAFT, State.PUBLISHED), end=State.RETIRED)


@transaction.atomic
def _move(actor: Actor, plan: Plan, *, start: tuple[Plan.State, ...], end: Plan.State) -> Plan:
    before = plan.state
    updated = Plan.objects.filter(pk=plan.pk, state__in=start).update(
        state=end, updated_at=clock.now()
    )
    plan.refresh_from_db()
    if updated != 1:
        message = _("%(name)s is already %(state)s.")
        raise WrongState(message % {"name": plan, "state": plan.get_state_display().lower()})
    record(actor, f"plan.{end}", plan, before={"state": before}, after={"state": end})
    publish("plan.changed", plan_id=plan.pk)
    return plan


def _checked_approval(approval: str) -> str:
    if approval not in Plan.Approval.values:
        message = _("“%(value)s” is not a kind of approval.") % {"value": approval}
        raise InvalidInput(message, fields={"approval": [message]})
    return approval


def _checked_position(position: int) -> int:
    if not 0 <= position <= 32767:
        message = _("Between 0 and 32767.")
        raise InvalidInput(message, fields={"position": [message]})
    return position


def _next_position(product: Product) -> int:
    latest = product.plans.aggregate(latest=Max("position"))["latest"]
    return 0 if latest is None else min(int(latest) + 1, 32767)
