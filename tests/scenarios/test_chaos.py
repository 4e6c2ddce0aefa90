"""Everything fails in turn while calls go on: none is let by wrongly, and all recover by themselves.

Two Envoys with an authorizer each, Redis, web. Three callers at a time: one that must never exceed
its limit, one whose key is revoked while things are broken, one that may be refused only for as
long as docs/runbooks/when-things-fail.md says.
"""

import contextlib
import logging
import os
import re
import signal
import time
from types import SimpleNamespace
from urllib.parse import urlsplit, urlunsplit

import httpx
import pytest
from django.conf import settings as django_settings
from django.db import connection

from apim.audit.actors import SYSTEM
from apim.catalog.models import Limit, Plan
from apim.core.errors import DomainError
from apim.gateway import grants, redis_connection, tasks
from apim.gateway.envoy.bootstrap import BootstrapSettings, build_bootstrap
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from apim.keys.models import Application, Subscription
from apim.outbox.services import sweep
from apim.runtime.embedded import free_port
from benchmarks.callers import Callers, Window, accepted, accepted_after, refused_outside, tell
from tests.apim.gateway.stage import AUTHORIZER_TOKEN, Authorizer, Envoy, Relay, Upstream, Web
from tests.apim.gateway.test_redis_loss import Killable
from tests.apim.gateway.world import make_key, make_world
from tests.deadline import eventually

logger = logging.getLogger(__name__)
pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

QUOTA = 40
# Longer than leases are trusted.
BROKEN_SECONDS = 2.2
UNNOTICED_SECONDS = 1.0
# A revoked key stops within a second; an authorizer reads the news at most 50 ms late.
REVOKED_SECONDS = 1.1
# Stated: callers are served again within this time after what was broken is back.
RECOVERY_SECONDS = 20
# On a starved machine a question may take longer than the 250 ms that a caller is made to wait.
STARVED_SHARE = 0.03


class Site:
    """The processes of an installation, each of which can be broken and mended."""

    def __init__(self, folder, redis, database_url, upstream):
        self.folder, self.redis, self.upstream = folder, redis, upstream
        self.port = free_port()
        self.database = Relay(urlsplit(database_url).port)
        parts = urlsplit(database_url)
        netloc = parts.netloc.replace(f":{parts.port}", f":{self.database.port}")
        self.database_url = urlunsplit(parts._replace(netloc=netloc))
        self.open = contextlib.ExitStack()
        self.web_port = free_port()
        self.web = self.start_web()
        self.authorizers = [self.start_authorizer(f"authorizer{i}") for i in range(2)]
        # Between an Envoy and its authorizer.
        self.links = [Relay(one.port) for one in self.authorizers]
        self.envoys = [self.start_envoy(i, workers=2 - i) for i in range(2)]

    @property
    def environment(self):
        return {
            "APIM_GATEWAY_LISTEN_ADDRESS": "127.0.0.1",
            "APIM_GATEWAY_PORT": str(self.port),
            "APIM_ENVOY_ACCESS_LOG": str(self.folder / "access.log"),
            "APIM_PUBLIC_URL": "http://portal.test",
        }

    def start_web(self):
        return Web(
            self.folder,
            port=self.web_port,
            database_url=self.database_url,
            redis_url=self.redis.server.url(),
            **self.environment,
        )

    def start_authorizer(self, name, port=None):
        return Authorizer(self.folder, redis_url=self.redis.server.url(), name=name, port=port)

    def start_envoy(self, number, workers):
        registered = register_gateway(
            actor=SYSTEM, name=f"Edge {number} {time.monotonic()}", kind="envoy"
        )
        admin_port = free_port()
        bootstrap = build_bootstrap(
            BootstrapSettings(
                gateway_token=registered.token,
                authorizer_token=AUTHORIZER_TOKEN,
                web_url=self.web.url,
                authorizer_url=self.links[number].url,
                admin_address="127.0.0.1",
                admin_port=admin_port,
                trusted_ca=django_settings.APIM_ENVOY_TRUSTED_CA,
                node_id=f"gateway-{number}",
            )
        )
        process = Envoy(
            self.folder,
            bootstrap=bootstrap,
            admin_port=admin_port,
            port=self.port,
            workers=workers,
        )
        listeners = f"{process.admin_url}/listeners"
        eventually(lambda: "apim_gateway" in httpx.get(listeners).text, seconds=30)
        return process

    def kill(self, process):
        tell(process.child.pid, signal.SIGKILL)
        process.child.wait()

    def stop(self):
        for process in (*self.envoys, *self.authorizers, self.web):
            tell(process.child.pid, signal.SIGCONT)
            process.stop()
        for relay in (*self.links, self.database):
            relay.stop()


