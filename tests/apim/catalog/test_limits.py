"""Limits of a plan: every kind, per whom, per group; checked by services and database alike."""

import itertools

import pytest
from django.db import IntegrityError, transaction

from apim.catalog import services
from apim.catalog.errors import LimitsInvalid, WrongState
from apim.catalog.limit_checks import LimitInput, checked_limits, warnings_of
from apim.catalog.models import Limit

TEN_SECONDS = LimitInput("second", 600, kind="sliding", every=10)


@pytest.fixture
def plan(product, pia):
    return services.create_plan(actor=pia, product=product, name="Pro")


def test_a_plan_takes_any_number_of_limits_of_every_kind(plan, pia):
    wanted = [
        LimitInput("", 8, kind="concurrent", per="key"),
        LimitInput("month", 10_000),
        LimitInput("month", 5_000, is_soft=True),
        LimitInput("minute", 30, kind="fixed", every=5, group="Search API"),
        LimitInput("month", 50_000, per="organization", name="house"),
        TEN_SECONDS,
    ]
    limits = services.set_limits(actor=pia, plan=plan, limits=wanted)
    assert [limit.policy_name for limit in limits] == [
        "house",
        "10-seconds",
        "search-api-5-minutes",
        "month",
        "soft-month",
        "key-concurrent",
    ]


def test_a_limit_is_added_changed_and_removed_and_each_is_audited_and_announced(
    plan, pia, news, actions
):
    told = len(news())
    limit = services.add_limit(actor=pia, plan=plan, terms=TEN_SECONDS)
    changed = TEN_SECONDS._replace(quota=700, per="key", group="search", is_soft=True)
    services.change_limit(actor=pia, limit=limit, terms=changed)
    services.remove_limit(actor=pia, limit=limit)

    first, second, third = actions(plan)[-3:]
    assert {first[0], second[0], third[0]} == {"plan.limits_changed"}
    assert first[2] == {"limits": {"10-seconds": "600 per 10 second sliding"}}
    assert second[2]["limits"] == {
        "key-search-soft-10-seconds": "700 per 10 second sliding, per key, group search, soft"
    }
    assert third[2] == {"limits": {}}
    assert news()[told:] == [("plan.changed", {"plan_id": plan.pk})] * 3
    assert not plan.limits.exists()


def test_a_limit_that_was_removed_meanwhile_does_not_come_back(plan, pia):
    limit = services.add_limit(actor=pia, plan=plan, terms=TEN_SECONDS)
    stale = Limit.objects.get(pk=limit.pk)
    services.remove_limit(actor=pia, limit=limit)
    with pytest.raises(WrongState):
        services.change_limit(actor=pia, limit=stale, terms=TEN_SECONDS)
    assert not plan.limits.exists()


@pytest.mark.parametrize(
    ("terms", "part"),
    [
        (LimitInput("day", 1, kind="weekly"), "kind"),
        (LimitInput("", 1), "window"),
        (LimitInput("day", 1, kind="concurrent"), "window"),
        (LimitInput("", 1, kind="concurrent", is_soft=True), "is_soft"),
        (LimitInput("", 1, kind="concurrent", every=2), "every"),
        (LimitInput("day", 1, every=2), "every"),
        (LimitInput("day", 1, kind="fixed", every=0), "every"),
        (LimitInput("day", 1, kind="sliding", every=32), "every"),
        (LimitInput("second", 1, kind="sliding", every=31 * 86_400 + 1), "every"),
        (LimitInput("day", 0), "quota"),
        (LimitInput("day", 1, per="planet"), "per"),
        (LimitInput("day", 1, group="x" * 81), "group"),
        (LimitInput("day", 1, name='quo"ted'), "name"),
        (LimitInput("day", 1, name="x" * 61), "name"),
        (LimitInput("week", 1, kind="fixed", name="house"), "name"),
        (LimitInput("week", 1, name="taken"), "name"),
    ],
)
def test_a_limit_that_cannot_be_is_refused_at_the_field_that_is_wrong(plan, pia, terms, part):
    services.set_limits(
        actor=pia,
        plan=plan,
        limits=[
            LimitInput("month", 9, name="taken"),
            LimitInput("week", 9, kind="fixed", name="house"),
        ],
    )
    with pytest.raises(LimitsInvalid) as caught:
        services.add_limit(actor=pia, plan=plan, terms=terms)
    assert set(caught.value.fields) == {part}
    with pytest.raises(LimitsInvalid) as caught:
        checked_limits([LimitInput("month", 9, name="taken"), ("week", 5), terms, ("week", 9)])
    assert {name.rpartition("/")[2] for name in caught.value.fields} <= {part, "name"}


