"""The authorizer while Redis is away, and after it came back."""

import subprocess

import pytest
import redis

from apim.gateway import grant_format as wire
from apim.gateway import grants, redis_connection
from apim.keys import secrets
from apim.runtime.embedded import EmbeddedRedis, free_port
from apim.runtime.processtree import die_with_parent
from tests.apim.gateway.grants_in_redis import change_plan, change_route
from tests.apim.gateway.stage import Authorizer
from tests.apim.gateway.world import make_world
from tests.deadline import eventually

pytestmark = pytest.mark.processes


class Killable:
    def __init__(self, folder):
        self.server = EmbeddedRedis(folder=folder, port=free_port(), durable=True)
        self.server.prepare()
        self.log = folder / "redis.log"

    def start(self):
        with self.log.open("ab") as out:
            self.child = subprocess.Popen(
                self.server.command(),
                stdout=out,
                stderr=out,
                preexec_fn=die_with_parent(),  # noqa: PLW1509
            )
        self.server.wait_ready()

    def kill(self):
        self.child.kill()
        self.child.wait()


@pytest.fixture
def own_redis(tmp_path, settings):
    server = Killable(tmp_path / "redis")
    server.start()
    settings.REDIS_URL = server.server.url()
    redis_connection.connection.cache_clear()
    yield server
    server.kill()
    redis_connection.connection.cache_clear()


@pytest.fixture
def world(own_redis, db):
    made = make_world(limits=[("day", 100)])
    grants.project_all()
    return made


@pytest.fixture
def start(own_redis, tmp_path):
    started = []

    def begin(**env):
        process = Authorizer(tmp_path, redis_url=own_redis.server.url(), **env)
        started.append(process)
        return process

    yield begin
    for process in started:
        process.stop()


def test_calls_are_refused_with_503_and_pass_again_when_redis_is_back(start, own_redis, world):
    authorizer = start()
    assert authorizer.check(world.path, world.bearer()).status_code == 200

    own_redis.kill()
    answer = authorizer.check(world.path, world.bearer())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["type"].endswith("#temporary-reduced-capacity")
    assert answer.headers["x-apim-decision"] == "denied:check_unavailable"
    assert authorizer.client.get("/readyz").status_code == 503
    assert authorizer.client.get("/healthz").status_code == 200

    own_redis.start()
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 200, seconds=5)


def test_unanswering_redis_is_noticed_within_envoys_patience(start, own_redis, world):
    """A stopped process accepts connections and never answers."""
    authorizer = start()
    authorizer.check(world.path, world.bearer())
    own_redis.child.send_signal(19)  # SIGSTOP
    try:
        answer = authorizer.check(world.path, world.bearer())
        assert answer.status_code == 503
        assert answer.elapsed.total_seconds() < 0.4
    finally:
        own_redis.child.send_signal(18)  # SIGCONT
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 200, seconds=5)


def test_known_keys_may_pass_without_redis_if_the_operator_says_so(start, own_redis, world):
    authorizer = start(APIM_AUTHORIZER_ON_REDIS_LOSS="open")
    assert authorizer.check(world.path, world.bearer()).status_code == 200
    own_redis.kill()

    answer = eventually(lambda: _if_ok(authorizer.check(world.path, world.bearer())))
    assert answer.headers["x-apim-key"] == world.key.public_id
    assert authorizer.check(world.path).status_code == 503


def test_emptied_redis_refuses_with_503_not_401_until_grants_are_back(start, own_redis, world):
    """A paying customer's key must not look unknown because Redis was replaced."""
    authorizer = start()
    redis.Redis.from_url(own_redis.server.url()).flushall()
    assert authorizer.check(world.path, world.bearer()).status_code == 503

    assert not grants.is_complete()
    grants.project_all()
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 200, seconds=2)


def test_count_survives_the_kill_of_redis(start, own_redis, world):
    """With the append-only file, which is flushed once per second."""
    authorizer = start()
    for _ in range(5):
        authorizer.check(world.path, world.bearer())
    client = redis.Redis.from_url(own_redis.server.url())
    eventually(lambda: client.info("persistence")["aof_pending_bio_fsync"] == 0)
    own_redis.kill()
    own_redis.start()

    answer = eventually(lambda: _if_ok(authorizer.check(world.path, world.bearer())))
    assert answer.headers["x-ratelimit-remaining"] == "94"