# What breaks; for whom callers may be refused; how it is broken and mended.


@contextlib.contextmanager
def web_is_killed(site):
    """And stays away: nothing in the way of a call needs it."""
    site.kill(site.web)
    yield


@contextlib.contextmanager
def postgres_is_gone(site):
    site.database.cut()
    yield
    site.database.mend()
    eventually(lambda: httpx.get(f"{site.web.url}/readyz").status_code == 200)


@contextlib.contextmanager
def authorizer_is_killed(site):
    port = site.authorizers[0].port
    site.kill(site.authorizers[0])
    yield
    site.authorizers[0] = site.start_authorizer("authorizer0", port=port)


@contextlib.contextmanager
def authorizer_is_paused(site):
    with paused(site.authorizers[0].child.pid):
        yield


@contextlib.contextmanager
def link_to_authorizer_is_silent(site):
    site.links[1].stall()
    yield
    site.links[1].mend()


@contextlib.contextmanager
def redis_is_killed(site):
    site.redis.kill()
    yield
    site.redis.start()


@contextlib.contextmanager
def redis_is_paused(site):
    with paused(site.redis.child.pid):
        yield


@contextlib.contextmanager
def envoy_is_killed(site):
    site.kill(site.envoys[1])
    yield
    site.envoys[1] = site.start_envoy(1, workers=1)


@contextlib.contextmanager
def envoy_is_paused(site):
    with paused(site.envoys[0].child.pid):
        yield


