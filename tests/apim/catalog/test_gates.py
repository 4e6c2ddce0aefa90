"""A gate refuses a transition with every reason and its remedy; without a gate nothing is asked."""

from datetime import timedelta

import pytest

from apim.catalog import gates, services
from apim.catalog.errors import TransitionRefused
from apim.catalog.gates import Verdict
from apim.catalog.governance import Gate
from apim.catalog.models import Api
from apim.core import clock
from apim.core.errors import InvalidInput

TODAY = clock.now().date()
VERDICT = Verdict(61, {"error": 2, "warn": 1, "info": 0, "hint": 4}, {"no-eval", "info-contact"})


def asked(transition="publish", verdict=VERDICT, breaking=0, sunset_on=None, **terms):
    gate = Gate(transition=transition, **terms)
    found = gates.refusals(
        gate, today=TODAY, verdict=verdict, breaking=breaking, sunset_on=sunset_on
    )
    assert all(refusal.reason and refusal.remedy for refusal in found)
    return [refusal.requirement for refusal in found]


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({}, []),
        ({"blocks": "error"}, ["findings"]),
        ({"blocks": "warn"}, ["findings", "findings"]),
        ({"blocks": "info"}, ["findings", "findings"]),
        ({"blocks": "hint"}, ["findings", "findings", "findings"]),
        ({"min_score": 61}, []),
        ({"min_score": 62}, ["score"]),
        ({"rules": ["no-eval", "operation-tags"]}, ["rule"]),
        ({"blocks": "error", "min_score": 90, "rules": ["no-eval"]}, ["findings", "score", "rule"]),
    ],
    ids=str,
)
def test_every_rule_that_is_not_met_is_a_reason(terms, expected):
    assert asked(**terms) == expected
    assert asked("publish_revision", **terms) == expected
    assert asked("deprecate", sunset_on=TODAY, **terms) == []


def test_breaking_changes_are_asked_about_only_where_it_is_said():
    assert asked("publish_revision", breaking=3) == []
    assert asked("publish_revision", breaking=3, forbids_breaking=True) == ["breaking_changes"]
    assert asked("publish_revision", breaking=0, forbids_breaking=True) == []


@pytest.mark.parametrize(
    ("ahead", "terms", "expected"),
    [
        (None, {}, []),
        (None, {"requires_sunset": True}, ["sunset"]),
        (29, {"notice_days": 30}, ["notice"]),
        (30, {"notice_days": 30, "requires_sunset": True}, []),
        (None, {"notice_days": 30}, []),
    ],
)
def test_a_deprecation_needs_notice(ahead, terms, expected):
    sunset_on = None if ahead is None else TODAY + timedelta(days=ahead)
    assert asked("deprecate", sunset_on=sunset_on, **terms) == expected


@pytest.mark.parametrize(
    ("ahead", "expected"), [(None, ["sunset"]), (1, ["sunset"]), (0, []), (-9, [])]
)
def test_retirement_waits_for_the_sunset(ahead, expected):
    sunset_on = None if ahead is None else TODAY + timedelta(days=ahead)
    assert asked("retire", sunset_on=sunset_on, requires_sunset=True) == expected
    assert asked("retire", sunset_on=sunset_on) == []


def test_transitions_are_refused_and_nothing_changes(published, pia):
    services.set_gate(actor=pia, transition="deprecate", requires_sunset=True, notice_days=10)
    services.set_gate(actor=pia, transition="retire", requires_sunset=True)
    for refused in (
        lambda: services.deprecate_version(actor=pia, version=published),
        lambda: services.deprecate_version(actor=pia, version=published, sunset_on=TODAY),
        lambda: services.retire_version(actor=pia, version=published),
    ):
        with pytest.raises(TransitionRefused):
            refused()
    published.refresh_from_db()
    assert published.state == "published"
    far = TODAY + timedelta(days=11)
    services.deprecate_version(actor=pia, version=published, sunset_on=far)
    assert published.sunset_on == far


def test_a_draft_with_errors_is_not_published(version, pia):
    services.set_gate(actor=pia, transition="publish", min_score=100, blocks="hint")
    with pytest.raises(TransitionRefused) as refused:
        services.publish_version(actor=pia, version=version)
    assert {refusal.requirement for refusal in refused.value.refusals} >= {"score", "findings"}
    services.set_gate(actor=pia, transition="publish", min_score=None, blocks="")
    assert services.publish_version(actor=pia, version=version).state == "published"


def test_an_api_s_own_gate_stands_in_place_of_the_one_for_all(published, pia):
    def deprecate(days):
        services.deprecate_version(
            actor=pia, version=published, sunset_on=TODAY + timedelta(days=days)
        )

    services.set_gate(actor=pia, transition="deprecate", notice_days=30, requires_sunset=True)
    own = services.set_gate(
        actor=pia, transition="deprecate", api=published.api, notice_days=5, has_min_score=False
    )
    assert own.requires_sunset  # taken over
    deprecate(6)
    services.set_gate(actor=pia, transition="deprecate", notice_days=40)
    deprecate(7)
    services.remove_gate(actor=pia, transition="deprecate", api=published.api)
    with pytest.raises(TransitionRefused):
        deprecate(8)
    assert Gate.objects.get().api is None


def test_an_api_s_gate_asks_nothing_of_others(published, pia):
    other = Api.objects.create(name="Other", slug="other")
    services.set_gate(actor=pia, transition="deprecate", api=other, requires_sunset=True)
    assert services.deprecate_version(actor=pia, version=published).state == "deprecated"


def test_giving_up_an_api_s_gate_is_audited_once(published, pia, actions):
    gate = services.set_gate(actor=pia, transition="publish", api=published.api, min_score=70)
    for _time in range(2):
        services.remove_gate(actor=pia, transition="publish", api=published.api)
    first, second = actions(gate)
    assert (first[0], first[2]["api"]) == ("gate.changed", published.api.slug)
    assert second[0] == "gate.removed"


def test_a_change_of_a_gate_is_audited(db, pia, actions):
    gate = services.set_gate(actor=pia, transition="publish", min_score=70)
    services.set_gate(actor=pia, transition="publish", min_score=70)
    services.set_gate(actor=pia, transition="publish", rules=["a", "b", "a"], has_min_score=False)
    first, second = actions(gate)
    assert (first[0], first[2]["min_score"]) == ("gate.changed", 70)
    assert (second[2]["min_score"], second[2]["rules"]) == (70, ["a", "b"])


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"transition": "explode"}, "transition"),
        ({"blocks": "fatal"}, "blocks"),
        ({"min_score": 101}, "min_score"),
        ({"rules": [""]}, "rules"),
        ({"notice_days": -1}, "notice_days"),
    ],
)
def test_a_term_out_of_range_is_refused_beside_its_field(db, pia, values, field):
    with pytest.raises(InvalidInput) as refused:
        services.set_gate(actor=pia, **{"transition": "publish", **values})
    assert field in refused.value.fields
    assert not Gate.objects.exists()
