"""Whether payments are set up, in words, for the configuration page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from apim.accounts.mail import absolute_url
from apim.core import clock
from apim.core.errors import DomainError
from billing.models import Meter, StripeCustomer, StripeEvent, StripeObject
from billing.stripe.adapter import api_version, connect, is_simulated
from billing.stripe.catalogue import event_name
from billing.stripe.events import METER_ERRORS, MISSING, NO_METER, RECOMMENDED
from billing.stripe.ports import StripeRefused, StripeUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from billing.stripe.ports import PaymentGateway, Remote

# A minute is on its way out of what Stripe tolerates.
SKEW_SECONDS = 60
QUIET = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer; `hint` says what to do when it is not well."""

    name: str
    is_ok: bool
    text: str
    hint: str = ""


def run_checks() -> tuple[Check, ...]:
    """Ask Stripe itself. Takes a few seconds; never raises for what Stripe or the settings say."""
    try:
        gateway = connect()
        told = gateway.server_time()
    except StripeUnavailable as error:
        hint = _("Check that this server reaches api.stripe.com, or try again in a few minutes.")
        return (Check(_("Key"), is_ok=False, text=error.message, hint=hint),)
    except DomainError as error:
        return (Check(_("Key"), is_ok=False, text=error.message, hint=_key_hint()),)
    asked = (check for ask in _ASKED for check in _answered(ask, gateway))
    return (_key(), *_clock(told), *asked)


def _key_hint() -> str:
    """What to do about a key that Stripe does not take, by how it looks."""
    key = settings.STRIPE_SECRET_KEY
    if key.startswith("pk_"):
        return _(
            "This is a publishable key. Set STRIPE_SECRET_KEY to the secret one (sk_… or rk_…)."
        )
    if key.startswith("rk_"):
        return _(
            "Let the restricted key read and write customers, products, prices, meters, invoices,"
            " subscriptions, Checkout, the customer portal, events and webhook endpoints."
        )
    return _("Set STRIPE_SECRET_KEY to a secret key (sk_… or rk_…) of your Stripe account.")


def _clock(told: datetime | None) -> Iterator[Check]:
    """docs.stripe.com/webhooks/signature tolerates 300 s; meter events are at most 300 s ahead."""
    if told is None:
        return
    seconds = round((clock.now() - told).total_seconds())
    if abs(seconds) <= SKEW_SECONDS:
        return
    text = _("This server's clock is %(seconds)s seconds from Stripe's.") % {"seconds": seconds}
    hint = _(
        "Set it by NTP: from five minutes on, webhooks count as forged and usage is not taken."
    )
    yield Check(_("Clock"), is_ok=False, text=text, hint=hint)


def _account(gateway: PaymentGateway) -> Iterator[Check]:
    """Whether the customers that we know are of the key's account and mode."""
    known = StripeCustomer.objects.filter(is_deleted=False).order_by("-id").first()
    if known is None:
        return
    try:
        gateway.fetch("customers", known.stripe_id)
    except StripeRefused as refusal:
        if refusal.reason != MISSING:
            raise
        text = _("Stripe does not know %(customer)s, one of our customers.")
        hint = _(
            "The key is of another account or, test instead of live, of the other mode. Set the one"
            " with which the customers were made."
        )
        text %= {"customer": known.stripe_id}
        yield Check(_("Account"), is_ok=False, text=text, hint=hint)


def _answered(
    ask: Callable[[PaymentGateway], Iterator[Check]], gateway: PaymentGateway
) -> Iterator[Check]:
    try:
        yield from ask(gateway)
    except DomainError as error:
        hint = _("Check that the key may read this, or try again in a few minutes.")
        yield Check(_("Answer of Stripe"), is_ok=False, text=error.message, hint=hint)


def _key() -> Check:
    name = _("Key")
    if is_simulated():
        text = _("No key is set: payments run on the built-in Stripe simulator. No money moves.")
        return Check(name, is_ok=True, text=text)
    if "_test_" in settings.STRIPE_SECRET_KEY:
        return Check(name, is_ok=True, text=_("Stripe accepts the key. It is one for testing."))
    return Check(name, is_ok=True, text=_("Stripe accepts the key. It is live: money moves."))


def _webhooks(gateway: PaymentGateway) -> Iterator[Check]:
    name, address = _("Webhooks"), absolute_url(reverse("stripe_webhook"))
    if not settings.STRIPE_WEBHOOK_SECRET:
        hint = _("Set STRIPE_WEBHOOK_SECRET to the endpoint's signing secret (whsec_…).")
        yield Check(name, is_ok=False, text=_("No signing secret is set."), hint=hint)
    every = [e for e in gateway.every("webhook_endpoints") if e["status"] == "enabled"]
    ours = [e for e in every if e["url"] == address or is_simulated()]
    if not ours:
        text = _("Stripe has no enabled endpoint for %(address)s.") % {"address": address}
        hint = _("Add it in Stripe's dashboard under Developers, Webhooks.")
        yield Check(name, is_ok=False, text=text, hint=hint)
        return
    heard = {kind for endpoint in ours for kind in endpoint["enabled_events"]}
    missing = [] if "*" in heard else [kind for kind in RECOMMENDED if kind not in heard]
    if missing:
        text = _("The endpoint does not hear: %(types)s") % {"types": ", ".join(missing)}
        hint = _("Add these events to the endpoint at Stripe.")
        yield Check(name, is_ok=False, text=text, hint=hint)
    else:
        text = _("An endpoint hears all that we need to know.")
        yield Check(name, is_ok=True, text=text)
    yield from _old_versions(ours)
    yield _last_heard()