@contextlib.contextmanager
def paused(pid):
    tell(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        tell(pid, signal.SIGCONT)


# Callers notice nothing of the first; of the second, refusals while it lasts.
UNNOTICED = (postgres_is_gone, envoy_is_killed, envoy_is_paused, web_is_killed)
REFUSING = (
    authorizer_is_killed,
    authorizer_is_paused,
    link_to_authorizer_is_silent,
    redis_is_killed,
    redis_is_paused,
)


@pytest.fixture
def site(tmp_path, settings):
    redis = Killable(tmp_path / "redis")
    redis.start()
    settings.REDIS_URL = redis.server.url()
    redis_connection.connection.cache_clear()
    upstream = Upstream()
    parts = urlsplit(os.environ["DATABASE_URL"])
    database = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    made = Site(tmp_path, redis, database, upstream)
    for name, value in made.environment.items():
        setattr(settings, name, int(value) if name.endswith("PORT") else value)
    yield made
    made.stop()
    upstream.stop()
    redis.kill()
    redis_connection.connection.cache_clear()


def make_callers(world, faults):
    """For each fault a key with a limit of its own, and one that will be revoked."""
    made = {}
    for fault in faults:
        plan = Plan.objects.create(
            product=world.product,
            slug=fault.__name__.replace("_", "-"),
            name="x",
            state="published",
        )
        Limit.objects.create(plan=plan, window="month", quota=QUOTA)
        application = Application.objects.create(organization=world.organization, name=plan.slug)
        Subscription.objects.create(
            organization=world.organization,
            application=application,
            plan=plan,
            product=world.product,
            state="active",
        )
        limited, limited_secret = make_key(application)
        revoked, revoked_secret = make_key(world.application)
        made[fault] = SimpleNamespace(
            limited=limited,
            revoked=revoked,
            secrets={"limited": limited_secret, "revoked": revoked_secret, "roomy": world.secret},
        )
    return made


def scheduler_runs():
    """What the worker does every few seconds; it fails, and tries again, while Redis is away."""
    with contextlib.suppress(Exception):
        tasks.watch_grants()
        sweep()
    return grants.is_complete()


def test_no_call_is_let_by_wrongly_whatever_fails_and_everything_recovers(site):
    world = make_world(upstream_url=site.upstream.url, limits=[("month", 10**9)])
    made = make_callers(world, [*REFUSING, *UNNOTICED])
    grants.project_all()
    tasks.serve_version(world.version.pk)
    url = f"http://127.0.0.1:{site.port}{world.path}"
    eventually(lambda: httpx.get(url, headers=world.bearer()).status_code == 200, seconds=30)

    wrong, refused, seen = [], [], 0
    for fault, one in made.items():
        with Callers(url, one.secrets) as callers:
            eventually(lambda c=callers: accepted(c.calls["limited"]) >= QUOTA // 4, seconds=30)
            broken_at = time.monotonic()
            with fault(site):
                revoked_at = revoke(one.revoked)
                time.sleep(BROKEN_SECONDS if fault in REFUSING else UNNOTICED_SECONDS)
            mended_at = time.monotonic()
            eventually(scheduler_runs, every=0.2)
            told_at = time.monotonic()
            eventually(
                lambda c=callers, at=told_at: c.passes_since("roomy", at, in_a_row=10),
                seconds=RECOVERY_SECONDS,
            )
            recovered_at = time.monotonic()
            eventually(lambda c=callers: is_used_up(c.calls["limited"]), seconds=30)
            eventually(lambda at=told_at: time.monotonic() > at + REVOKED_SECONDS + 0.3)
        calls = callers.calls
        seen += len(calls["roomy"])
        # News cannot pass while Redis is away; from then on they take a second.
        heard_at = max(revoked_at, told_at if "redis" in fault.__name__ else 0)
        late = accepted_after(calls["revoked"], heard_at + REVOKED_SECONDS)
        excess = site.upstream.keys[one.limited.public_id] - QUOTA
        if late or excess > 0:
            wrong.append((fault.__name__, late, excess))
        assert accepted(calls["limited"]) >= QUOTA / 2, fault.__name__
        assert accepted(calls["revoked"]), fault.__name__
        windows = [Window(broken_at, recovered_at)] if fault in REFUSING else []
        refused += [(fault.__name__, call) for call in refused_outside(calls["roomy"], windows)]
        logger.info(
            "%s: mended within %.1f s, callers served %.1f s later, limit used up %.1f s later",
            fault.__name__,
            mended_at - broken_at,
            recovered_at - mended_at,
            time.monotonic() - recovered_at,
        )
    assert not wrong
    assert_told(site)
    assert len(refused) <= STARVED_SHARE * seen, refused[:20]


def assert_told(site):
    """Loss and recovery stand in the logs, seldom, and in the metrics."""
    envoys = (site.folder / "envoy.log").read_text()
    assert 1 <= envoys.count("apim.lease: calls cannot be checked") < 50
    for name in ("authorizer0", "authorizer1"):
        log = (site.folder / f"{name}.log").read_text()
        assert 1 <= log.count("calls cannot be checked") < 50, name
        assert 1 <= log.count("calls are checked again") < 50, name
    assert "stood still for" in (site.folder / "authorizer0.log").read_text()
    assert "apim_authorizer_redis_up 1" in site.authorizers[1].client.get("/metrics").text
    admin = site.envoys[0].admin_url
    stats = httpx.get(f"{admin}/stats", params={"filter": "authorizer|lua"}).text
    assert counter(stats, "cluster.apim-authorizer.upstream_rq_timeout") > 0
    assert counter(stats, "http.gateway.lua.errors") == 0


def counter(stats, name):
    return int(re.search(rf"^{re.escape(name)}: (\d+)$", stats, re.MULTILINE)[1])


def revoke(key):
    """By the service that the page calls. Tells when gateways can know of it."""
    with contextlib.suppress(DomainError):
        keys.revoke_key(actor=SYSTEM, key=key)
    return time.monotonic()


def is_used_up(calls):
    return len(calls) > 5 and all(call.status == 429 for call in calls[-5:])