def test_a_longest_window_of_31_days_is_allowed():
    limits = [LimitInput("day", 5, kind="sliding", every=31)]
    assert checked_limits(limits) == limits


@pytest.mark.parametrize(
    "terms",
    [
        {"kind": "concurrent", "window": "day"},
        {"kind": "concurrent", "window": "", "is_soft": True},
        {"kind": "calendar", "window": ""},
        {"kind": "calendar", "window": "day", "every": 2},
        {"kind": "sliding", "window": "day", "every": 32},
        {"kind": "sliding", "window": "day", "every": 0},
        {"kind": "other", "window": "day"},
        {"window": "day", "per": "planet"},
        {"window": "day", "quota": 0},
    ],
)
def test_the_database_refuses_what_the_services_refuse(plan, terms):
    with pytest.raises(IntegrityError), transaction.atomic():
        Limit.objects.create(plan=plan, **{"quota": 5, **terms})


def test_the_database_keeps_names_unique_within_a_plan_only(plan, product, pia):
    other = services.create_plan(actor=pia, product=product, name="Other")
    for owner in (plan, other):
        Limit.objects.create(plan=owner, window="day", quota=5)
        Limit.objects.create(plan=owner, window="day", quota=5, name="mine")
    for name in ("", "mine"):
        with pytest.raises(IntegrityError), transaction.atomic():
            Limit.objects.create(plan=plan, window="day", quota=6, name=name)


@pytest.mark.parametrize(
    ("limits", "warns"),
    [
        ([("minute", 60), ("day", 1000)], False),
        ([("second", 1), ("day", 500_000)], True),
        ([("day", 100), LimitInput("day", 200, per="key")], True),
        ([("day", 200), LimitInput("day", 100, per="key")], False),
        ([LimitInput("day", 100, per="key"), ("day", 200)], False),
        ([("day", 100), LimitInput("day", 200, group="search")], True),
        ([LimitInput("day", 100, group="search"), ("day", 200)], False),
        ([("day", 100), LimitInput("day", 100, is_soft=True)], False),
        ([("day", 100), LimitInput("day", 101, is_soft=True)], True),
        ([LimitInput("day", 50, is_soft=True), ("day", 100)], False),
        ([LimitInput("day", 5, group="nobody")], True),
        ([LimitInput("", 5, kind="concurrent"), ("day", 100)], False),
        ([LimitInput("minute", 50, kind="sliding"), LimitInput("minute", 90, name="m")], True),
    ],
)
def test_limits_that_others_forestall_are_warned_of_whatever_their_order(limits, warns):
    for order in itertools.permutations(limits):
        checked = checked_limits(order)
        assert bool(warnings_of(checked, groups={"search"})) is warns


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        (LimitInput("day", 1), "1 call per day"),
        (LimitInput("month", 10_000), "10,000 calls per month"),
        (TEN_SECONDS, "600 calls in any 10 seconds"),
        (
            LimitInput("minute", 600, kind="sliding", every=10, per="organization", group="search"),
            (
                "600 calls in any 10 minutes, all applications of an organization together, "
                "for operations in the group “search”"
            ),
        ),
        (LimitInput("hour", 5, kind="fixed", per="key"), "5 calls in each hour, per API key"),
        (LimitInput("", 4, kind="concurrent"), "4 calls at the same time"),
        (
            LimitInput("week", 7, is_soft=True),
            "7 calls per week, calls beyond it pass as overage",
        ),
    ],
)
def test_limits_read_as_sentences(terms, words):
    assert Limit(**terms._asdict()).words == words
