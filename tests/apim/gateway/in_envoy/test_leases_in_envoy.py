"""Leases inside the real Envoy: what holds although most calls are decided without asking."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import pairwise

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from analytics.formats import own
from apim.catalog.models import ApiVersion, Limit, Operation
from apim.gateway import grants, tasks
from apim.keys.models import ApiKey, Application, Subscription
from tests.apim.gateway.in_envoy.calling import asked, left_of, telling, warm_up
from tests.apim.gateway.stage import Authorizer
from tests.apim.gateway.test_envoy import log_line
from tests.apim.gateway.world import make_key
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

PUBLISH_SECONDS = 2.0


# Asking seldom


def test_most_calls_are_decided_without_asking(envoy, world, relay, upstream):
    for _ in range(200):
        assert envoy.status(f"{world.path}/x", world.bearer()) == 200
    assert upstream.calls == 200
    assert asked(relay) < 40


def test_keys_with_the_same_limits_draw_from_the_same_lent_calls(
    envoy, world, relay, store, upstream
):
    """Whoever calls next: a key that is known asks nobody as long as its limits' calls are lent."""
    secrets = [world.secret, *(make_key(world.application)[1] for _ in range(19))]
    grants.project_all()
    eventually(lambda: envoy.status(world.path, _bearer(secrets[-1])) == 200)

    def asked_by_a_round():
        before = asked(relay)
        for secret in secrets:
            assert envoy.status(world.path, _bearer(secret)) == 200
        return asked(relay) - before

    # A new worker's first grants are short: its routes may follow the change feed.
    eventually(lambda: asked_by_a_round() == 0)
    [counter] = store.scan_iter(f"c:{world.application.public_id}:*")
    most = 100_000 // 64  # in one worker's pool, whatever the number of keys
    eventually(lambda: int(store.get(counter)) <= upstream.calls + most)


def _bearer(secret):
    return {"authorization": f"Bearer {secret}"}


def test_revoking_one_of_many_keys_stops_it_alone_within_a_second(envoy, world, relay):
    key, secret = make_key(world.application)
    grants.project_key(key.pk)
    eventually(lambda: envoy.status(world.path, _bearer(secret)) == 200)
    warm_up(envoy, world)
    ApiKey.objects.filter(pk=key.pk).update(state="revoked")
    grants.project_key(key.pk)
    eventually(lambda: envoy.status(world.path, _bearer(secret)) == 401, seconds=1)
    assert envoy.status(world.path, world.bearer()) == 200


def test_remaining_calls_are_told_and_never_too_many(envoy, world):
    """Calls that are lent and not yet made are not promised a second time."""
    told, left = [], []
    for made in range(1, 1000):
        headers = envoy.get(world.path, world.bearer()).headers
        if "ratelimit" in headers:  # not each answer, where calls come thick
            told.append(headers)
            left.append((made, left_of(headers)))
        if len(told) == 40:
            break
    assert all(remaining <= 100_000 - made for made, remaining in left)
    exact = [
        made + remaining == then + before for (then, before), (made, remaining) in pairwise(left)
    ]
    assert exact.count(True) > 25
    assert told[-1]["ratelimit-policy"] == '"day";q=100000;w=86400'
    assert 0 < int(told[-1]["ratelimit"].rpartition("t=")[2]) <= 86400
    assert told[-1]["x-ratelimit-limit"] == "100000"
    assert int(told[-1]["x-ratelimit-remaining"]) == left[-1][1]
    assert 0 < int(told[-1]["x-ratelimit-reset"]) <= 86400


def test_every_answer_near_a_limit_tells_what_is_left(envoy, world):
    """However thick the calls come; far from one, some answers of a busy second tell it."""
    world.plan.limits.update(quota=60)
    grants.project_plan(world.plan.pk)
    policy = '"day";q=60;w=86400'

    def is_changed():
        return telling(envoy, world.path, world.bearer()).headers["ratelimit-policy"] == policy

    eventually(is_changed)
    answers = [envoy.get(world.path, world.bearer()) for _ in range(80)]
    passed = [one for one in answers if one.status_code == 200]
    assert answers[-1].status_code == 429
    assert all("x-ratelimit-remaining" in one.headers for one in passed[-3:])
    assert left_of(answers[-1].headers) == 0


def test_many_bad_keys_do_not_reach_the_authorizer(envoy, world, relay, upstream):
    statuses = {
        envoy.status(f"{world.path}/{number}", {"x-api-key": f"ak_live_{number:036d}"})
        for number in range(100)
    }
    assert statuses == {401}
    unknown = make_key(world.application)[1]  # well-formed, and not projected: unknown
    for _ in range(50):
        assert envoy.status(world.path, {"x-api-key": unknown}) == 401
    assert asked(relay) < 30
    assert upstream.calls == 0


