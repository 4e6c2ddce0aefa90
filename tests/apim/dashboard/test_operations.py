"""Gateways, jobs, audit, staff, and the first page."""

import hashlib
import re

import pytest
from django.urls import reverse

from apim.accounts.models import StaffRole
from apim.catalog.models import Product
from apim.core import clock
from apim.gateway.authorizer.lending import HOURS, LENT, RECALLS, RETURNED
from apim.gateway.lending import WINDOWS, Measured, _store
from apim.gateway.models import Gateway
from apim.gateway.redis_connection import connection
from apim.keys.models import Application

pytestmark = pytest.mark.django_db


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def token_in(page: str) -> str:
    found = re.search(r"gwt_[0-9A-Za-z]{43}", page)
    assert found
    return found[0]


def test_a_new_gateways_token_is_shown_once_and_never_stored(pia_client):
    answer = pia_client.post("/dashboard/gateways/new/", {"name": "Edge", "kind": "envoy"})
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store")
    token = token_in(answer.content.decode())
    gateway = Gateway.objects.get()
    assert gateway.token_hash == hash_token(token)
    detail = pia_client.get(reverse("dashboard:gateway", args=[gateway.public_id]))
    assert token not in detail.content.decode()
    assert "where &lt;token&gt; stands" in detail.content.decode()


def test_a_gateway_needs_a_name_of_its_own(installation, pia_client):
    answer = pia_client.post("/dashboard/gateways/new/", {"name": "Envoy 1", "kind": "envoy"})
    assert answer.status_code == 422
    assert Gateway.objects.count() == 1


def test_rotation_replaces_the_token_at_once(installation, pia_client):
    before = installation.gateway.token_hash
    url = installation.url("gateway-rotate")
    assert "stops at once" in pia_client.get(url).content.decode()
    answer = pia_client.post(url)
    assert answer["Cache-Control"] == "no-store"
    installation.gateway.refresh_from_db()
    assert installation.gateway.token_hash != before
    assert installation.gateway.token_hash == hash_token(token_in(answer.content.decode()))


def test_a_gateway_is_disabled_and_enabled(installation, sam_client):
    for page, state in (("disable", "disabled"), ("enable", "active")):
        sam_client.post(installation.url(f"gateway-{page}"))
        installation.gateway.refresh_from_db()
        assert installation.gateway.state == state


def test_sync_builds_the_configuration_that_the_page_then_shows(installation, pia_client):
    answer = pia_client.post(installation.url("gateway-sync"), follow=True)
    assert "/tides/v1" in answer.context["routes_text"]


def test_a_failed_job_is_listed_and_tried_again(installation, sam_client):
    listing = sam_client.get(reverse("dashboard:jobs") + "?state=failed")
    assert [entry.pk for entry in listing.context["page"]] == [installation.job.pk]
    assert "the broker was away" in listing.content.decode()
    installation.job.pending = []
    installation.job.save()
    sam_client.post(installation.url("job-retry"))
    installation.job.refresh_from_db()
    assert installation.job.delivered_at is not None


def test_a_job_that_fails_again_stays_with_its_new_reason(installation, sam_client):
    answer = sam_client.post(installation.url("job-retry"), follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    installation.job.refresh_from_db()
    assert installation.job.delivered_at is None
    assert "no_such_task" in installation.job.last_error


@pytest.mark.parametrize(
    "query", ["action=key.issued", "actor=apim", "object_id={key}", "action=key.issued&actor=apim"]
)
def test_audit_events_are_found_by_actor_action_and_object(installation, sam_client, query):
    query = query.format(key=installation.key.public_id)
    page = sam_client.get(f"{reverse('dashboard:audit')}?{query}")
    events = [row.event for row in page.context["rows"]]
    assert events
    if "actor" not in query or "action" in query:
        assert {event.object_id for event in events} == {installation.key.public_id}


def test_an_audit_filter_without_a_match_offers_to_clear_it(installation, sam_client):
    page = sam_client.get(reverse("dashboard:audit") + "?actor=nobody-at-all").content.decode()
    assert "No event matches" in page
    assert "Clear filters" in page


def test_an_admin_gives_and_takes_a_staff_role(alice, olga_client):
    url = reverse("dashboard:staff-role", args=[alice.public_id])
    found = olga_client.get(reverse("dashboard:staff") + "?q=alice").context["page"]
    assert [user.pk for user in found] == [alice.pk]
    for role in (StaffRole.SUPPORT, ""):
        assert olga_client.post(url, {"role": role}).status_code == 302
        alice.refresh_from_db()
        assert alice.staff_role == role
    assert olga_client.post(url, {"role": "king"}).status_code == 422


def test_an_empty_installation_lists_the_first_steps(pia_client):
    page = pia_client.get(reverse("dashboard:overview"))
    assert page.context["first_steps"].current == "api"
    assert reverse("dashboard:api-new") in page.content.decode()


def test_the_first_steps_go_on_to_what_is_still_missing(installation, pia_client, fiona_client):
    steps = pia_client.get(reverse("dashboard:overview")).context["first_steps"]
    assert (steps.has_api, steps.has_plan, steps.current) == (True, True, "gateway")
    installation.call()  # the gateway is heard of
    assert fiona_client.get(reverse("dashboard:overview")).context["first_steps"] is None
    assert pia_client.get(reverse("dashboard:overview")).context["first_steps"] is None


@pytest.fixture
def lent(installation):
    """What authorizers and the measuring task leave in Redis."""
    store = connection()
    store.delete(*[*store.scan_iter("x:lending:*"), WINDOWS])
    hour = int(clock.now().timestamp()) // 3600 * 3600
    store.hset(f"{HOURS}{hour}", mapping={LENT: 1200, RETURNED: 300, RECALLS: 1})
    application, product = Application.objects.first(), Product.objects.first()
    counter = f"c:{application.public_id}:{product.public_id}:fixed-5-minute@Search"
    _store(Measured(counter, 10_000, 9_950, hour - 300, hour))
    yield application
    store.delete(*store.scan_iter("x:lending:*"))


def test_gateway_page_says_what_lending_cost(installation, pia_client, lent):
    page = pia_client.get(installation.url("gateway")).text
    text = " ".join(re.sub(r"<[^>]*>", " ", page).split())

    assert "Lent 1,200 Given back 300 (25" in text
    assert "One window of a hard limit was used up. Of its 10,000 calls 9,950 were made; 50" in text
    assert f"{lent.name}, " in text
    assert "for operations in the group “Search”" in text


def test_gateway_page_without_figures_of_lending_says_that_nobody_was_refused(
    installation, pia_client
):
    store = connection()
    for name in store.scan_iter("x:lending:*"):
        store.delete(name)
    page = pia_client.get(installation.url("gateway")).text
    assert "so lending refused nobody" in page
    Gateway.objects.update(kind="kong")  # asks about each call
    assert "Calls lent in advance" not in pia_client.get(installation.url("gateway")).text
