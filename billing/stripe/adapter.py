"""The one place that speaks to Stripe, through its SDK (stripe-python 16, API 2026-10-28)."""

from __future__ import annotations

import json
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import stripe
from django.conf import settings

from billing.stripe.pace import Pace
from billing.stripe.ports import (
    PaymentGateway,
    StripeNotConfigured,
    StripeRefused,
    StripeUnavailable,
    WrongSignature,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from billing.stripe.ports import Remote

TIMEOUT_SECONDS = 20.0
# The SDK repeats what failed on the way, with its own idempotency keys, back-off and jitter.
NETWORK_RETRIES = 2
PAGE = 100
METER_ERROR_TYPES = (
    "v1.billing.meter.error_report_triggered",
    "v1.billing.meter.no_meter_found",
)
_TRANSIENT = (stripe.APIConnectionError, stripe.RateLimitError, stripe.APIError)


class StripeGateway:
    """PaymentGateway by the SDK."""

    def __init__(self, client: stripe.StripeClient) -> None:
        self._client = client

    def create(self, what: str, params: Mapping[str, Any], *, key: str = "") -> Remote:
        options = {"idempotency_key": key} if key else {}
        with _our_errors():
            return _plain(self._service(what).create(dict(params), options))

    def update(self, what: str, stripe_id: str, params: Mapping[str, Any]) -> Remote:
        with _our_errors():
            return _plain(self._service(what).update(stripe_id, dict(params)))

    def fetch(self, what: str, stripe_id: str) -> Remote:
        with _our_errors():
            return _plain(self._service(what).retrieve(stripe_id))

    def every(self, what: str, params: Mapping[str, Any] | None = None) -> Iterator[Remote]:
        with _our_errors():
            found = self._service(what).list({"limit": PAGE, **(params or {})})
            for one in found.auto_paging_iter():
                yield _plain(one)

    def add_lines(self, stripe_id: str, lines: Sequence[Mapping[str, Any]], *, key: str) -> Remote:
        add: Any = self._client.v1.invoices.add_lines
        with _our_errors():
            return _plain(add(stripe_id, {"lines": list(lines)}, {"idempotency_key": key}))

    def finalize_invoice(self, stripe_id: str, *, key: str) -> Remote:
        with _our_errors():
            return _plain(
                self._client.v1.invoices.finalize_invoice(
                    stripe_id, {"auto_advance": True}, {"idempotency_key": key}
                )
            )

    def preview_invoice(self, params: Mapping[str, Any]) -> Remote:
        preview: Any = self._client.v1.invoices.create_preview
        with _our_errors():
            return _plain(preview(dict(params)))

    def delete(self, what: str, stripe_id: str, params: Mapping[str, Any]) -> None:
        with _our_errors():
            self._service(what).delete(stripe_id, dict(params))

    def cancel_subscription(self, stripe_id: str) -> None:
        with _our_errors():
            self._client.v1.subscriptions.cancel(stripe_id)

    def void_invoice(self, stripe_id: str, *, key: str) -> Remote:
        with _our_errors():
            return _plain(
                self._client.v1.invoices.void_invoice(stripe_id, {}, {"idempotency_key": key})
            )

    def invoice_lines(self, stripe_id: str) -> Iterator[Remote]:
        with _our_errors():
            found = self._client.v1.invoices.line_items.list(stripe_id, {"limit": PAGE})
            for one in found.auto_paging_iter():
                yield _plain(one)

    def meter_total(self, meter: str, customer: str, *, start: int, end: int) -> int:
        with _our_errors():
            found = self._client.v1.billing.meters.event_summaries.list(
                meter, {"customer": customer, "start_time": start, "end_time": end, "limit": PAGE}
            )
            return sum(int(one.aggregated_value) for one in found.auto_paging_iter())

    def server_time(self) -> datetime | None:
        with _our_errors():
            found = self._client.v1.customers.list({"limit": 1})
        answer = found.last_response
        headers = dict(answer.headers) if answer is not None else {}
        date = next((value for name, value in headers.items() if name.lower() == "date"), None)
        return parsedate_to_datetime(date) if date else None

    def tax_settings(self) -> Remote:
        with _our_errors():
            return _plain(self._client.v1.tax.settings.retrieve())

    def thin_event(self, stripe_id: str) -> Remote:
        with _our_errors():
            return _plain(self._client.v2.core.events.retrieve(stripe_id))

    def thin_events(self) -> Iterator[Remote]:
        with _our_errors():
            found = self._client.v2.core.events.list({"types": list(METER_ERROR_TYPES)})
            yield from (_plain(one) for one in found.data)

    def event_destinations(self) -> Iterator[Remote]:
        with _our_errors():
            for one in self._client.v2.core.event_destinations.list().auto_paging_iter():
                yield _plain(one)

    def _service(self, what: str) -> Any:
        """The SDK's service by its path below v1, such as "billing.meters"."""
        service: Any = self._client.v1
        for name in what.split("."):
            service = getattr(service, name)
        return service


def connect() -> PaymentGateway:
    """The real Stripe when its key is set, else the simulator. Raises StripeNotConfigured."""
    if key := settings.STRIPE_SECRET_KEY:
        return gateway_of(key, "", Pace.of(key))
    if address := settings.APIM_STRIPE_SIMULATOR_URL:
        return gateway_of(settings.APIM_STRIPE_SIMULATOR_KEY, address, None)
    raise StripeNotConfigured


@lru_cache(maxsize=4)
def gateway_of(secret_key: str, address: str, pace: Pace | None) -> StripeGateway:
    """Stripe at an address of its own or, if that is empty, at its usual ones."""
    options: dict[str, Any] = {}
    if address:
        options["base_addresses"] = {"api": address, "meter_events": address}
    client = stripe.StripeClient(
        secret_key,
        max_network_retries=NETWORK_RETRIES,
        http_client=_PacedClient(pace),
        **options,
    )
    return StripeGateway(client)


class _PacedClient(stripe.RequestsClient):
    """The SDK's HTTP client, which waits for its turn before each try. None: at once."""

    def __init__(self, pace: Pace | None) -> None:
        super().__init__(timeout=TIMEOUT_SECONDS)
        self._pace = pace

    def request(self, method: str, url: str, *more: Any, **named: Any) -> Any:
        if self._pace is not None:
            self._pace.wait(method, url)
        return super().request(method, url, *more, **named)


def api_version() -> str:
    """The version that the SDK speaks, such as "2026-10-28.endive"."""
    return str(stripe.api_version)


def is_configured() -> bool:
    return bool(settings.STRIPE_SECRET_KEY or settings.APIM_STRIPE_SIMULATOR_URL)


def is_simulated() -> bool:
    """Whether money pages wear the simulator's badge."""
    return bool(not settings.STRIPE_SECRET_KEY and settings.APIM_STRIPE_SIMULATOR_URL)


def verified(body: bytes, signature: str) -> dict[str, Any]:
    """The webhook's JSON, after its signature over the raw body was checked.

    docs.stripe.com/webhooks/signature: HMAC-SHA256 with the endpoint's secret, 300 s tolerance.
    Snapshot and thin events are signed alike. STRIPE_WEBHOOK_SECRET may hold two secrets, divided
    by a comma, of a v1 endpoint and a v2 destination. Raises WrongSignature.
    """
    secrets = [one.strip() for one in settings.STRIPE_WEBHOOK_SECRET.split(",") if one.strip()]
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(
                body.decode(), signature, secret, stripe.Webhook.DEFAULT_TOLERANCE
            )
            found = json.loads(body)
        except (stripe.SignatureVerificationError, ValueError):
            continue
        if isinstance(found, dict):
            return found
    raise WrongSignature


@contextmanager
def _our_errors() -> Iterator[None]:
    """The SDK's errors as ours, without what could be secret."""
    try:
        yield
    except stripe.StripeError as error:
        message = str(error.user_message or error)[:400]
        status = error.http_status or 0
        is_transient = isinstance(error, _TRANSIENT) or status in {409, 429} or status >= 500
        if is_transient:
            raise StripeUnavailable(message) from error
        raise StripeRefused(message, reason=str(error.code or "")) from error


def _plain(found: Any) -> Remote:
    plain: dict[str, Any] = found.to_dict(for_json=True)
    return plain
