"""Leases: calls lent to a gateway, counted before they are made, settled afterwards."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import msgspec
import pytest
from django.utils import timezone

from apim.gateway import grant_format as wire
from apim.gateway import grants
from apim.keys import secrets
from apim.keys.models import ApiKey
from tests.apim.gateway.grants_in_redis import announce, change_key, change_plan
from tests.apim.gateway.world import make_key, make_world
from tests.deadline import eventually

pytestmark = pytest.mark.processes


class Lease:
    """The answer to a question for a lease, taken apart."""

    def __init__(self, answer):
        self.answer = answer
        self.status = answer.status_code
        self.headers = answer.headers
        terms = answer.headers.get("x-apim-lease", "")
        parts = dict(part.split("=", 1) for part in terms.split(";") if part)
        self.id, self.scope, self.kind = (parts.get(name, "") for name in ("id", "scope", "kind"))
        self.pool = parts.get("pool", "")
        self.tokens, self.ttl, self.cost, self.hold = (
            int(parts.get(name, 0)) for name in ("tokens", "ttl", "cost", "hold")
        )


def lease(authorizer, world, *, path="/x", method="GET", want=1, **headers):
    asked = {
        "x-original-method": method,
        "x-original-uri": f"{world.path}{path}",
        "x-client-ip": "203.0.113.7",
        "x-apim-want": str(want),
        **world.bearer(),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return Lease(authorizer.client.post("/gateway/v1/lease", headers=asked))


def limited(*limits):
    """A world whose plan has these limits, whatever the catalog knows of them yet."""
    world = make_world(limits=[])
    grants.project_all()
    change_plan(world, limits=limits)
    return world


def counted(store, world):
    return {
        name.decode(): int(store.get(name))
        for name in store.scan_iter(f"c:{world.application.public_id}:*")
    }


def test_lease_says_who_calls_and_lends_what_was_wanted(authorizer, db, store):
    world = limited(
        wire.LimitGrant("day", 100_000, "day"), wire.LimitGrant("month", 10**6, "month")
    )
    lent = lease(authorizer, world, want=50)

    assert lent.status == 200
    assert (lent.tokens, lent.cost, lent.kind, lent.scope) == (50, 1, "shared", "version")
    assert 0 < lent.ttl <= 60_000
    assert lent.headers["x-apim-key"] == world.key.public_id
    assert lent.headers["x-apim-organization"] == world.organization.public_id
    assert lent.headers["x-apim-decision"] == "allowed"
    assert "authorization" in lent.headers["x-envoy-auth-headers-to-remove"]
    assert lent.headers["x-apim-trust"] == "1000"
    assert lent.headers["x-apim-on-loss"] == "closed"
    day, month = lent.headers["x-apim-limits"].split("|")
    assert re.fullmatch(r"day,100000,86400,99950,\d+", day)
    assert re.fullmatch(r"month,1000000,2592000,999950,\d+", month)
    assert set(counted(store, world).values()) == {50}


def test_lease_names_every_grant_that_it_depends_on(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 100, "day"))
    tags = set(lease(authorizer, world).headers["x-apim-tags"].split(" "))
    assert {
        wire.ROUTES,
        wire.key_name(world.key.digest),
        wire.application_name(world.application.public_id),
        wire.plan_name(world.plan.public_id),
    } <= tags


def test_lease_never_outlives_its_window_and_no_grant_its_key(authorizer, db, store):
    world = limited(wire.LimitGrant("second", 1000, "second"))
    assert all(0 <= lease(authorizer, world).ttl < 1000 for _ in range(5))

    world = limited()
    assert 5000 < lease(authorizer, world).hold <= 600_000
    soon = timezone.now() + timedelta(seconds=5)
    key, secret = make_key(world.application, expires_at=soon)
    grants.project_key(key.pk)
    world.secret = secret
    assert lease(authorizer, world).hold <= 5000


def test_keys_with_the_same_limits_draw_from_one_pool_at_every_authorizer(
    authorizer, second_authorizer, db, store
):
    world = limited(wire.LimitGrant("day", 100_000, "day"))
    first = lease(authorizer, world, want=50)
    key, secret = make_key(world.application)
    grants.project_key(key.pk)
    world.secret = secret
    other = eventually(lambda: _if_ok(lease(second_authorizer, world, x_apim_pools=first.pool)))
    assert other.pool == first.pool
    assert (other.id, other.tokens, other.kind) == ("-", 0, "shared")
    assert other.headers["x-apim-key"] == key.public_id
    assert set(counted(store, world).values()) == {50}
    assert lease(second_authorizer, world, want=3, x_apim_pools="another,pool").tokens == 3


def test_key_with_a_limit_of_its_own_has_a_pool_of_its_own(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 100_000, "day"))
    shared = lease(authorizer, world).pool
    change_key(world, limits=(wire.LimitGrant("few", 3, "day", per="key"),))
    own = lease(authorizer, world, x_apim_pools=shared, want=50)
    assert own.pool != shared
    assert (own.status, own.tokens) == (200, 1)


def test_changed_limits_are_another_pool(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 100_000, "day"))
    before = lease(authorizer, world).pool
    change_plan(world, limits=(wire.LimitGrant("day", 5, "day"),))
    after = eventually(lambda: _unless_pool(before, lease(authorizer, world, x_apim_pools=before)))
    assert after.tokens == 1


def test_less_is_lent_the_less_is_left(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 1280, "day"))
    sizes = []
    while (lent := lease(authorizer, world, want=1000)).status == 200:
        sizes.append(lent.tokens)
    assert sizes[0] == 5
    assert sizes[-30:] == [1] * 30
    assert sum(sizes) == 1280
    assert lent.status == 429
    assert 0 < int(lent.headers["x-apim-deny-ttl"]) <= 100


def test_short_windows_lend_more_of_what_is_left(authorizer, db, store):
    """What a gateway falls silent with is soon whole again there."""
    world = limited(wire.LimitGrant("minute", 6400, "minute", kind="fixed"))
    assert lease(authorizer, world, want=1000).tokens == 100


def test_limit_that_refuses_recalls_what_is_lent_of_it_at_every_authorizer(
    authorizer, second_authorizer, db, store
):
    world = limited(wire.LimitGrant("day", 2, "day"), wire.LimitGrant("week", 1000, "week"))
    lent = lease(authorizer, world)
    day, week = lent.headers["x-apim-counters"].split(",")
    both = (authorizer, second_authorizer)

    def recalled(one):
        answer = one.client.get("/gateway/v1/changes", params={"since": ""})
        return answer.headers.get("x-apim-recall", "").split(",")

    def is_recalled_at_both():
        lease(authorizer, world)
        return all(day in recalled(one) for one in both)

    eventually(is_recalled_at_both)
    assert not any(week in recalled(one) for one in both)
    eventually(lambda: not any(day in recalled(one) for one in both))


def test_what_is_given_back_can_be_lent_again_at_any_authorizer(
    authorizer, second_authorizer, db, store
):
    world = limited(wire.LimitGrant("day", 25_600, "day"))
    lent = lease(authorizer, world, want=100)
    assert lent.tokens == 100
    lease(authorizer, world, want=1, x_apim_give_back=f"{lent.id}=60,nonsense,{lent.id}=x")
    eventually(lambda: set(counted(store, world).values()) == {41})

    # More than the lease held is never taken back.
    lease(second_authorizer, world, want=1, x_apim_give_back=f"{lent.id}=1000")
    eventually(lambda: set(counted(store, world).values()) == {2})
    lease(second_authorizer, world, want=1, x_apim_give_back=f"{lent.id}=1000")
    eventually(lambda: set(counted(store, world).values()) == {3})


def test_cost_that_the_upstream_states_is_counted_afterwards(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 100, "day"))
    lent = lease(authorizer, world)
    refused = lease(authorizer, world, x_apim_extra_cost=f"{lent.id}=99")
    # The settling may come after the question that brings it, never after the next.
    eventually(lambda: sum(counted(store, world).values()) >= 100)
    assert refused.status in {200, 429}
    assert eventually(lambda: lease(authorizer, world).status == 429)


def test_concurrent_limit_lends_single_calls_and_has_room_again_on_release(
    authorizer, second_authorizer, db, store
):
    world = limited(wire.LimitGrant("concurrent", 2, kind="concurrent"))
    first, second = lease(authorizer, world, want=50), lease(second_authorizer, world)
    assert (first.kind, first.tokens) == ("call", 1)
    refused = lease(authorizer, world)
    assert refused.status == 429
    assert refused.headers["x-apim-deny-ttl"] == "0"
    assert refused.answer.json()["violated-policies"] == ["concurrent"]
    assert first.headers["x-apim-limits"] == "concurrent,2,0,1,0,c"

    released = second_authorizer.client.post(
        "/gateway/v1/release", headers={"x-apim-lease-id": first.id}
    )
    assert released.status_code == 204
    third = eventually(lambda: _if_ok(lease(authorizer, world)))
    assert lease(authorizer, world).status == 429
    for one in (second, third):
        authorizer.client.post("/gateway/v1/release", headers={"x-apim-lease-id": one.id})
    eventually(
        lambda: (
            store.zcard(f"c:{world.application.public_id}:{world.product.public_id}:concurrent")
            == 0
        )
    )


def test_slot_that_nobody_releases_is_free_after_the_routes_timeout(authorizer, db, store):
    world = limited(wire.LimitGrant("concurrent", 1, kind="concurrent"))
    assert lease(authorizer, world).status == 200
    name = f"c:{world.application.public_id}:{world.product.public_id}:concurrent"
    [(slot, free_at)] = store.zrange(name, 0, -1, withscores=True)
    now = int(store.time()[0])
    assert 30 <= free_at / 1000 - now <= 37
    store.zadd(name, {slot: (now - 1) * 1000})
    assert lease(authorizer, world).status == 200


def test_soft_limit_lends_beyond_its_quota_and_says_so(authorizer, db, store):
    world = limited(wire.LimitGrant("soft-day", 3, "day", soft=True))
    overage = []
    for _ in range(5):
        lent = lease(authorizer, world, want=8)
        assert lent.status == 200
        overage.append((lent.tokens, lent.headers.get("x-apim-overage")))
    # What one gateway holds unused below the quota makes no call of another overage.
    assert overage == [(1, None), (1, None), (1, None), (8, "soft-day"), (8, "soft-day")]


def test_key_with_allow_list_is_asked_about_for_each_call(authorizer, db, store):
    world = limited(wire.LimitGrant("day", 10_000, "day"))
    change_key(world, cidrs=("203.0.113.0/24",))
    lent = lease(authorizer, world, want=50)
    assert (lent.kind, lent.tokens) == ("call", 1)
    refused = lease(authorizer, world, x_client_ip="198.51.100.1")
    assert refused.status == 403
    assert refused.answer.json()["code"] == "ip_not_allowed"
    assert refused.headers["x-apim-deny-ttl"] == "0"


def test_refusals_are_those_of_the_check_and_may_be_repeated_for_a_while(authorizer, world):
    unknown = world.secret
    world.secret = secrets.generate(brand="ak", environment="live")
    refused = lease(authorizer, world)
    assert refused.status == 401
    assert refused.answer.json()["code"] == "key_unknown"
    assert refused.headers["x-apim-deny-ttl"] == "1000"
    world.secret = unknown
    assert lease(authorizer, world).status == 200
    url = f"{authorizer.url}/gateway/v1/lease"
    assert httpx.post(url, headers=world.bearer()).status_code == 401
    assert authorizer.client.get("/gateway/v1/lease").status_code == 405


# The change feed


def changes(authorizer, since):
    answer = authorizer.client.get("/gateway/v1/changes", params={"since": since})
    assert answer.status_code == 200
    newest, names = answer.text.split("\n")[:2]
    return newest, names


def test_feed_names_what_changed_since_a_position(authorizer, world, store):
    position, said = changes(authorizer, "")
    assert said == "reset"
    assert changes(authorizer, position) == (position, "")
    announce(store, "g:key:one", "g:plan:two")
    announce(store, "g:key:one")

    eventually(lambda: _unless_at(position, changes(authorizer, position)))
    eventually(lambda: changes(authorizer, position)[1] == "g:key:one g:plan:two")
    newest, _ = changes(authorizer, position)
    assert changes(authorizer, newest) == (newest, "")


@pytest.mark.parametrize("since", ["", "x", "0-1", "99999999999999-0", "1-2-3"])
def test_unknown_position_means_that_anything_may_have_changed(authorizer, world, since):
    changes(authorizer, "")
    assert changes(authorizer, since)[1] == "reset"


def test_position_of_a_lease_is_never_ahead_of_what_it_knows(authorizer, world, store):
    position, _ = changes(authorizer, "")
    assert changes(authorizer, lease(authorizer, world).headers["x-apim-change"])[1] != "reset"
    assert _numbers(lease(authorizer, world).headers["x-apim-change"]) >= _numbers(position)


def test_revoked_key_is_named_and_gets_no_further_lease(authorizer, world, store):
    lent = lease(authorizer, world)
    position, _ = changes(authorizer, "")
    ApiKey.objects.filter(pk=world.key.pk).update(state="revoked")
    grants.project_key(world.key.pk)

    name = wire.key_name(world.key.digest)
    eventually(lambda: name in changes(authorizer, position)[1].split(" "), seconds=1)
    assert name in lent.headers["x-apim-tags"].split(" ")
    assert lease(authorizer, world).status == 401


def test_leases_of_two_authorizers_and_many_workers_never_exceed_the_quota(
    authorizer, second_authorizer, db, store
):
    world = limited(
        wire.LimitGrant("day", 1500, "day"), wire.LimitGrant("hour", 10**6, "hour", kind="fixed")
    )

    def worker(number):
        asked = (authorizer, second_authorizer)[number % 2]
        used, back = 0, ""
        while (
            lent := lease(asked, world, want=1 + number * 7, x_apim_give_back=back)
        ).status == 200:
            unused = lent.tokens // 3
            used += lent.tokens - unused
            back = f"{lent.id}={unused}"
        return used

    with ThreadPoolExecutor(8) as pool:
        used = sum(pool.map(worker, range(8)))
    assert 1500 * 0.9 <= used <= 1500


def _numbers(position):
    return tuple(map(int, position.split("-")))


def _unless_at(position, answer):
    return None if answer[0] == position else answer


def _unless_pool(pool, lent):
    return None if lent.pool == pool else lent


def _if_ok(lent):
    return lent if lent.status == 200 else None


def test_world_can_be_read_back(db, store):
    """The tests' own way to write grants says what the product's projection would."""
    world = limited(wire.LimitGrant("day", 5, "day"))
    plan = msgspec.json.decode(store.get(wire.plan_name(world.plan.public_id)), type=wire.PlanGrant)
    assert plan.limits == (wire.LimitGrant("day", 5, "day"),)
