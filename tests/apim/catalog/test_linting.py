"""Revisions are judged by the rules in force, and again when these change."""

import pytest

from apim.catalog import services
from apim.catalog.comparison import compare, compare_in_every_language
from apim.catalog.errors import BuiltInRuleset, NameTaken
from apim.catalog.governance import LintResult, Ruleset, RulesetRevision
from apim.catalog.models import SpecRevision
from apim.catalog.ruleset_selectors import ruleset_list
from apim.catalog.rulesets import InvalidRuleset
from apim.catalog.services.linting import (
    QUICK_BYTES,
    lint_again,
    lint_revision,
    prepare_revision,
    result_of,
    result_soon,
    rulesets_for,
)
from apim.outbox.models import OutboxEntry
from tests.apim.catalog.openapi.documents import as_json, tides

OWNER = """
rules:
  has-owner:
    description: Somebody answers for it.
    severity: error
    given: $.info
    then: {field: x-owner, function: truthy}
"""


@pytest.fixture
def topics():
    latest = OutboxEntry.objects.order_by("pk").last()
    entries = OutboxEntry.objects.filter(pk__gt=latest.pk if latest else 0).order_by("pk")
    return lambda: [
        (topic, payload)
        for topic, payload in entries.all().values_list("topic", "payload")
        if topic.startswith(("spec_revision", "ruleset"))
    ]


def add(pia, **values):
    return services.create_ruleset(actor=pia, **{"name": "House", "text": OWNER, **values})


def test_an_upload_is_judged_at_once_and_a_large_one_by_a_worker(version, pia, topics):
    small = as_json(tides()) + b"\n"
    first = services.upload_revision(actor=pia, version=version, raw=small)
    large = as_json(tides()) + b"\n" * QUICK_BYTES
    second = services.upload_revision(actor=pia, version=version, raw=large)
    assert topics() == [
        ("spec_revision.uploaded", {"revision_id": first.pk}),
        ("spec_revision.unjudged", {"revision_id": second.pk}),
    ]
    assert result_soon(second) is None
    assert result_soon(first).score == result_of(first).score


def test_a_publishers_rules_judge_beside_the_platforms(version, pia):
    add(pia)
    result = lint_revision(revision=version.current_revision)
    found = [f for f in result.findings if f["rule"] == "has-owner"]
    assert [(f["severity"], f["path"]) for f in found] == [("error", ["info"])]
    assert "has-owner" in result.broken_rules
    assert {"House", "apim:default", "spectral:oas"} <= set(result.rulesets)
    assert sum(result.counts.values()) == len(result.findings) == result.total
    assert 0 <= result.score <= 100


def test_a_ruleset_judges_its_own_apis_only(version, api, pia, raw):
    other = services.create_api(actor=pia, raw=raw)
    ruleset = add(pia, is_for_all=False, apis=[other])
    assert ruleset in rulesets_for(other)
    assert ruleset not in rulesets_for(api)
    assert ruleset not in rulesets_for(None)
    services.update_ruleset(actor=pia, ruleset=ruleset, is_enabled=False)
    assert ruleset not in rulesets_for(other)


def test_a_changed_ruleset_judges_anew_what_people_look_at(version, pia, topics):
    ruleset = add(pia)
    services.update_ruleset(actor=pia, ruleset=ruleset, text=OWNER.replace("x-owner", "x-team"))
    assert topics() == [("ruleset.changed", {"api_ids": None})] * 2
    services.upload_revision(actor=pia, version=version, raw=as_json(tides()) + b"\n")
    services.publish_version(actor=pia, version=version)
    services.upload_revision(actor=pia, version=version, raw=as_json(tides()) + b"\n\n")
    assert lint_again() == 2
    assert lint_again(api_ids=[version.api_id]) == 2
    assert lint_again(api_ids=[]) == 0
    services.retire_version(actor=pia, version=version)
    assert lint_again() == 0


def test_moving_a_ruleset_judges_both_sides(version, api, pia, raw, topics):
    other = services.create_api(actor=pia, raw=raw)
    ruleset = add(pia, is_for_all=False, apis=[api])
    services.update_ruleset(actor=pia, ruleset=ruleset, apis=[other])
    assert topics()[-1] == ("ruleset.changed", {"api_ids": sorted([api.pk, other.pk])})


