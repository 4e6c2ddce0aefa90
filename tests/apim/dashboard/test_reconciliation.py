"""Finance sees whether rated, sent and invoiced are one, and walks each figure down."""

import pytest
from django.urls import reverse

from apim.audit.models import AuditEvent
from apim.outbox.models import OutboxEntry
from billing.models import Reconciliation
from tests.apim.dashboard.conftest import make_invoice

PAGE = "/dashboard/finance/reconciliation/"


@pytest.fixture
def invoice(installation):
    return make_invoice(installation.organization)


def test_nothing_compared_yet_says_how_to_begin(installation, fiona_client):
    assert "Nothing was compared yet" in fiona_client.get(PAGE).text


def test_a_closed_period_leads_to_its_invoice(installation, invoice, fiona_client):
    month = f"{invoice.ends_at:%Y-%m}"
    page = fiona_client.get(PAGE, {"month": month}).text
    assert reverse("dashboard:invoice", args=[invoice.public_id]) in page
    assert "Equal" in page or "Drifted" in page


def test_a_line_leads_to_its_days_and_back_to_its_invoice(installation, invoice, fiona_client):
    line = next(
        line for placed in invoice.periods.all() for line in placed.period.lines.all() if line.meter
    )
    url = reverse("dashboard:invoice-line", args=[line.public_id])
    assert url in fiona_client.get(reverse("dashboard:invoice", args=[invoice.public_id])).text
    page = fiona_client.get(url).text
    assert "Billable calls by day" in page
    assert reverse("dashboard:invoice", args=[invoice.public_id]) in page


def test_comparing_now_is_asked_once_and_audited(installation, fiona_client, settings):
    settings.APIM_STRIPE_SIMULATOR_URL = "http://127.0.0.1:9"
    settings.APIM_STRIPE_SIMULATOR_KEY = "sk_test_1"
    for _ in range(2):
        assert fiona_client.post(reverse("dashboard:reconciliation-now")).status_code == 302
    run = Reconciliation.objects.get()
    assert run.state == "waiting"
    assert AuditEvent.objects.filter(action="reconciliation.requested").count() == 1
    assert OutboxEntry.objects.filter(topic="reconciliation.requested").count() == 1
    page = fiona_client.get(reverse("dashboard:reconciliation-run", args=[run.public_id])).text
    assert "No result yet" in page


def test_without_stripe_it_says_that_payments_are_not_set_up(installation, fiona_client, settings):
    settings.APIM_STRIPE_SIMULATOR_URL = settings.STRIPE_SECRET_KEY = ""
    answer = fiona_client.post(reverse("dashboard:reconciliation-now"), follow=True)
    assert answer.status_code == 200
    assert not Reconciliation.objects.exists()
