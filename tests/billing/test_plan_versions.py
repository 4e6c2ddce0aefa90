"""Published prices never change: a change is a new version, for new subscribers or on a day."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.core import mail
from django.db import IntegrityError, transaction

from apim.accounts.models import Membership
from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.clock import month_of
from apim.core.errors import InvalidInput
from billing.errors import NoticeTooShort, UnknownCurrency, VersionPublished
from billing.mail import announce_version
from billing.models import Meter, PlanVersion
from billing.rating.prices import (
    Fee,
    Graduated,
    Package,
    PerUnit,
    Terms,
    Tier,
    UsagePrice,
    Volume,
    per_unit,
)
from billing.selectors import charges_overview, current_price, running_charges
from billing.services import (
    change_draft,
    create_meter,
    delete_draft,
    draft_version,
    end_private_version,
    publish_version,
    set_price,
)
from billing.terms import terms_of
from tests.analytics.lines import make_customer
from tests.billing.conftest import NOW
from tests.billing.prices import make_price, make_version
from tests.cast import make_user

pytestmark = pytest.mark.django_db
D = Decimal


def plain(amount, currency="EUR", included="0"):
    return Terms("", currency, usage=(per_unit(D(amount), included=D(included)),))


def draft(plan, *sheets, **values):
    return draft_version(actor=SYSTEM, plan=plan, sheets=sheets or [plain("0.10")], **values)


def publish(version, **when):
    return publish_version(actor=SYSTEM, version=version, **when)


def total(customer, month=None):
    return sum(t.amount_minor for t in running_charges(customer.organization, month).totals)


def rich(currency, times=1):
    tiers = (
        Tier(D(0), D(1000), D("0.02") * times, D(1)),
        Tier(D(1000), None, D("0.001") * times),
    )
    return Terms(
        "",
        currency,
        usage=(
            UsagePrice("calls", "calls", Graduated(tiers), D(100)),
            UsagePrice("volume", "calls", Volume(tiers)),
            UsagePrice("packages", "calls", Package(D(500), D(3) * times)),
            UsagePrice("each", "calls", PerUnit(D("0.000000000001"))),
        ),
        fees=(Fee("base", D("9.99") * times),),
        minimum=D(20),
        setup=D(50),
        trial_days=14,
    )


def test_terms_come_back_from_the_database_as_they_were_given(world):
    version = draft(world.plan, rich("EUR"), rich("USD", 2), months=3, cadence="anniversary")
    version = PlanVersion.objects.get(pk=version.pk)
    assert version.currencies == ("EUR", "USD")
    for sheet in (rich("EUR"), rich("USD", 2)):
        found = terms_of(version, sheet.currency)
        assert found.version == version.public_id
        assert (found.usage, found.fees) == (sheet.usage, sheet.fees)
        assert (found.minimum, found.setup, found.trial_days) == (20, 50, 14)


def test_a_draft_is_nobodys_price_and_may_change(world):
    version = draft(world.plan)
    assert current_price(world.plan) is None
    changed = change_draft(actor=SYSTEM, version=version, sheets=[plain("0.20", "USD")])
    assert (changed.currency, changed.components.get().amount) == ("USD", D("0.2"))
    delete_draft(actor=SYSTEM, version=changed)
    assert not PlanVersion.objects.exists()


def test_a_published_version_is_refused_by_every_service(world):
    version = publish(draft(world.plan))
    for refuse in (
        lambda: change_draft(actor=SYSTEM, version=version, sheets=[plain("1")]),
        lambda: delete_draft(actor=SYSTEM, version=version),
        lambda: publish(version),
    ):
        with pytest.raises(VersionPublished):
            refuse()


@pytest.mark.parametrize(
    "meddle",
    [
        lambda v: v.components.update(amount=0),
        lambda v: v.components.all().delete(),
        lambda v: v.components.create(currency="EUR", key="x", kind="fee", model="flat"),
        lambda v: PlanVersion.objects.filter(pk=v.pk).update(currency="USD"),
        lambda v: PlanVersion.objects.filter(pk=v.pk).update(trial_days=9),
        lambda v: PlanVersion.objects.filter(pk=v.pk).update(starts_at=None),
        lambda v: PlanVersion.objects.filter(pk=v.pk).delete(),
        lambda v: Meter.objects.update(kind="bytes"),
    ],
)
def test_the_database_itself_holds_published_prices(world, meddle):
    version = publish(draft(world.plan))
    with pytest.raises(IntegrityError), transaction.atomic():
        meddle(version)
    assert terms_of(PlanVersion.objects.get(pk=version.pk)).usage == plain("0.10").usage


def test_who_has_subscribed_keeps_the_version_of_that_day(world, call):
    make_price(world.plan, "0.10", months_ago=1)
    publish(draft(world.plan, plain("0.30")))
    new = make_customer("New", world.plan)
    call(10)
    call(10, new)
    assert total(world.customer) == 300  # it subscribed at this very moment too
    with_old = world.customer.subscription
    with_old.created_at = with_old.activated_at = NOW - timedelta(days=5)
    with_old.save()
    assert (total(world.customer), total(new)) == (100, 300)


def test_a_move_holds_from_the_first_period_that_begins_on_its_day(world, call, subscription, noon):
    make_price(world.plan, "0.10", months_ago=3)
    moves_at = datetime(2026, 12, 25, tzinfo=UTC)
    publish(draft(world.plan, plain("0.30")), moves_at=moves_at)
    for day in (datetime(2026, 12, 27, tzinfo=UTC), datetime(2027, 1, 2, tzinfo=UTC)):
        noon.move_to(day)
        call(10, at=day - timedelta(hours=1))
    assert total(world.customer, month_of(datetime(2026, 12, 1, tzinfo=UTC))) == 100
    assert total(world.customer, month_of(datetime(2027, 1, 1, tzinfo=UTC))) == 300


def test_subscribers_hear_of_a_move_in_time_and_once(world, subscription):
    owner, member = make_user("Owner"), make_user("Member")
    organization = world.customer.organization
    Membership.objects.create(organization=organization, user=owner, role="owner")
    Membership.objects.create(organization=organization, user=member, role="member")
    version = draft(world.plan, plain("0.30"))
    with pytest.raises(NoticeTooShort):
        publish(version, moves_at=NOW + timedelta(days=29))
    publish(version, moves_at=NOW + timedelta(days=31))
    assert announce_version(version_id=version.pk) == 1
    assert announce_version(version_id=version.pk) == 0
    (message,) = mail.outbox
    assert message.to == [owner.email]
    assert "Small" in message.subject
    assert "21 Dec 2026" in message.body


def test_a_private_version_is_one_customers_price(world, call):
    make_price(world.plan, "0.10")
    other = make_customer("Other", world.plan)
    private = draft(world.plan, plain("0.01"), organization=world.customer.organization)
    PlanVersion.objects.filter(pk=private.pk).update(starts_at=month_of(NOW).start)
    call(10)
    call(10, other)
    assert (total(world.customer), total(other)) == (10, 100)
    assert current_price(world.plan).unit_amount == D("0.10")
    private.refresh_from_db()
    end_private_version(actor=SYSTEM, version=private)
    with pytest.raises(VersionPublished):
        end_private_version(actor=SYSTEM, version=private)


@pytest.mark.parametrize(
    ("sheets", "field"),
    [
        ([], "currency"),
        ([plain("1"), plain("2")], "currency"),
        ([plain("1"), Terms("", "USD")], "currency"),
        ([plain("-1")], "usage.0.unit_amount"),
        ([plain("1"), plain("-1", "USD")], "USD.usage.0.unit_amount"),
        ([Terms("", "EUR", usage=(UsagePrice("a", "nothing", PerUnit(D(1))),))], "usage"),
        ([Terms("", "EUR", trial_days=-1)], "trial_days"),
        (
            [
                Terms(
                    "",
                    "EUR",
                    usage=(
                        UsagePrice(
                            "calls",
                            "calls",
                            Volume((Tier(D(0), D(9), D(1)), Tier(D(8), None, D(1)))),
                        ),
                    ),
                )
            ],
            "usage.0.tiers.1.after",
        ),
    ],
)
def test_prices_that_make_no_sense_are_refused_by_field(world, sheets, field):
    with pytest.raises(InvalidInput) as refusal:
        draft_version(actor=SYSTEM, plan=world.plan, sheets=sheets)
    assert field in refusal.value.fields
    assert not PlanVersion.objects.exists()


def test_an_unknown_currency_period_or_tax_is_refused(world):
    with pytest.raises(UnknownCurrency):
        draft(world.plan, plain("1", "XXX"))
    for values in ({"months": 2}, {"cadence": "weekly"}, {"tax_behavior": "none"}):
        with pytest.raises(InvalidInput) as refusal:
            draft(world.plan, **values)
        assert list(refusal.value.fields) == list(values)


def test_a_later_version_replaces_one_that_has_not_begun(world, subscription):
    make_price(world.plan, "0.10", months_ago=1)
    for amount in ("0.20", "0.30"):
        set_price(actor=SYSTEM, plan=world.plan, currency="EUR", unit_amount=D(amount))
    second, third = PlanVersion.objects.order_by("number")[1:]
    assert second.ended_at == second.starts_at == third.starts_at
    assert (second.moves_at, third.moves_at) == (None, third.starts_at)


def test_a_flat_fee_is_charged_also_without_calls(world, subscription):
    make_version(world.plan, Terms("", "EUR", fees=(Fee("base", D(30)),)), months_ago=2)
    (charge,) = charges_overview().charges
    assert (charge.calls, charge.amount.amount_minor, charge.is_priced) == (0, 3000, True)
    assert [line.kind for line in charge.lines] == ["fee"]


def test_everything_is_audited(world):
    version = draft(world.plan)
    change_draft(actor=SYSTEM, version=version, sheets=[plain("0.2")])
    publish(version)
    create_meter(actor=SYSTEM, name="Gigabytes", kind="bytes", unit_name="GB", unit_size=10**9)
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == [
        "plan_version.drafted",
        "plan_version.changed",
        "plan_version.published",
        "meter.created",
    ]
