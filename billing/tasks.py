from datetime import timedelta

from celery import shared_task
from django.conf import settings

from apim.audit.actors import SYSTEM
from apim.core import clock
from billing import mail
from billing.services import apply_due_changes, expire_credits, note_missing, note_subscription
from billing.services.closing import close_periods
from billing.services.trials import review_trials
from billing.services.unpaid import review_all_unpaid
from billing.stripe.adapter import connect, is_configured
from billing.stripe.catalogue import sync_catalogue
from billing.stripe.checkouts import heal_checkouts
from billing.stripe.comparing import request_reconciliation, run_reconciliation
from billing.stripe.drafts import let_go
from billing.stripe.events import handle_events
from billing.stripe.invoicing import send_invoices
from billing.stripe.metered import sync_metered
from billing.stripe.metering import SENDABLE, collect_usage, send_usage
from billing.stripe.reconciliation import find_lost_events, refresh_open
from billing.stripe.revoking import move_usage

ONE_DAY = timedelta(days=1)


@shared_task(name="billing.note_subscription")
def note_subscription_task(subscription_id: int) -> None:
    note_subscription(subscription_id=subscription_id)


@shared_task(name="billing.note_missing")
def note_missing_task() -> None:
    note_missing()


@shared_task(name="billing.apply_due_changes")
def apply_due_changes_task() -> None:
    apply_due_changes()


@shared_task(name="billing.expire_credits")
def expire_credits_task() -> None:
    expire_credits()


@shared_task(name="billing.announce_version")
def announce_version(version_id: int) -> None:
    mail.announce_version(version_id=version_id)


@shared_task(name="billing.sync_catalogue")
def sync_catalogue_task() -> None:
    if is_configured():
        sync_catalogue(connect())


@shared_task(name="billing.report_usage")
def report_usage() -> None:
    """Usage of the hours that have ended goes to Stripe."""
    if is_configured():
        gateway = connect()
        sync_metered(gateway)
        move_usage()
        collect_usage()
        send_usage(gateway)


@shared_task(name="billing.collect_late_usage")
def collect_late_usage() -> None:
    if is_configured():
        collect_usage(back=SENDABLE)


@shared_task(name="billing.close_periods")
def close_periods_task() -> None:
    close_periods()


@shared_task(name="billing.send_invoices")
def send_invoices_task() -> None:
    if is_configured():
        send_invoices(connect())


@shared_task(name="billing.handle_events")
def handle_events_task() -> None:
    if is_configured():
        handle_events(connect())


@shared_task(name="billing.reconcile")
def reconcile() -> None:
    """What webhooks did not bring."""
    if is_configured():
        gateway = connect()
        find_lost_events(gateway)
        handle_events(gateway)
        refresh_open(gateway)
        heal_checkouts(gateway)
        delay = timedelta(hours=settings.BILLING_CLOSE_DELAY_HOURS) + ONE_DAY
        let_go(gateway, before=clock.now() - delay)


@shared_task(name="billing.request_comparison")
def request_comparison() -> None:
    """Every night: what was rated, sent and invoiced."""
    if is_configured():
        request_reconciliation(actor=SYSTEM)


@shared_task(name="billing.compare")
def compare(reconciliation_id: int) -> None:
    run_reconciliation(connect(), reconciliation_id=reconciliation_id)


@shared_task(name="billing.review_unpaid")
def review_unpaid_task() -> None:
    review_all_unpaid()


@shared_task(name="billing.review_trials")
def review_trials_task() -> None:
    review_trials()


@shared_task(name="billing.mail_trial")
def mail_trial(subscription_id: int) -> None:
    mail.mail_trial(subscription_id=subscription_id)


@shared_task(name="billing.remind_of_invoice")
def remind_of_invoice(invoice_id: int) -> None:
    mail.remind_of_invoice(invoice_id=invoice_id)
