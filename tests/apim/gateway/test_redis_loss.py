"""The authorizer while Redis is away, and after it came back."""

import subprocess

import pytest
import redis

from apim.gateway import grants, redis_connection
from apim.runtime.embedded import EmbeddedRedis, free_port
from apim.runtime.processtree import die_with_parent
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


def _if_ok(answer):
    return answer if answer.status_code == 200 else None
