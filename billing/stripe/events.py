"""What Stripe tells us: stored once by its id, handled by fetching what it is about."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from django.db.models import F

from apim.audit.services import record
from apim.core import clock
from apim.core.locks import LockId, try_advisory_lock
from billing.models import StripeEvent
from billing.services.unpaid import review_unpaid
from billing.stripe.checkouts import settle_session
from billing.stripe.customers import mirror_customer, take_payment_method
from billing.stripe.drafts import hold
from billing.stripe.metered import note_ended
from billing.stripe.metering import note_refused
from billing.stripe.mirror import mirror_charge, mirror_credit_note, take_over
from billing.stripe.ports import StripeRefused, StripeUnavailable
from billing.stripe.together import together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from apim.audit.actors import Actor
    from apim.audit.services import Audited
    from billing.stripe.ports import PaymentGateway, Remote

logger = logging.getLogger(__name__)

# What an endpoint for us should be subscribed to. docs.stripe.com/webhooks and facts of the guide
# "usage-based billing"; a type that we do not act on is stored and shown.
RECOMMENDED = (
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "setup_intent.succeeded",
    "payment_method.attached",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.created",
    "invoice.finalized",
    "invoice.finalization_failed",
    "invoice.paid",
    "invoice.payment_failed",
    "invoice.payment_action_required",
    "invoice.overdue",
    "invoice.marked_uncollectible",
    "invoice.voided",
    "charge.refunded",
    "charge.dispute.created",
    "charge.dispute.closed",
    "credit_note.created",
    "entitlements.active_entitlement_summary.updated",
    "test_helpers.test_clock.ready",
)
METER_ERRORS = "v1.billing.meter.error_report_triggered"
NO_METER = "v1.billing.meter.no_meter_found"
MAX_HANDLED = 2_000
MAX_ATTEMPTS = 20
RETRY_BASE_SECONDS, RETRY_MAX_SECONDS = 5, 3_600
MISSING = "resource_missing"


def store_event(
    found: Remote, *, source: str = StripeEvent.Source.WEBHOOK
) -> tuple[StripeEvent, bool]:
    """The event's row and whether it is new. A repeated delivery is counted and changes nothing."""
    about = found.get("related_object") or (found.get("data") or {}).get("object") or {}
    row, is_new = StripeEvent.objects.get_or_create(
        stripe_id=str(found["id"])[:80],
        defaults={
            "type": str(found.get("type", ""))[:100],
            "object_type": str(about.get("object") or about.get("type") or "")[:60],
            "object_id": _about(about),
            "customer_id": _customer_of(about),
            "is_thin": found.get("object") == "v2.core.event",
            "source": source,
            "happened_at": _moment(found.get("created")),
            "due_at": clock.now(),
        },
    )
    if not is_new and source == StripeEvent.Source.WEBHOOK:
        StripeEvent.objects.filter(pk=row.pk).update(deliveries=F("deliveries") + 1)
    return row, is_new


def _about(about: Remote) -> str:
    """What to fetch: of a dispute its charge."""
    match about.get("object"):
        case "dispute":
            return str(about.get("charge") or "")
        case _:
            return str(about.get("id") or "")[:120]


def _customer_of(about: Remote) -> str:
    customer = about["id"] if about.get("object") == "customer" else about.get("customer")
    return str(customer or "")[:80]


def _moment(created: Any) -> datetime:
    """v1 events say unix seconds, v2 events RFC 3339."""
    if isinstance(created, int):
        return datetime.fromtimestamp(created, UTC)
    return datetime.fromisoformat(created) if created else clock.now()


def handle_events(gateway: PaymentGateway, *, limit: int = MAX_HANDLED) -> int:
    """Handle what is stored and due, oldest first; returns how many were handled.

    Several customers at once. What is about one object is done by one look at it, for a look shows
    all that the events before it said.
    """
    with try_advisory_lock(LockId.STRIPE_EVENTS) as held:
        if not held:
            return 0
        rows = StripeEvent.objects.unprocessed().filter(
            due_at__lte=clock.now(), attempts__lt=MAX_ATTEMPTS
        )
        by_customer: dict[str, list[StripeEvent]] = {}
        for row in rows.order_by("happened_at", "id")[:limit]:
            by_customer.setdefault(row.customer_id or row.object_id, []).append(row)
        return together(lambda mine: _handle_some(gateway, mine), by_customer.values())


