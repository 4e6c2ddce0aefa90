"""What we ask of the payment provider. Answers are Stripe's objects as plain JSON values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from django.utils.translation import gettext_lazy as _

from apim.core.errors import Conflict, DomainError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from django_stubs_ext import StrOrPromise

# An object of docs.stripe.com/api, at the version that the SDK pins.
Remote = Mapping[str, Any]


class StripeUnavailable(TransientError):
    """No answer, too many requests, or a fault on Stripe's side: try again later."""

    code = "stripe_unavailable"
    title: ClassVar[StrOrPromise] = _("Stripe cannot be reached; try again in a few minutes")


class StripeRefused(DomainError):
    """Stripe does not take the request; `reason` is Stripe's error code."""

    code = "stripe_refused"
    status = 502
    title: ClassVar[StrOrPromise] = _("Stripe refused the request")

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason


class StripeNotConfigured(Conflict):
    code = "stripe_not_configured"
    title: ClassVar[StrOrPromise] = _("Payments are not set up: set STRIPE_SECRET_KEY")


class WrongSignature(DomainError):
    code = "signature_wrong"
    status = 400
    title: ClassVar[StrOrPromise] = _("The signature is not Stripe's")


class PaymentGateway(Protocol):
    """Each call has a time limit; each raises StripeUnavailable or StripeRefused.

    `key` is Stripe's idempotency key: the same call with the same key happens once.
    """

    def create(self, what: str, params: Mapping[str, Any], *, key: str = "") -> Remote:
        """Create an object of the kind, such as "invoices"."""
        ...

    def update(self, what: str, stripe_id: str, params: Mapping[str, Any]) -> Remote: ...

    def fetch(self, what: str, stripe_id: str) -> Remote: ...

    def every(self, what: str, params: Mapping[str, Any] | None = None) -> Iterator[Remote]:
        """All objects of the list, page after page, newest first."""
        ...

    def add_lines(self, stripe_id: str, lines: Sequence[Mapping[str, Any]], *, key: str) -> Remote:
        """Put lines on a draft, all or none; returns the invoice as it is then."""
        ...

    def finalize_invoice(self, stripe_id: str, *, key: str) -> Remote:
        """Finalize a draft; Stripe collects it from then on."""
        ...

    def preview_invoice(self, params: Mapping[str, Any]) -> Remote:
        """What an invoice of these items would come to, with its taxes; stores nothing."""
        ...

    def delete(self, what: str, stripe_id: str, params: Mapping[str, Any]) -> None: ...

    def cancel_subscription(self, stripe_id: str) -> None:
        """End a subscription now, without an invoice."""
        ...

    def void_invoice(self, stripe_id: str, *, key: str) -> Remote:
        """Take back an invoice that is open."""
        ...

    def invoice_lines(self, stripe_id: str) -> Iterator[Remote]: ...

    def meter_total(self, meter: str, customer: str, *, start: int, end: int) -> int:
        """What Stripe has counted between two whole minutes (unix seconds); may lag behind."""
        ...

    def server_time(self) -> datetime | None:
        """What Stripe's clock says, to the second; None when it does not say."""
        ...

    def tax_settings(self) -> Remote: ...

    def thin_event(self, stripe_id: str) -> Remote:
        """A v2 event with its data."""
        ...

    def thin_events(self) -> Iterator[Remote]:
        """The latest reports of meter events that Stripe could not count."""
        ...

    def event_destinations(self) -> Iterator[Remote]:
        """Where thin events go."""
        ...