def test_earlier_texts_stay(db, pia, actions):
    ruleset = add(pia)
    services.update_ruleset(actor=pia, ruleset=ruleset, text="rules: {}")
    services.update_ruleset(actor=pia, ruleset=ruleset, text="rules: {}")
    texts = RulesetRevision.objects.filter(ruleset=ruleset).values_list("number", "text")
    assert dict(texts) == {1: OWNER, 2: "rules: {}"}
    assert [action for action, _before, _after in actions(ruleset)] == [
        "ruleset.created",
        "ruleset.updated",
    ]


def test_a_text_that_cannot_be_used_names_its_line_and_keeps_nothing(db, pia):
    with pytest.raises(InvalidRuleset) as refused:
        add(pia, text=OWNER.replace("truthy", "nonsense"))
    [message] = refused.value.fields["text"]
    assert message.startswith("Line 7, column")
    assert not Ruleset.objects.filter(name="House").exists()


def test_a_name_is_used_once(db, pia):
    add(pia)
    for name in ("House", "apim:default"):
        with pytest.raises(NameTaken):
            add(pia, name=name)


def test_the_platforms_rulesets_are_switched_off_not_changed(db, pia):
    built_in = ruleset_list().get(built_in="spectral:oas")
    for refused in (
        lambda: services.update_ruleset(actor=pia, ruleset=built_in, text=OWNER),
        lambda: services.update_ruleset(actor=pia, ruleset=built_in, name="Mine"),
        lambda: services.delete_ruleset(actor=pia, ruleset=built_in),
    ):
        with pytest.raises(BuiltInRuleset):
            refused()
    services.update_ruleset(actor=pia, ruleset=built_in, is_enabled=False)
    assert "spectral:oas" not in [row.built_in for row in rulesets_for(None)]


def test_a_removed_ruleset_is_gone_with_its_texts(db, pia, actions):
    ruleset = add(pia)
    services.delete_ruleset(actor=pia, ruleset=ruleset)
    assert not Ruleset.objects.filter(pk=ruleset.pk).exists()
    action, before, _after = actions(ruleset)[-1]
    assert (action, before["text"]) == ("ruleset.deleted", OWNER)


def test_a_rule_that_takes_too_long_is_a_finding_itself(version, pia):
    text = """
rules:
  endless:
    given: $.x-text
    then: {function: pattern, functionOptions: {match: "^(a|a)*$"}}
"""
    add(pia, name="Slow", text=text)
    raw = as_json({**tides(), "x-text": "a" * 400 + "!"})
    revision = services.upload_revision(actor=pia, version=version, raw=raw)
    result = lint_revision(revision=revision)
    [slow] = [f for f in result.findings if f["rule"] == "endless"]
    assert slow["severity"] == "error"
    assert "too long" in slow["message"]
    assert len(result.broken_rules) > 1


def test_the_newest_result_replaces_the_one_before(version, pia):
    first = lint_revision(revision=version.current_revision)
    add(pia)
    second = lint_revision(revision=version.current_revision)
    assert second.errors == first.errors + 1
    assert LintResult.objects.count() == 1


def test_what_a_large_candidate_changes_is_worked_out_ahead(published, pia, settings):
    document = tides()
    del document["paths"]["/tides/{port}"]
    raw = as_json(document) + b"\n" * QUICK_BYTES
    revision = services.upload_revision(actor=pia, version=published, raw=raw)
    prepare_revision(revision=revision)
    unread = SpecRevision.objects.defer("raw").get(pk=revision.pk)
    in_force = SpecRevision.objects.defer("raw").get(pk=published.current_revision.pk)
    found = compare(in_force, unread)
    assert found.is_breaking
    assert "raw" in unread.get_deferred_fields()
    told = compare_in_every_language(in_force, unread)
    assert set(told) == {code for code, _name in settings.LANGUAGES}
    assert "raw" in unread.get_deferred_fields()
