"""A subscription is suspended while anybody holds it, and each lifts only his own hold."""

from itertools import permutations

import pytest

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.keys.errors import SubscriptionStateConflict
from apim.keys.models import Subscription
from apim.keys.services import cancel_subscription, resume_subscription, suspend_subscription
from billing.errors import ChangeNotPossible
from billing.models import Tenure
from billing.services import change_now, note_subscription

pytestmark = pytest.mark.django_db
HOLDS = ("developer", "staff", "unpaid")


@pytest.fixture
def held(subscription):
    note_subscription(subscription_id=subscription.pk)
    return subscription


def hold(row, who):
    suspend_subscription(actor=SYSTEM, subscription=row, hold=who)


def lift(row, who):
    resume_subscription(actor=SYSTEM, subscription=row, hold=who)


@pytest.mark.parametrize("order", list(permutations(HOLDS)))
def test_it_goes_on_when_the_last_hold_is_lifted_in_whatever_order(held, order):
    for who in HOLDS:
        hold(held, who)
    for left, who in enumerate(order, start=1):
        assert held.state == "suspended"
        lift(held, who)
        assert len(held.holds) == len(HOLDS) - left
    assert held.state == "active"


@pytest.mark.parametrize("who", HOLDS)
def test_nobody_lifts_anothers_hold(held, who):
    hold(held, who)
    for other in set(HOLDS) - {who}:
        with pytest.raises(SubscriptionStateConflict):
            lift(held, other)
    if who != "developer":
        with pytest.raises(ChangeNotPossible):
            change_now(actor=SYSTEM, subscription=held, kind="resume")
    assert Subscription.objects.get(pk=held.pk).holds == [who]


def test_a_hold_is_put_once(held):
    hold(held, "staff")
    with pytest.raises(SubscriptionStateConflict):
        hold(held, "staff")


def test_what_was_suspended_before_holds_were_kept_is_the_publishers(held):
    Subscription.objects.update(state="suspended", holds=[])
    held.refresh_from_db()
    assert held.reasons == {"staff"}
    hold(held, "unpaid")
    lift(held, "staff")
    assert held.reasons == {"unpaid"}


def test_the_audit_log_says_who_holds_it(held):
    change_now(actor=SYSTEM, subscription=held, kind="pause")
    event = AuditEvent.objects.get(action="subscription.suspended")
    assert event.after == {"state": "suspended", "holds": ["developer"]}


def test_a_pause_ends_the_paid_time_and_a_second_hold_does_not_lengthen_it(held, noon):
    change_now(actor=SYSTEM, subscription=held, kind="pause")
    paused_at = Tenure.objects.get().ended_at
    noon.shift(86_400)
    hold(held, "staff")
    note_subscription(subscription_id=held.pk)
    change_now(actor=SYSTEM, subscription=held, kind="resume")
    assert held.state == "suspended"
    assert Tenure.objects.get().ended_at == paused_at
    lift(held, "staff")
    note_subscription(subscription_id=held.pk)
    assert Tenure.objects.open().count() == 1


def test_cancelling_forgets_the_holds(held):
    hold(held, "developer")
    cancel_subscription(actor=SYSTEM, subscription=held)
    assert (held.state, held.holds) == ("cancelled", [])
