"""Many keys and applications on one limit, over several Envoys: all of it can be had, no more."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.conf import settings
from django.utils import timezone

from apim.catalog.models import Limit
from apim.gateway import grants
from apim.keys.models import ApiKey, Application, Subscription
from tests.apim.gateway.in_envoy.calling import warm_up
from tests.apim.gateway.stage import Authorizer
from tests.apim.gateway.world import make_key
from tests.deadline import eventually

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]

APPLICATIONS = 20


def call(world, secrets, *, threads=6, each=1):
    """Call with every key in turn over fresh connections, which the kernel spreads over workers."""
    url = f"http://127.0.0.1:{settings.APIM_GATEWAY_PORT}{world.path}"

    def some(secret):
        headers = {"authorization": f"Bearer {secret}"}
        with httpx.Client(headers=headers, timeout=10) as client:
            return [client.get(url).status_code for _ in range(each)]

    with ThreadPoolExecutor(threads) as pool:
        return [status for part in pool.map(some, secrets) for status in part]


def more_applications(world):
    """Applications of the same organization on the same plan, and a key of each."""
    secrets = []
    for number in range(APPLICATIONS):
        application = Application.objects.create(
            organization=world.organization, name=f"Harbor app {number}"
        )
        Subscription.objects.create(
            organization=world.organization,
            application=application,
            plan=world.plan,
            product=world.product,
            state="active",
            activated_at=timezone.now(),
        )
        secrets.append(make_key(application)[1])
    grants.project_all()
    return secrets


def limit_organization(world, quota):
    Limit.objects.filter(plan=world.plan).update(window="day", quota=quota, per="organization")
    grants.project_plan(world.plan.pk)


def test_limit_that_many_keys_share_is_used_up_and_never_exceeded(
    start, authorizer, second_authorizer, world, upstream
):
    """Every application's pool at every worker holds calls when one of them goes on alone."""
    quota = 1000
    limit_organization(world, quota * 100)
    secrets = more_applications(world)
    start(authorizer.url, workers=2)
    start(second_authorizer.url, workers=2)
    statuses = call(world, secrets * 12, each=2)
    # What is lent of the large limit is half of the small one.
    limit_organization(world, quota)
    give_up_at = time.monotonic() + 60
    refused_since = None
    while time.monotonic() < give_up_at:
        some = call(world, [world.secret] * 12, each=5)
        statuses += some
        if 200 in some:
            refused_since = None
        elif refused_since is None:
            refused_since = time.monotonic()
        elif time.monotonic() - refused_since > 1.5:
            break
    assert set(statuses) <= {200, 429, 503}  # a busy machine may answer a question too late
    accepted = statuses.count(200)
    assert accepted == upstream.calls
    assert quota * 0.99 <= accepted <= quota


def test_revoked_key_passes_no_longer_when_the_authorizer_restarts_meanwhile(
    start, world, folder, store
):
    own = Authorizer(folder, redis_url=settings.REDIS_URL, name="restarts")
    envoy = start(own.url)
    warm_up(envoy, world)
    own.kill()
    ApiKey.objects.filter(pk=world.key.pk).update(state="revoked")
    grants.project_key(world.key.pk)
    revoked_at = time.monotonic()
    again = Authorizer(folder, redis_url=settings.REDIS_URL, name="restarts", port=own.port)
    try:
        passed_at = []

        def is_refused_for_good():
            called_at = time.monotonic()
            status = envoy.status(world.path, world.bearer())
            if status == 200:
                passed_at.append(called_at)
            return status == 401

        eventually(is_refused_for_good)
        assert all(at - revoked_at < 1 for at in passed_at)
        assert envoy.status(world.path, world.bearer()) == 401
    finally:
        again.stop()
