"""Support decides on subscriptions, suspends organizations and revokes keys."""

import pytest
from django.urls import reverse


def test_a_waiting_subscription_is_counted_in_the_menu_and_approved(installation, sam_client):
    page = sam_client.get(reverse("dashboard:subscriptions"))
    menu = {str(item.label): item.count for part in page.context["nav"] for item in part.items}
    assert menu["Subscriptions"] == 1
    assert sam_client.post(installation.url("subscription-approve")).status_code == 302
    installation.pending.refresh_from_db()
    assert installation.pending.state == "active"


def test_rejecting_needs_a_reason_that_the_developer_reads(installation, sam_client):
    url = installation.url("subscription-reject")
    assert sam_client.post(url, {"note": " "}).status_code == 422
    assert sam_client.post(url, {"note": "Tell us your volume first."}).status_code == 302
    installation.pending.refresh_from_db()
    assert installation.pending.state == "rejected"
    assert installation.pending.decision_note == "Tell us your volume first."


def test_a_subscription_is_suspended_and_resumed(installation, sam_client):
    subscription = installation.subscription
    for page, state in (("suspend", "suspended"), ("resume", "active")):
        sam_client.post(reverse(f"dashboard:subscription-{page}", args=[subscription.public_id]))
        subscription.refresh_from_db()
        assert subscription.state == state


@pytest.mark.parametrize(
    ("query", "found"),
    [("?state=pending", {"Fleet"}), ("?q=board", {"Harbour board"}), ("?q=nobody", set())],
)
def test_subscriptions_are_found_by_state_and_name(installation, sam_client, query, found):
    page = sam_client.get(reverse("dashboard:subscriptions") + query)
    assert {row.application.name for row in page.context["page"]} == found


def test_a_suspended_organization_says_what_it_means_and_can_return(installation, sam_client):
    installation.call(4)
    assert (
        "4 calls today" in sam_client.get(installation.url("organization-suspend")).content.decode()
    )
    sam_client.post(installation.url("organization-suspend"))
    installation.organization.refresh_from_db()
    assert installation.organization.state == "suspended"
    assert (
        "All its keys are refused"
        in sam_client.get(installation.url("organization")).content.decode()
    )
    sam_client.post(installation.url("organization-activate"))
    installation.organization.refresh_from_db()
    assert installation.organization.state == "active"


def test_revoking_a_key_names_it_and_the_calls_that_will_fail(installation, sam_client):
    installation.call(2)
    url = installation.url("key-revoke")
    question = sam_client.get(url).content.decode()
    assert str(installation.key) in question
    assert "2 calls today" in question
    sam_client.post(url)
    installation.key.refresh_from_db()
    assert installation.key.status == "revoked"


def test_only_finance_sees_an_organizations_charges(installation, sam_client, fiona_client):
    installation.call(5)
    url = installation.url("organization")
    assert sam_client.get(url).context["charges"] is None
    charges = fiona_client.get(url).context["charges"]
    assert [str(total.amount) for total in charges.totals] == ["0.75"]
    assert "Suspend" not in fiona_client.get(url).content.decode()


def test_organizations_are_found_by_name(installation, charlies, sam_client):
    page = sam_client.get(reverse("dashboard:organizations") + "?q=charlie")
    assert [row.name for row in page.context["page"]] == ["Charlie's"]
