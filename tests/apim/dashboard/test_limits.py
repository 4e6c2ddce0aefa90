"""Publishers limit calls and set costs page by page."""

import pytest
from django.urls import reverse

from apim.catalog.models import Limit

SLIDING = {
    "kind": "sliding",
    "quota": 600,
    "every": 10,
    "window": "minute",
    "per": "key",
    "group": "",
    "is_soft": "False",
    "name": "",
}


def new_url(installation):
    return reverse("dashboard:limit-new", args=[installation.plan.public_id])


def test_a_limit_is_added_edited_and_removed_and_the_plan_says_it_in_words(
    installation, pia_client
):
    page = pia_client.post(new_url(installation), SLIDING, follow=True).content.decode()
    assert "600 calls in any 10 minutes, per API key" in page
    limit = installation.plan.limits.get(kind="sliding")
    assert (limit.every, limit.per, limit.is_soft) == (10, "key", False)

    url = reverse("dashboard:limit-edit", args=[limit.public_id])
    assert "At most 600 calls in any 10 minutes" in pia_client.get(url).content.decode()
    changed = SLIDING | {"is_soft": "True", "quota": 40, "name": "bursts"}
    assert pia_client.post(url, changed).status_code == 302
    limit.refresh_from_db()
    assert (limit.quota, limit.is_soft, limit.policy_name) == (40, True, "bursts")

    url = reverse("dashboard:limit-remove", args=[limit.public_id])
    assert "40 calls in any 10 minutes" in pia_client.get(url).content.decode()
    assert Limit.objects.filter(pk=limit.pk).exists()
    pia_client.post(url)
    assert not Limit.objects.filter(pk=limit.pk).exists()


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": "calendar"}, "every"),
        ({"kind": "concurrent", "every": 1}, "window"),
        ({"kind": "concurrent", "every": 1, "window": "", "is_soft": "True"}, "is_soft"),
        ({"window": ""}, "window"),
        ({"window": "month"}, "every"),
        ({"quota": 0}, "quota"),
        ({"group": "unheard of"}, "group"),
        ({"name": "two words"}, "name"),
    ],
)
def test_a_limit_that_cannot_be_is_said_at_its_field_and_keeps_the_input(
    installation, pia_client, change, field
):
    answer = pia_client.post(new_url(installation), SLIDING | change)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert answer.context["form"]["quota"].value() == str((SLIDING | change)["quota"])
    assert not installation.plan.limits.filter(kind=(SLIDING | change)["kind"], quota=600).exists()


def test_a_limit_that_another_forestalls_is_warned_of_and_saved(installation, pia_client):
    wide = SLIDING | {"per": "application", "quota": 10_000_000}
    page = pia_client.post(new_url(installation), wide, follow=True).content.decode()
    assert "is never reached" in page
    assert installation.plan.limits.filter(kind="sliding").exists()


def test_a_group_that_operations_lost_can_stay_when_its_limit_is_edited(installation, pia_client):
    limit = Limit.objects.create(plan=installation.plan, window="day", quota=5, group="lost")
    url = reverse("dashboard:limit-edit", args=[limit.public_id])
    values = SLIDING | {"kind": "calendar", "every": 1, "window": "day", "quota": 6}
    assert pia_client.post(url, values | {"group": "lost"}).status_code == 302
    limit.refresh_from_db()
    assert (limit.group, limit.quota) == ("lost", 6)


def test_costs_are_set_and_stand_beside_the_operations(installation, pia_client):
    operation = installation.version.operations.first()
    url = reverse("dashboard:version-cost", args=[installation.version.public_id])
    costs = {f"cost_{one.public_id}": one.cost for one in installation.version.operations.all()}
    answer = pia_client.post(url, costs | {f"cost_{operation.public_id}": 0})
    assert answer.status_code == 422
    assert pia_client.post(url, costs | {f"cost_{operation.public_id}": 25}).status_code == 302
    operation.refresh_from_db()
    assert operation.cost == 25


def test_groups_are_set_beside_the_costs_and_offered_to_limits(installation, pia_client):
    operation = installation.version.operations.first()
    url = installation.url("version-cost")
    values = {f"cost_{one.public_id}": one.cost for one in installation.version.operations.all()}
    values[f"groups_{operation.public_id}"] = "heavy, , read"
    assert pia_client.post(url, values).status_code == 302
    operation.refresh_from_db()
    assert operation.own_groups == ["heavy", "read"]
    assert "heavy, read" in pia_client.get(url).content.decode()
    assert 'value="heavy"' in pia_client.get(installation.url("limit-new")).content.decode()
    values[f"groups_{operation.public_id}"] = ", ".join(operation.tags)
    pia_client.post(url, values)
    operation.refresh_from_db()
    assert operation.own_groups is None  # as the document has them


def test_costs_of_many_operations_are_edited_page_by_page(installation, pia_client, monkeypatch):
    monkeypatch.setattr("apim.dashboard.views.limits.COSTS_PER_PAGE", 1)
    first, second = installation.version.operations.order_by("position")
    url = installation.url("version-cost")
    assert first.path in pia_client.get(url).content.decode()
    answer = pia_client.post(f"{url}?page=2", {f"cost_{second.public_id}": 9})
    assert answer.url == f"{url}?page=2"
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.cost, second.cost) == (1, 9)


def test_version_settings_say_how_calls_are_counted_and_what_happens_on_loss(
    installation, pia_client
):
    url = installation.url("version-edit")
    values = {
        "upstream_url": installation.version.upstream_url,
        "timeout_seconds": 30,
        "cost_header": "X-Cost",
        "fails_open": "on",
    }
    assert pia_client.post(url, values | {"cost_header": "no header"}).status_code == 422
    page = pia_client.post(url, values, follow=True).content.decode()
    assert "x-cost" in page
    assert "Known keys pass" in page


@pytest.mark.parametrize("name", ["limit-new", "limit-edit", "limit-remove", "version-cost"])
def test_only_publishers_change_limits_and_costs(installation, fiona_client, name):
    limit = installation.plan.limits.first()
    of = {"limit-new": installation.plan, "version-cost": installation.version}.get(name, limit)
    url = reverse(f"dashboard:{name}", args=[of.public_id])
    assert fiona_client.get(url).status_code == 404
    assert fiona_client.post(url, SLIDING).status_code == 404