def _handle_some(gateway: PaymentGateway, rows: Iterable[StripeEvent]) -> int:
    """A customer's events, one after the other."""
    seen: set[tuple[str, str]] = set()
    handled = 0
    for row in rows:
        about = (_prefix(row), row.object_id)
        if about in seen or _handle(gateway, row):
            seen.add(about)
            _settle(row)
            handled += 1
    return handled


def _settle(row: StripeEvent) -> None:
    StripeEvent.objects.filter(pk=row.pk).update(processed_at=clock.now(), last_error="")


def _handle(gateway: PaymentGateway, row: StripeEvent) -> bool:
    try:
        _act(gateway, row)
    except StripeRefused as refusal:
        if refusal.reason != MISSING:  # what was deleted since has nothing more to say
            return _postpone(row, refusal)
    except Exception as error:  # one event must not keep those behind it waiting
        if not isinstance(error, StripeUnavailable):
            logger.exception("%s could not be handled", row)
        return _postpone(row, error)
    return True


def _postpone(row: StripeEvent, error: Exception) -> bool:
    wait = min(RETRY_MAX_SECONDS, RETRY_BASE_SECONDS * 2 ** min(row.attempts, 12))
    StripeEvent.objects.filter(pk=row.pk).update(
        attempts=row.attempts + 1,
        due_at=clock.now() + timedelta(seconds=random.uniform(wait / 2, wait)),  # noqa: S311
        last_error=f"{type(error).__name__}: {error}"[:400].replace("\0", "\ufffd"),
    )
    return False


def _act(gateway: PaymentGateway, row: StripeEvent) -> None:
    if row.is_thin:
        note_refused(_meter_errors(gateway.thin_event(row.stripe_id)))
    elif row.object_id and (prefix := _prefix(row)):
        _HANDLERS[prefix](gateway, row)


def _prefix(row: StripeEvent) -> str:
    """Which handler is its own; of a thin event, which says more than its object, its own id."""
    if row.is_thin:
        return row.stripe_id
    return next((prefix for prefix in _HANDLERS if row.type.startswith(prefix)), "")


def _of_object(
    mirror: Callable[[PaymentGateway, str], object],
) -> Callable[[PaymentGateway, StripeEvent], None]:
    def handler(gateway: PaymentGateway, row: StripeEvent) -> None:
        mirror(gateway, row.object_id)

    return handler


def _invoice(gateway: PaymentGateway, row: StripeEvent) -> None:
    """Drafts of metered usage are held; a payment lets suspended keys work again at once."""
    found = gateway.fetch("invoices", row.object_id)
    hold(gateway, found)
    invoice = take_over(gateway, found)
    if invoice is not None:
        review_unpaid(organization_id=invoice.organization_id)


def _customer(gateway: PaymentGateway, row: StripeEvent) -> None:
    if row.customer_id:
        mirror_customer(gateway, row.customer_id)


# By the beginning of the type, the first that fits.
_HANDLERS: dict[str, Callable[[PaymentGateway, StripeEvent], None]] = {
    "invoice.deleted": lambda _gateway, _row: None,
    "invoice.upcoming": lambda _gateway, _row: None,
    "invoice.": _invoice,
    "checkout.session.": _of_object(settle_session),
    "setup_intent.succeeded": _of_object(take_payment_method),
    "payment_method.": _customer,
    "customer.subscription.deleted": lambda _gateway, row: note_ended(row.object_id),
    "customer.subscription.": lambda _gateway, _row: None,
    "customer.": _customer,
    "charge.": _of_object(mirror_charge),
    "credit_note.": _of_object(mirror_credit_note),
}


def _meter_errors(event: Remote) -> Iterator[tuple[str, str]]:
    """The identifiers that Stripe could not count, with the reason; a sample of them only."""
    reason = (event.get("data") or {}).get("reason") or {}
    for kind in reason.get("error_types") or ():
        for sample in kind.get("sample_errors") or ():
            identifier = (sample.get("request") or {}).get("identifier") or ""
            yield identifier, f"{kind['code']}: {sample.get('error_message', '')}"


def replay_event(*, event: StripeEvent, actor: Actor) -> None:
    """Handle an event once more, for example after its cause was mended; harmless to repeat."""
    StripeEvent.objects.filter(pk=event.pk).update(
        processed_at=None, attempts=0, due_at=clock.now()
    )
    # Its public id is Stripe's own, and a property.
    about = cast("Audited", event)
    record(actor, "stripe_event.replayed", about, after={"type": event.type})
