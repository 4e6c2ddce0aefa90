"""The demo fills every page, can be run again, and finishes what a kill interrupted."""

import json
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command

from analytics.models import QuarantinedRecord
from analytics.selectors import usage_by, usage_totals
from apim.accounts.models import Invitation, Organization, User
from apim.catalog.models import ApiVersion
from apim.core import clock
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey, Subscription
from apim.runtime.demo import history, seed, world
from billing.selectors import charges_overview

pytestmark = pytest.mark.django_db
DAYS = 1


@pytest.fixture(autouse=True)
def _a_busy_afternoon():
    """How much the demo has called depends on the weekday and the hour."""
    with time_machine.travel(datetime(2026, 11, 19, 16, 30, tzinfo=UTC)):
        yield


@pytest.fixture(autouse=True)
def home(tmp_path, settings, monkeypatch):
    settings.APIM_HOME = tmp_path
    monkeypatch.setenv("APIM_ADMIN_PASSWORD", "first password")
    monkeypatch.setenv("APIM_GATEWAY_TOKEN", "a-token-of-more-than-24-characters")
    return tmp_path


def run_demo(django_capture_on_commit_callbacks, *, days: int = DAYS) -> str:
    out = StringIO()
    with django_capture_on_commit_callbacks(execute=True):
        call_command("demo", days=days, stdout=out)
    return out.getvalue()


@pytest.fixture
def gateway():
    call_command("bootstrap", stdout=StringIO())
    return Gateway.objects.get()


@pytest.fixture
def demo(gateway, django_capture_on_commit_callbacks) -> str:
    return run_demo(django_capture_on_commit_callbacks)


def period() -> clock.Period:
    return clock.last_days(DAYS + 1)


def test_without_a_gateway_it_says_what_to_run_first():
    with pytest.raises(CommandError, match="bootstrap"):
        call_command("demo", days=1)
    assert not Organization.objects.filter(name="Harbor Lights").exists()


def test_every_page_of_the_product_has_something_to_show(demo):
    states = set(ApiVersion.objects.values_list("state", flat=True))
    assert states == {"published", "deprecated", "draft"}
    statuses = {key.status for key in ApiKey.objects.all()}
    assert {"active", "grace", "revoked"} <= statuses
    soon = clock.now() + timedelta(days=7)
    assert ApiKey.objects.filter(name="Contractor", expires_at__lt=soon).exists()
    assert set(Subscription.objects.values_list("state", flat=True)) == {"active", "pending"}
    assert Invitation.objects.filter(email=world.INVITED[1]).exists()
    assert QuarantinedRecord.objects.count() == len(world.UNREADABLE)
    totals = usage_totals(None, period=period())
    assert totals.calls > 1000
    assert 0 < totals.error_rate < 0.1
    assert totals.denied
    assert totals.billable < totals.calls
    rows = usage_by(None, period=period(), dimension="version")
    assert len(rows) == 3, "both versions of one API and the version of the other are called"


def test_its_organizations_are_older_than_their_usage_and_owe_something(
    gateway, django_capture_on_commit_callbacks
):
    run_demo(django_capture_on_commit_callbacks, days=5)
    oldest = clock.now() - timedelta(days=history.DAYS)
    names = [organization.name for organization in world.ORGANIZATIONS]
    assert all(o.created_at < oldest for o in Organization.objects.filter(name__in=names))
    this_month = charges_overview()
    last_month = charges_overview(clock.month_of(this_month.period.start - clock.ONE_DAY))
    charges = [*this_month.charges, *last_month.charges]
    assert any(charge.amount and charge.amount.amount > 0 for charge in charges)


def test_its_people_are_named_and_sign_in_with_the_admins_password(demo):
    for person in (*world.STAFF, *(p for o in world.ORGANIZATIONS for p, _ in o.people)):
        assert person.email in demo
        assert User.objects.get(email=person.email).check_password("first password")
    assert "first password" not in demo


def test_without_an_admins_password_the_chosen_one_is_said(
    gateway, django_capture_on_commit_callbacks, monkeypatch
):
    monkeypatch.delenv("APIM_ADMIN_PASSWORD")
    said = run_demo(django_capture_on_commit_callbacks)
    password = said.partition("the password ")[2].split(":")[0]
    assert User.objects.get(email="alice@apim.localhost").check_password(password)


def test_a_second_run_adds_nothing(demo, django_capture_on_commit_callbacks):
    calls = usage_totals(None, period=period()).calls
    assert "already there" in run_demo(django_capture_on_commit_callbacks)
    assert usage_totals(None, period=period()).calls == calls
    assert Organization.objects.filter(name="Harbor Lights").count() == 1


def test_a_killed_history_is_finished_without_counting_twice(
    demo, home, django_capture_on_commit_callbacks
):
    calls = usage_totals(None, period=period()).calls
    (home / seed.HISTORY_FILE).unlink()  # what a kill just before the end leaves behind
    before = QuarantinedRecord.objects.count()
    run_demo(django_capture_on_commit_callbacks)
    again = usage_totals(None, period=period()).calls
    assert calls <= again <= calls + 50, "only calls whose time has come meanwhile are new"
    assert QuarantinedRecord.objects.count() == before


def test_a_history_killed_in_the_middle_is_completed(
    gateway, home, django_capture_on_commit_callbacks, monkeypatch
):
    lines = history._lines

    def killed(days):
        for number, line in enumerate(lines(days)):
            if number == 1200:
                raise KeyboardInterrupt
            yield line

    monkeypatch.setattr(history, "BATCH", 500)
    monkeypatch.setattr(history, "_lines", killed)
    with pytest.raises(KeyboardInterrupt):
        run_demo(django_capture_on_commit_callbacks)
    assert usage_totals(None, period=period()).calls == 1000
    monkeypatch.setattr(history, "_lines", lines)
    run_demo(django_capture_on_commit_callbacks)
    complete = sum(1 for _ in lines(DAYS))
    assert abs(usage_totals(None, period=period()).calls - complete) <= 50


def test_the_traffic_gets_keys_that_work_now_and_nobody_else_can_read_them(demo, home):
    path = home / seed.KEYS_FILE
    assert path.stat().st_mode & 0o077 == 0
    rows = json.loads(path.read_text())
    assert len(rows) == sum(len(o.applications) for o in world.ORGANIZATIONS)
    last4 = {row["secret"][-4:] for row in rows}
    usable = {
        key.last4 for key in ApiKey.objects.filter(name="Production") if key.status == "active"
    }
    assert last4 == usable
