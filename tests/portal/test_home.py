"""A developer's home leads to the first answered call, then shows what matters."""

from datetime import date, timedelta

from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.core import clock
from apim.keys import services as keys


def current_step(client):
    return client.get("/").context["progress"].current


def test_the_steps_follow_what_has_been_done(alice_client, acme, paid, call):
    assert current_step(alice_client) == "application"
    board = keys.create_application(actor=SYSTEM, organization=acme, name="Board")
    assert current_step(alice_client) == "subscription"
    subscription = keys.subscribe(actor=SYSTEM, application=board, plan=paid)
    assert current_step(alice_client) == "key"
    page = alice_client.get("/").text
    assert reverse("portal:key-issue", args=[board.public_id]) in page
    key = keys.issue_key(actor=SYSTEM, application=board).key
    assert current_step(alice_client) == "call"
    call(key, subscription, status=401)
    assert current_step(alice_client) == "call"
    call(key, subscription)
    page = alice_client.get("/")
    assert page.context["progress"].is_done
    assert "Four steps to an answer" not in page.text


def test_keys_that_end_soon_are_named_until_they_are_rotated(alice_client, board, alice_actor):
    soon = keys.issue_key(
        actor=SYSTEM, application=board, name="Ends", expires_at=clock.now() + timedelta(days=5)
    ).key
    keys.issue_key(actor=SYSTEM, application=board, name="Stays")
    assert [key.name for key in alice_client.get("/").context["expiring"]] == ["Ends"]
    keys.rotate_key(actor=alice_actor, key=soon, grace=timedelta(hours=1))
    assert [key.pk for key in alice_client.get("/").context["expiring"]] != [soon.pk]


def test_deprecations_are_told_to_those_who_call(alice_client, tides, subscription, key, call):
    catalog.deprecate_version(actor=SYSTEM, version=tides, sunset_on=date(2031, 5, 1))
    assert "deprecated" not in alice_client.get("/").text
    call(key, subscription)
    assert "may stop answering from 1 May 2031" in alice_client.get("/").text


def test_a_waiting_and_a_refused_subscription_are_told(alice_client, acme, board, gated):
    waiting = keys.subscribe(actor=SYSTEM, application=board, plan=gated)
    assert "waits for approval" in alice_client.get("/").text
    keys.reject_subscription(actor=SYSTEM, subscription=waiting, note="Not yet")
    page = alice_client.get("/").text
    assert "was refused" in page
    assert "Not yet" in page


def test_only_those_who_pay_see_charges(alice_client, bob_client, subscription, key, call):
    call(key, subscription, times=1100)
    assert "€0.20" in alice_client.get("/").text
    assert "€0.20" not in bob_client.get("/").text


def test_home_shows_nothing_of_a_neighbour(charlie_client, subscription, key, call):
    call(key, subscription, times=9)
    page = charlie_client.get("/")
    assert page.context["totals"].calls == 0
    assert "Harbour board" not in page.text


def test_a_person_without_an_organization_sees_the_catalog(olga_client, tides):
    page = olga_client.get("/")
    assert page.status_code == 200
    assert "High and low water at any port" in page.text
