"""What was called and what it is worth, each organization its own, staff all."""

import pytest

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.accounts.models import Membership
from apim.catalog.models import Limit
from tests.analytics.lines import make_customer, make_world, ndjson
from tests.billing.prices import make_price

from .conftest import client_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def theirs(world):
    return make_customer("Charlie", world.plan)


@pytest.fixture
def mine_api(world, alice):
    organization = world.customer.organization
    Membership.objects.create(organization=organization, user=alice, role="owner")
    return client_of(alice, organization)


@pytest.fixture
def theirs_api(theirs, charlie):
    Membership.objects.create(organization=theirs.organization, user=charlie, role="owner")
    return client_of(charlie, theirs.organization)


@pytest.fixture
def called(world, theirs):
    """Five calls of mine, one of them failed and one refused, and two of Charlie's."""
    make_price(world.plan, "0.01", included=1)
    lines = [
        *world.lines(3),
        world.line(status=503),
        world.line(status=429, decision="denied:quota_exceeded", upstream_ms=None),
        *world.lines(2, customer=theirs),
    ]
    receive(gateway=world.gateway, body=ndjson(lines))
    while roll_up():
        pass


def test_totals_are_the_organizations_own(called, mine_api, theirs_api, olga_api):
    mine = mine_api.get("/api/v1/usage/totals").json()
    assert (mine["calls"], mine["errors_5xx"], mine["denied"]) == (5, 1, 1)
    assert theirs_api.get("/api/v1/usage/totals").json()["calls"] == 2
    assert olga_api.get("/api/v1/usage/totals").json()["calls"] == 7


def test_staff_may_narrow_to_an_organization(called, olga_api, theirs):
    path = f"/api/v1/usage/totals?organization={theirs.organization.public_id}"
    assert olga_api.get(path).json()["calls"] == 2


def test_a_member_who_names_another_organization_sees_nothing(called, mine_api, theirs):
    for name, row in (
        ("organization", theirs.organization),
        ("application", theirs.application),
        ("key", theirs.key),
    ):
        path = f"/api/v1/usage/totals?{name}={row.public_id}"
        assert mine_api.get(path).json()["calls"] == 0


def test_a_series_adds_up_to_the_totals(called, mine_api):
    answer = mine_api.get("/api/v1/usage/series?bucket=hour").json()
    assert answer["bucket"] == "hour"
    [series] = answer["series"]
    assert len(series["calls"]) == len(answer["buckets"])
    assert sum(series["calls"]) == 5


def test_a_series_can_be_grouped(called, mine_api, world):
    answer = mine_api.get("/api/v1/usage/series?group_by=key").json()
    assert [row["key"] for row in answer["series"]] == [world.customer.key.public_id]


def test_the_table_behind_a_chart(called, mine_api):
    rows = mine_api.get("/api/v1/usage/by?dimension=status").json()["rows"]
    assert {row["key"]: row["calls"] for row in rows} == {"2xx": 3, "4xx": 1, "5xx": 1}


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("since=yesterday", "since"),
        ("since=2026-03-02T00:00:00Z&until=2026-03-01T00:00:00Z", "since"),
        ("since=0001-01-01T00:00:00Z", "since"),
        ("until=9999-12-31T23:59:59Z", "until"),
        ("since=2001-01-01T00:00:00Z", "since"),
        ("status_class=9xx", "status_class"),
        ("bucket=century", "bucket"),
        ("group_by=mood", "group_by"),
        ("top=1000", "top"),
        ("keys=key_1", "keys"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(mine_api, query, parameter):
    response = mine_api.get(f"/api/v1/usage/series?{query}")
    assert response.status_code == 422
    assert [e["parameter"] for e in response.json()["errors"]] == [parameter]


def test_limits_of_a_subscription(world, mine_api, theirs_api):
    Limit.objects.create(plan=world.plan, window="month", quota=100)
    path = f"/api/v1/subscriptions/{world.customer.subscription.public_id}/limits"
    [limit] = mine_api.get(path).json()["limits"]
    assert (limit["window"], limit["quota"], limit["used"]) == ("month", 100, 0)
    assert theirs_api.get(path).status_code == 404


def test_charges_are_calls_times_price_beyond_the_free_ones(called, mine_api, world):
    answer = mine_api.get("/api/v1/charges").json()
    [charge] = answer["charges"]
    assert charge["subscription"] == world.customer.subscription.public_id
    # Three calls were answered; 503 and the refused one cost nothing.
    assert (charge["calls"], charge["included_calls"], charge["charged_calls"]) == (3, 1, 2)
    assert charge["unit_amount"] == "0.01"
    assert charge["amount"] == {"amount_minor": 2, "amount": "0.02", "currency": "EUR"}
    assert answer["totals"] == [charge["amount"]]


def test_each_organization_sees_its_own_charges(called, theirs_api, theirs, world, fiona_api):
    [charge] = theirs_api.get("/api/v1/charges").json()["charges"]
    assert charge["organization"] == theirs.organization.public_id
    other = world.customer.organization.public_id
    assert theirs_api.get(f"/api/v1/charges?organization={other}").status_code == 404
    assert theirs_api.get("/api/v1/charges/overview").status_code == 404
    assert fiona_api.get("/api/v1/charges").status_code == 404
    assert fiona_api.get(f"/api/v1/charges?organization={other}").status_code == 200


def test_finance_sees_the_sum_by_product_and_organization(called, fiona_api):
    answer = fiona_api.get("/api/v1/charges/overview").json()
    [product] = answer["by_product"]
    assert (product["calls"], product["amount"]["amount_minor"]) == (5, 3)
    assert sum(g["amount"]["amount_minor"] for g in answer["by_organization"]) == 3
    assert answer["totals"][0]["amount"] == "0.03"


@pytest.mark.parametrize("month", ["2026-13", "March", "2099-01"])
def test_a_month_that_is_none_is_refused(mine_api, month):
    assert mine_api.get(f"/api/v1/charges?month={month}").status_code == 422


def test_finance_sets_prices_and_nobody_else(world, fiona_api, pia_api, mine_api):
    path = f"/api/v1/plans/{world.plan.public_id}/set-price"
    body = {"currency": "EUR", "unit_amount": "0.00125", "included_calls": 1000}
    made = fiona_api.post(path, body)
    assert made.status_code == 201
    assert made.json()["unit_amount"] == "0.00125"
    assert pia_api.post(path, body).status_code == 404
    assert mine_api.post(path, body).status_code == 404
    shown = mine_api.get(f"/api/v1/plans/{world.plan.public_id}/prices").json()["results"]
    assert [price["id"] for price in shown] == [made.json()["id"]]


@pytest.mark.parametrize(
    "change",
    [{"currency": "XXX"}, {"unit_amount": "-1"}, {"unit_amount": "NaN"}, {"included_calls": -1}],
)
def test_a_price_that_makes_no_sense_is_refused(world, fiona_api, change):
    body = {"currency": "EUR", "unit_amount": "0.01", "included_calls": 0, **change}
    path = f"/api/v1/plans/{world.plan.public_id}/set-price"
    assert fiona_api.post(path, body).status_code == 422
