"""A key may do less than its application's plans, never more."""

import pytest

from apim.audit.models import AuditEvent
from apim.catalog.models import Limit, Operation
from apim.core.errors import InvalidInput
from apim.keys import services
from apim.keys.errors import KeyNotActive
from apim.keys.models import ApiKey
from apim.keys.rules import KeyRules, LimitTermsGiven, rules_of
from apim.keys.selectors import operation_groups
from tests.apim.gateway.world import make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscribed(actor, application, product, plan):
    """The application on a plan with 60 calls a minute, to an API with two groups."""
    version = make_version(upstream_url="http://127.0.0.1:9")
    product.versions.add(version)
    for path, tags in (("/water", ["Water"]), ("/wind", ["Wind", "Weather"])):
        Operation.objects.create(version=version, method="GET", path=path, tags=tags)
    Operation.objects.create(
        version=version, method="GET", path="/old", tags=["Old"], removed_at=version.created_at
    )
    Limit.objects.create(plan=plan, window="minute", quota=60)
    services.subscribe(actor=actor, application=application, plan=plan)
    return application


def issue(actor, application, **rules):
    return services.issue_key(actor=actor, application=application, rules=KeyRules(**rules)).key


def refusal(actor, application, **rules):
    with pytest.raises(InvalidInput) as refused:
        issue(actor, application, **rules)
    assert not ApiKey.objects.exists()
    return refused.value.fields


def test_the_groups_are_those_of_the_subscribed_apis(subscribed):
    assert operation_groups(subscribed) == ("Water", "Weather", "Wind")


def test_a_key_keeps_its_rules_in_canonical_form(actor, subscribed):
    key = issue(
        actor,
        subscribed,
        scopes=["Water", "Water"],
        cidrs=[" 203.0.113.7 ", "2001:DB8::/32", ""],
        origins=["HTTPS://Shop.Example:443/", "http://localhost:3000", "https://*.shop.example"],
        limits=[LimitTermsGiven(quota=30, window="minute")],
    )
    key.refresh_from_db()
    assert key.scopes == ["Water"]
    assert key.cidrs == ["203.0.113.7/32", "2001:db8::/32"]
    assert key.origins == [
        "https://shop.example",
        "http://localhost:3000",
        "https://*.shop.example",
    ]
    assert [(row.policy_name, row.quota) for row in key.limits.all()] == [("key-minute", 30)]


def test_a_scope_that_no_api_has_is_refused_by_name(actor, subscribed):
    assert "Old" in refusal(actor, subscribed, scopes=["Water", "Old"])["scopes"][0]


@pytest.mark.parametrize("cidr", ["10.0.0.5/8", "300.1.1.1", "example.com", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(actor, subscribed, cidr):
    assert cidr in refusal(actor, subscribed, cidrs=[cidr])["cidrs"][0]


@pytest.mark.parametrize(
    "origin",
    ["shop.example", "https://shop.example/cart", "ftp://shop.example", "https://a@b", "https://*"],
)
def test_what_is_no_origin_is_refused(actor, subscribed, origin):
    assert origin in refusal(actor, subscribed, origins=[origin])["origins"][0]


def test_a_limit_above_the_plans_is_refused_naming_both(actor, subscribed):
    problem = refusal(actor, subscribed, limits=[LimitTermsGiven(quota=61, window="minute")])
    assert "61 is more than the 60" in problem["limits/0"][0]


def test_a_limit_of_a_window_that_the_plan_leaves_open_may_be_any(actor, subscribed):
    wanted = LimitTermsGiven(quota=10**6, window="day")
    assert rules_of(issue(actor, subscribed, limits=[wanted])).limits == (wanted,)


def test_a_limit_of_one_group_is_held_against_the_plans_limit_for_all(actor, subscribed):
    wanted = LimitTermsGiven(quota=100, window="minute", group="Water")
    assert "more than the 60" in refusal(actor, subscribed, limits=[wanted])["limits/0"][0]


@pytest.mark.parametrize(
    "limit",
    [
        LimitTermsGiven(quota=0, window="minute"),
        LimitTermsGiven(quota=5, window="fortnight"),
        LimitTermsGiven(quota=5, window="minute", every=2),
        LimitTermsGiven(quota=5, window="minute", kind="concurrent"),
        LimitTermsGiven(quota=5, window="minute", kind="never"),
    ],
)
def test_impossible_limits_are_refused(actor, subscribed, limit):
    assert refusal(actor, subscribed, limits=[limit])["limits/0"]


def test_one_limit_per_window_and_group(actor, subscribed):
    twice = [LimitTermsGiven(quota=5, window="hour"), LimitTermsGiven(quota=6, window="hour")]
    assert refusal(actor, subscribed, limits=twice)["limits"]


def test_changed_rules_are_audited_and_told_to_the_gateways(actor, subscribed, published):
    key = issue(actor, subscribed, scopes=["Water"])
    services.change_key_rules(actor=actor, key=key, rules=KeyRules(cidrs=["10.0.0.0/8"]))
    key.refresh_from_db()
    assert (key.scopes, key.cidrs) == ([], ["10.0.0.0/8"])
    assert published()[-1] == "key.changed"
    event = AuditEvent.objects.get(action="key.rules_changed")
    assert event.before == {"scopes": ["Water"], "cidrs": []}
    assert event.after == {"scopes": [], "cidrs": ["10.0.0.0/8"]}


def test_unchanged_rules_write_no_event(actor, subscribed):
    key = issue(actor, subscribed, scopes=["Water"])
    services.change_key_rules(actor=actor, key=key, rules=KeyRules(scopes=["Water"]))
    assert not AuditEvent.objects.filter(action="key.rules_changed").exists()


def test_a_scope_that_was_lost_may_stay_but_not_come_back(actor, subscribed):
    key = issue(actor, subscribed, scopes=["Water", "Wind"])
    Operation.objects.filter(path="/wind").delete()
    services.change_key_rules(actor=actor, key=key, rules=KeyRules(scopes=["Wind"]))
    services.change_key_rules(actor=actor, key=key, rules=KeyRules(scopes=["Water"]))
    with pytest.raises(InvalidInput):
        services.change_key_rules(actor=actor, key=key, rules=KeyRules(scopes=["Wind"]))


def test_a_revoked_keys_rules_stay(actor, subscribed):
    key = issue(actor, subscribed)
    services.revoke_key(actor=actor, key=key)
    with pytest.raises(KeyNotActive):
        services.change_key_rules(actor=actor, key=key, rules=KeyRules(scopes=["Water"]))


def test_a_successor_has_the_rules_of_its_predecessor(actor, subscribed):
    rules = {
        "scopes": ("Water",),
        "cidrs": ("10.0.0.0/8",),
        "origins": ("https://shop.example",),
        "limits": (LimitTermsGiven(quota=5, window="minute"),),
    }
    key = issue(actor, subscribed, **rules)
    new = services.rotate_key(actor=actor, key=key, grace=services.api_keys.max_grace()).key
    assert rules_of(ApiKey.objects.get(pk=new.pk)) == KeyRules(**rules)