def test_only_apis_that_fail_open_let_known_keys_by(start, own_redis, world):
    """Others refuse, at the same authorizer at the same time."""
    careful = make_world(limits=[("day", 100)])
    grants.project_all()
    change_route(world, fail_open=True)
    authorizer = start()
    assert authorizer.check(world.path, world.bearer()).status_code == 200
    assert authorizer.check(careful.path, careful.bearer()).status_code == 200
    own_redis.kill()

    answer = eventually(lambda: _if_ok(authorizer.check(world.path, world.bearer())))
    assert answer.headers["x-apim-key"] == world.key.public_id
    assert authorizer.check(careful.path, careful.bearer()).status_code == 503
    unknown = secrets.generate(brand="ak", environment="live")
    assert authorizer.check(world.path, {"x-api-key": unknown}).status_code == 503
    asked = {"x-original-uri": world.path, **world.bearer()}
    lease = authorizer.client.post("/gateway/v1/lease", headers=asked)
    assert lease.headers["x-apim-lease"].startswith("id=-;tokens=1;")
    assert ";kind=call;" in lease.headers["x-apim-lease"]
    asked = {"x-original-uri": careful.path, **careful.bearer()}
    refused = authorizer.client.post("/gateway/v1/lease", headers=asked)
    assert (refused.status_code, refused.headers["x-apim-deny-ttl"]) == (503, "0")

    own_redis.start()
    eventually(lambda: authorizer.check(careful.path, careful.bearer()).status_code == 200)


def test_open_does_not_mean_unlimited(start, own_redis, world):
    """What was left when Redis went away is what may pass, and the answers say so."""
    change_route(world, fail_open=True)
    change_plan(world, limits=(wire.LimitGrant("day", 10, "day"),))
    authorizer = start()
    for _ in range(4):
        assert authorizer.check(world.path, world.bearer()).status_code == 200
    own_redis.kill()

    statuses = [authorizer.check(world.path, world.bearer()).status_code for _ in range(12)]
    # An answer of a starved Redis may have come too late before: counted, though not seen here.
    assert 4 <= statuses.count(200) <= 6
    assert statuses[-1] == 429


def test_known_keys_pass_for_the_grace_only(start, own_redis, world):
    change_route(world, fail_open=True)
    authorizer = start(APIM_AUTHORIZER_GRACE_SECONDS="1")
    assert authorizer.check(world.path, world.bearer()).status_code == 200
    own_redis.kill()
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 503, seconds=20)


def test_loss_and_recovery_are_told_once_each(start, own_redis, world):
    authorizer = start()
    authorizer.check(world.path, world.bearer())
    own_redis.kill()
    for _ in range(20):
        assert authorizer.check(world.path, world.bearer()).status_code == 503
    assert "apim_authorizer_redis_up 0" in authorizer.client.get("/metrics").text
    own_redis.start()
    eventually(lambda: authorizer.check(world.path, world.bearer()).status_code == 200)
    for _ in range(5):
        authorizer.check(world.path, world.bearer())

    eventually(lambda: "apim_authorizer_redis_up 1" in authorizer.client.get("/metrics").text)
    log = authorizer.log.read_text()
    # Twice where a starved Redis came, went and came again; never per call.
    assert log.count("calls cannot be checked") in {1, 2}
    assert log.count("calls are checked again") in {1, 2}


def test_feed_is_silent_while_redis_is_away_and_resets_those_who_ask_after(start, own_redis, world):
    """So gateways trust no lease meanwhile, and keep none that they got before."""
    authorizer = start()

    def feed(since):
        return authorizer.client.get("/gateway/v1/changes", params={"since": since})

    position = feed("").text.split("\n")[0]
    assert feed(position).text.split("\n")[1] == ""
    own_redis.kill()
    eventually(lambda: feed(position).status_code == 503)  # it may repeat itself for 50 ms
    own_redis.start()
    grants.project_all()
    assert eventually(lambda: _if_ok(feed("0-1"))).text.split("\n")[1] == "reset"


def _if_ok(answer):
    return answer if answer.status_code == 200 else None