def _old_versions(endpoints: list[Remote]) -> Iterator[Check]:
    """Events come in the endpoint's version; None is the account's default, which we cannot read."""
    wanted = api_version()
    old = {str(e["api_version"]) for e in endpoints if e.get("api_version") not in (None, wanted)}
    if old:
        text = _("The endpoint speaks API version %(old)s; we speak %(wanted)s.")
        text %= {"old": ", ".join(sorted(old)), "wanted": wanted}
        hint = _("Make a new endpoint of that version at Stripe, then delete the old one.")
        yield Check(_("API version"), is_ok=False, text=text, hint=hint)


def _last_heard() -> Check:
    name = _("Last webhook")
    rows = StripeEvent.objects.filter(source=StripeEvent.Source.WEBHOOK)
    last = rows.order_by("-received_at").first()
    lost = StripeEvent.objects.filter(
        source=StripeEvent.Source.RECONCILIATION, received_at__gte=clock.now() - QUIET
    ).count()
    if lost:
        text = _("%(count)s events of the last two days never arrived and were fetched.")
        hint = _("See in Stripe's dashboard why deliveries to the endpoint fail.")
        return Check(name, is_ok=False, text=text % {"count": lost}, hint=hint)
    if last is None:
        return Check(name, is_ok=True, text=_("None has arrived yet."))
    text = _("Arrived at %(at)s UTC.") % {"at": f"{last.received_at:%Y-%m-%d %H:%M}"}
    return Check(name, is_ok=True, text=text)


def _meter_reports(gateway: PaymentGateway) -> Iterator[Check]:
    """Errors of meter events come to a v2 event destination only."""
    name, wanted = _("Meter errors"), {METER_ERRORS, NO_METER}
    heard = {
        kind
        for destination in gateway.event_destinations()
        if destination["status"] == "enabled"
        for kind in destination["enabled_events"]
    }
    if wanted <= heard:
        text = _("Stripe will tell us of usage that it cannot count.")
        yield Check(name, is_ok=True, text=text)
    else:
        text = _(
            "Nobody hears of usage that Stripe cannot count; it is asked for every quarter hour."
        )
        hint = _("Add an event destination for %(types)s with thin events.")
        types = ", ".join(sorted(wanted))
        yield Check(name, is_ok=False, text=text, hint=hint % {"types": types})


def _meters(gateway: PaymentGateway) -> Iterator[Check]:
    name = _("Meters")
    active = {m["event_name"] for m in gateway.every("billing.meters") if m["status"] == "active"}
    known = set(
        StripeObject.objects.filter(kind=StripeObject.Kind.METER).values_list("key", flat=True)
    )
    rows = Meter.objects.all()
    waiting = [m.name for m in rows if m.public_id not in known]
    gone = [m.name for m in rows if m.public_id in known and event_name(m) not in active]
    if gone:
        text = _("Not active at Stripe: %(meters)s") % {"meters": ", ".join(gone)}
        hint = _("Reactivate them in Stripe's dashboard, then send refused usage again.")
        yield Check(name, is_ok=False, text=text, hint=hint)
    elif waiting:
        text = _("Not yet at Stripe: %(meters)s") % {"meters": ", ".join(waiting)}
        hint = _("They are made within ten minutes; if not, look at the worker's log.")
        yield Check(name, is_ok=False, text=text, hint=hint)
    else:
        yield Check(name, is_ok=True, text=_("All meters are active at Stripe."))


def _tax(gateway: PaymentGateway) -> Iterator[Check]:
    name = _("Tax")
    if not settings.STRIPE_TAX:
        text = _("Stripe Tax is off: invoices carry no tax.")
        yield Check(name, is_ok=True, text=text, hint=_("Set STRIPE_TAX=1 to turn it on."))
        return
    if gateway.tax_settings()["status"] == "active":
        yield Check(name, is_ok=True, text=_("Stripe Tax computes the taxes of invoices."))
    else:
        text = _("Stripe Tax is on here but not set up at Stripe; invoices cannot be finalized.")
        hint = _("Set the head office and registrations in Stripe's dashboard under Tax.")
        yield Check(name, is_ok=False, text=text, hint=hint)


_ASKED = (_account, _webhooks, _meter_reports, _meters, _tax)
