"""Developers see what plans limit, and where each limit of an application stands."""

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.limit_checks import LimitInput
from apim.gateway.redis_connection import connection
from apim.keys.models import KeyLimit
from portal.offers import offers_of

EVERY_KIND = (
    LimitInput("month", 500_000, per="organization"),
    LimitInput("day", 1000, is_soft=True),
    LimitInput("minute", 600, kind="sliding", every=10, group="Tides"),
    LimitInput("hour", 90, kind="fixed", every=2, per="key"),
    LimitInput("", 4, kind="concurrent"),
)
WORDS = (
    "500,000 calls per month, all applications of an organization together",
    "1,000 calls per day, calls beyond it pass as overage",
    "600 calls in any 10 minutes, for operations in the group “Tides”",
    "90 calls in each 2 hours, per API key",
    "4 calls at the same time",
)


@pytest.fixture
def limited(paid):
    catalog.set_limits(actor=SYSTEM, plan=paid, limits=EVERY_KIND)
    return paid


def limits_url(board):
    return reverse("portal:application-limits", args=[board.public_id])


@pytest.mark.parametrize("page", ["pricing", "product", "subscribe"])
def test_an_offer_states_limits_of_every_kind_in_words(alice_client, limited, page):
    arguments = {"product": ["harbour"], "subscribe": [limited.public_id]}.get(page, [])
    shown = alice_client.get(reverse(f"portal:{page}", args=arguments)).text
    for words in WORDS:
        assert words in shown


def test_the_page_of_an_application_shows_every_limit_as_counted(
    alice_client, acme, board, limited, subscription, key
):
    KeyLimit.objects.create(organization=acme, key=key, window="day", quota=7)
    name = f"c:{board.public_id}:{limited.product.public_id}:concurrent"
    connection().zadd(name, {"one": 10**14, "two": 10**14})
    try:
        page = alice_client.get(limits_url(board)).text
    finally:
        connection().delete(name)
    for heading in (
        "Per month, all applications of an organization together",
        "Per day",
        "In any 10 minutes, for operations in the group “Tides”",
        "At the same time",
        "In each 2 hours, per API key",
        "Per day, per API key",
    ):
        assert heading in page
    assert "2 more at the same time" in page
    assert "Quay server" in page
    assert "Calls beyond a soft limit pass and are not charged." in page


def test_the_page_of_an_api_says_what_counts_more_than_once(client, tides, harbour):
    operation = tides.operations.first()
    catalog.set_operation_costs(actor=SYSTEM, version=tides, costs={operation.public_id: 25})
    page = client.get(reverse("portal:api", args=["tides"])).text
    assert page.count("Counts as 25 calls") == 1


def test_overage_that_is_charged_is_said(alice_client, board, limited, subscription):
    assert "Overage is not charged" in alice_client.get(reverse("portal:pricing")).text
    catalog.update_plan(actor=SYSTEM, plan=limited, charges_overage=True)
    assert "Overage is charged" in alice_client.get(reverse("portal:pricing")).text
    assert "Calls beyond a soft limit are charged." in alice_client.get(limits_url(board)).text


def test_the_live_part_follows_the_counters_and_is_no_whole_page(
    alice_client, charlie_client, board, limited, subscription
):
    url = reverse("portal:application-limits-live", args=[board.public_id])
    assert url in alice_client.get(limits_url(board)).text
    assert "<html" not in alice_client.get(url).text
    name = f"c:{board.public_id}:{limited.product.public_id}:concurrent"
    connection().zadd(name, {"one": 10**14})
    try:
        assert "3 more at the same time" in alice_client.get(url).text
    finally:
        connection().delete(name)
    assert charlie_client.get(url).status_code == 404


def test_without_a_subscription_the_page_says_so(alice_client, board):
    assert "No active subscription" in alice_client.get(limits_url(board)).text


def test_an_outsider_does_not_see_an_applications_limits(charlie_client, board, subscription):
    assert charlie_client.get(limits_url(board)).status_code == 404


@pytest.mark.parametrize(
    ("limits", "calls", "fits"),
    [
        ([LimitInput("month", 100)], 100, True),
        ([LimitInput("month", 100)], 101, False),
        ([LimitInput("month", 100, is_soft=True)], 101, True),
        ([LimitInput("month", 100, per="key")], 101, True),
        ([LimitInput("month", 100, group="Tides")], 101, True),
        ([LimitInput("", 1, kind="concurrent")], 10**6, True),
        ([LimitInput("day", 10, kind="sliding", every=31)], 10, True),
        ([LimitInput("day", 10, kind="sliding", every=31)], 11, False),
        ([LimitInput("hour", 10, kind="fixed", every=12)], 620, True),
        ([LimitInput("hour", 10, kind="fixed", every=12)], 621, False),
    ],
)
def test_an_example_fits_what_hard_limits_of_an_application_leave(paid, limits, calls, fits):
    catalog.set_limits(actor=SYSTEM, plan=paid, limits=limits)
    assert offers_of([paid])[0].allows(calls) is fits