def test_repeated_refusal_bears_its_own_request_id(envoy, world):
    answers = [envoy.get(world.path) for _ in range(5)]
    for answer in answers:
        assert answer.status_code == 401
        assert answer.json()["instance"] == f"urn:uuid:{answer.headers['x-request-id']}"
        assert answer.headers["www-authenticate"]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 5


# Limits


@pytest.mark.parametrize("quota", [7, 300])
def test_limit_is_never_exceeded_by_two_envoys_with_two_workers_each(
    start, authorizer, second_authorizer, world, upstream, quota
):
    world.plan.limits.update(quota=quota)
    grants.project_plan(world.plan.pk)
    start(authorizer.url, workers=2)
    start(second_authorizer.url, workers=2)
    statuses = hammer(world, upstream_calls=quota + 400)
    assert set(statuses) <= {200, 429, 503}  # a busy machine may answer a question too late
    assert statuses.count(200) <= quota
    assert upstream.calls == statuses.count(200)
    # What leases waste is given back or used up: nearly all of the limit can be had.
    assert statuses.count(200) >= quota * 0.9


def hammer(world, *, upstream_calls, threads=8):
    """Call through fresh connections, which the kernel spreads over all workers."""
    url = f"http://127.0.0.1:{settings.APIM_GATEWAY_PORT}{world.path}"

    def some(_number):
        with httpx.Client(headers=world.bearer(), timeout=10) as client:
            return [client.get(url).status_code for _ in range(10)]

    with ThreadPoolExecutor(threads) as pool:
        return [one for part in pool.map(some, range(upstream_calls // 10)) for one in part]


def test_window_end_makes_room_at_once(envoy, world):
    Limit.objects.filter(plan=world.plan).update(window="second", quota=3)
    grants.project_plan(world.plan.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 429)
    passed, started = 0, time.monotonic()
    while time.monotonic() - started < 2.5:
        passed += envoy.status(world.path, world.bearer()) == 200
    windows = 4  # at most so many seconds of the clock are touched
    assert 3 <= passed <= 3 * windows


def test_operation_that_costs_more_uses_up_more(envoy, world, told):
    Operation.objects.create(version=world.version, method="GET", path="/report", cost=5)
    Operation.objects.create(version=world.version, method="GET", path="/ping", cost=1)
    grants.project_version(world.version.pk)

    def left(path):
        answer = telling(envoy, f"{world.path}{path}", world.bearer())
        assert answer.status_code == 200
        return left_of(answer.headers), answer

    eventually(lambda: left("/report")[0] - left("/report")[0] == 5)
    eventually(lambda: left("/ping")[0] - left("/ping")[0] == 1)
    _left, answer = left("/report")
    line = log_line(told, answer.headers["x-request-id"])
    assert line["cost"] == 5


def test_cost_that_the_upstream_states_is_counted(envoy, world, told, upstream):
    ApiVersion.objects.update(cost_header="x-cost")
    tasks.serve_version(world.version.pk)
    grants.project_version(world.version.pk)
    upstream.answer_headers = {"x-cost": "10"}

    def left():
        return left_of(telling(envoy, world.path, world.bearer()).headers)

    eventually(lambda: left() < 99_900, seconds=10, every=0.1)
    answer = envoy.get(world.path, world.bearer())
    assert log_line(told, answer.headers["x-request-id"])["cost"] == 10
    assert "x-apim-after" not in answer.json()["headers"]


def test_concurrent_calls_are_limited_and_their_slots_become_free(envoy, world, upstream):
    Limit.objects.create(
        plan=world.plan, name="concurrent", kind="concurrent", window="", quota=1, every=1
    )
    grants.project_plan(world.plan.pk)
    eventually(lambda: envoy.status(f"{world.path}/x", world.bearer()) == 200)

    def call_slowly():
        """Until it gets the slot, which the call before it may still have."""
        with httpx.Client(headers=world.bearer(), timeout=20) as client:
            while client.get(f"{envoy.url}{world.path}/slow").status_code == 429:
                time.sleep(0.05)

    slow = threading.Thread(target=call_slowly)
    slow.start()
    eventually(lambda: envoy.status(f"{world.path}/x", world.bearer()) == 429)
    upstream.release.set()
    slow.join()
    eventually(lambda: envoy.status(f"{world.path}/x", world.bearer()) == 200, seconds=5)


def test_nothing_is_left_of_a_soft_quota_that_is_used_up(envoy, world):
    Limit.objects.all().delete()
    Limit.objects.create(plan=world.plan, name="soft", window="day", quota=3, is_soft=True)
    grants.project_plan(world.plan.pk)
    policy = '"soft";q=3;w=86400'
    eventually(
        lambda: telling(envoy, world.path, world.bearer()).headers["ratelimit-policy"] == policy
    )
    told = [envoy.get(world.path, world.bearer()) for _ in range(6)]
    assert [answer.status_code for answer in told] == [200] * 6
    assert '"soft";r=0;' in told[-1].headers["ratelimit"]
    assert told[-1].headers["x-ratelimit-remaining"] == "0"
    assert 'overage="soft"' in told[-1].json()["headers"]["x-apim-call"]


@pytest.mark.parametrize("stated", [{}, {"x-cost": "a lot"}])
def test_slots_become_free_also_where_the_upstream_states_no_cost(envoy, world, upstream, stated):
    Limit.objects.create(
        plan=world.plan, name="concurrent", kind="concurrent", window="", quota=1, every=1
    )
    ApiVersion.objects.update(cost_header="x-cost")
    upstream.answer_headers = {"x-cost": "1000"}
    tasks.serve_version(world.version.pk)
    grants.project_version(world.version.pk)
    grants.project_plan(world.plan.pk)

    def is_served():
        told = telling(envoy, f"{world.path}/x", world.bearer()).headers
        return "concurrent-requests" in told["ratelimit-policy"] and left_of(told) < 99_000

    eventually(is_served, seconds=10, every=0.1)
    upstream.answer_headers = stated
    for _ in range(3):
        eventually(lambda: envoy.status(f"{world.path}/x", world.bearer()) == 200)


# News


def test_revoked_key_is_refused_within_a_second_although_it_is_leased(envoy, world):
    warm_up(envoy, world)
    ApiKey.objects.update(state="revoked")
    grants.project_key(world.key.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 401, seconds=1)


def test_suspended_application_is_refused_within_a_second_and_comes_back(envoy, world):
    warm_up(envoy, world)
    Application.objects.update(state="suspended")
    grants.project_application(world.application.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 403, seconds=1)
    Application.objects.update(state="active")
    grants.project_application(world.application.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 200, seconds=2)


def test_changed_plan_shows_within_a_second(envoy, world):
    warm_up(envoy, world)
    world.plan.limits.update(quota=50_000)
    grants.project_plan(world.plan.pk)

    def policy():
        return telling(envoy, world.path, world.bearer()).headers["ratelimit-policy"]

    eventually(lambda: policy() == '"day";q=50000;w=86400', seconds=1)


def test_suspended_subscription_is_refused_within_a_second(envoy, world):
    warm_up(envoy, world)
    Subscription.objects.update(state="suspended")
    grants.project_subscription(world.subscription.pk)
    eventually(lambda: envoy.status(world.path, world.bearer()) == 403, seconds=1)


def test_news_about_others_leave_a_lease_alone(envoy, world, relay):
    eventually(lambda: _asks_seldom(envoy, world, relay))
    before = asked(relay)
    for _ in range(10):
        grants.project_key(make_key(world.application)[0].pk)
        heard = relay.text.count(b"GET /gateway/v1/changes")
        eventually(lambda heard=heard: _hears_again(envoy, world, relay, heard))
    assert asked(relay) - before < 5


def _asks_seldom(envoy, world, relay):
    """A new worker's first leases are short: its routes may follow the change feed."""
    before = asked(relay)
    heard = relay.text.count(b"GET /gateway/v1/changes")
    eventually(lambda: _hears_again(envoy, world, relay, heard + 4))
    return asked(relay) == before


def _hears_again(envoy, world, relay, heard):
    assert envoy.status(world.path, world.bearer()) == 200
    return relay.text.count(b"GET /gateway/v1/changes") >= heard + 2


def test_deprecated_version_says_so(envoy, world):
    deprecated_at = timezone.now() - timedelta(days=1)
    ApiVersion.objects.update(
        state="deprecated", deprecated_at=deprecated_at, sunset_on="2031-05-01"
    )
    tasks.serve_version(world.version.pk)
    grants.project_version(world.version.pk)

    def told():
        return envoy.get(world.path, world.bearer()).headers

    eventually(lambda: "deprecation" in told(), seconds=PUBLISH_SECONDS)
    assert told()["deprecation"] == f"@{int(deprecated_at.timestamp())}"
    assert told()["sunset"] == "Thu, 01 May 2031 00:00:00 GMT"


# When the authorizer cannot be heard


def test_leases_are_not_used_when_changes_cannot_be_heard(envoy, world, relay, upstream):
    warm_up(envoy, world)
    relay.cut()
    eventually(lambda: envoy.status(world.path, world.bearer()) == 503, seconds=3)
    calls = upstream.calls
    answer = envoy.get(world.path, world.bearer())
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == "authorizer_unavailable"
    assert upstream.calls == calls
    relay.mend()
    eventually(lambda: envoy.status(world.path, world.bearer()) == 200, seconds=3)


def test_silent_authorizer_holds_up_no_call_for_long(envoy, world, relay):
    warm_up(envoy, world)
    relay.stall()
    eventually(lambda: envoy.status(world.path, world.bearer()) == 503, seconds=5)
    started = time.monotonic()
    assert envoy.status(world.path, world.bearer()) == 503
    assert time.monotonic() - started < 2  # promised 0.25 s; the machine may be busy
    relay.mend()
    eventually(lambda: envoy.status(world.path, world.bearer()) == 200, seconds=5)


def test_api_that_fails_open_lets_known_keys_by_within_their_limits(envoy, world, relay):
    ApiVersion.objects.update(fails_open=True)
    world.plan.limits.update(quota=60)
    grants.project_version(world.version.pk)
    grants.project_plan(world.plan.pk)
    stranger = make_key(world.application)[1]

    def quota():
        return telling(envoy, world.path, world.bearer()).headers["ratelimit-policy"]

    eventually(lambda: quota() == '"day";q=60;w=86400')
    relay.cut()
    statuses = [envoy.status(world.path, world.bearer()) for _ in range(100)]
    assert statuses[0] == 200
    assert statuses.count(200) < 60
    assert statuses[-1] == 503
    assert envoy.status(world.path, {"x-api-key": stranger}) == 503
    relay.mend()
    eventually(lambda: envoy.status(world.path, world.bearer()) in {200, 429}, seconds=3)


def test_restarted_authorizer_is_used_again(start, world, folder, store):
    own = Authorizer(folder, redis_url=settings.REDIS_URL, name="restarted")
    envoy = start(own.url)
    warm_up(envoy, world)
    own.stop()
    eventually(lambda: envoy.status(world.path, world.bearer()) == 503, seconds=5)
    again = Authorizer(folder, redis_url=settings.REDIS_URL, name="restarted", port=own.port)
    try:
        eventually(lambda: envoy.status(world.path, world.bearer()) == 200, seconds=5)
    finally:
        again.stop()


# What callers may try


def test_another_bearer_token_is_left_for_the_upstream(envoy, world):
    for _ in range(4):
        answer = envoy.get(
            world.path, {"authorization": "Bearer for-the-upstream", "x-api-key": world.secret}
        )
        assert answer.status_code == 200
        seen = answer.json()["headers"]
        assert seen["authorization"] == "Bearer for-the-upstream"
        assert "x-api-key" not in seen


def test_second_copies_of_a_key_do_not_reach_the_upstream(envoy, world):
    for _ in range(4):
        answer = envoy.get(
            f"{world.path}/x?api_key={world.secret}&day=3",
            {**world.bearer(), "x-api-key": world.secret},
        )
        assert answer.status_code == 200
        assert world.secret not in answer.text
        assert answer.json()["path"] == "/x?day=3"


def test_forged_facts_of_a_call_that_got_no_route_are_not_believed(envoy, world, told):
    """Such a request is refused before anything removes what the caller wrote."""
    import socket  # noqa: PLC0415

    with socket.create_connection(("127.0.0.1", told.port), timeout=5) as plain:
        plain.sendall(
            b"GET /%00 HTTP/1.1\r\nHost: x\r\nx-request-id: mallory-1\r\n"
            b"x-apim-call: decision=allowed, key=key_mallory\r\n"
            b"user-agent: Mallory/1\r\n\r\n"
        )
        assert b" 400 " in plain.recv(200)

    def line():
        text = told.access_log.read_text()
        return [one for one in text.splitlines() if "Mallory/1" in one]

    found = eventually(line)[0]
    assert "key_mallory" in found
    event = own.read(found.encode())
    assert event.names.key == event.names.application == ""
    assert event.decision == "none"


def test_script_that_envoy_cannot_load_is_refused_before_it_is_sent(world, settings):
    from apim.gateway.envoy import lua_filter, validation  # noqa: PLC0415
    from apim.gateway.envoy.routes import build_routes  # noqa: PLC0415
    from apim.gateway.snapshots import listener_settings  # noqa: PLC0415

    routes = build_routes([], "http://portal.test")
    validation.validate(validation.find_binary(), listener_settings(), routes, [])
    kept = lua_filter.source
    lua_filter.source = lambda *files: kept(*files) + "\nthis is not Lua\n"
    try:
        with pytest.raises(validation.ConfigurationRefused, match="script load error"):
            validation.validate(validation.find_binary(), listener_settings(), routes, [])
    finally:
        lua_filter.source = kept
