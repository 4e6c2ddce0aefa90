"""Publishers publish, deprecate and retire; they offer versions in products with plans."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.urls import reverse

from apim.catalog.models import Plan, Product
from apim.core import clock
from billing.models import PlanVersion
from billing.selectors import upcoming_price


def test_publishing_shows_what_will_appear_before_it_happens(installation, pia_client):
    url = installation.url("version-publish")
    page = pia_client.get(url).content.decode()
    assert "2 operations will appear" in page
    assert "/tides/{port}" in page
    assert "No product offers it yet" in page
    installation.draft.refresh_from_db()
    assert installation.draft.state == "draft"
    assert pia_client.post(url).status_code == 302
    installation.draft.refresh_from_db()
    assert installation.draft.state == "published"


def test_deprecating_warns_about_callers_and_keeps_the_day(installation, pia_client):
    installation.call(3)
    url = installation.url("version-deprecate")
    assert "1 organization called it" in pia_client.get(url).content.decode()
    day = (clock.now() + timedelta(days=30)).date()
    assert pia_client.post(url, {"sunset_on": day.isoformat()}).status_code == 302
    installation.version.refresh_from_db()
    assert (installation.version.state, installation.version.sunset_on) == ("deprecated", day)
    assert f'value="{day.isoformat()}"' in pia_client.get(url).content.decode()


def test_a_day_that_is_none_is_refused(installation, pia_client):
    answer = pia_client.post(installation.url("version-deprecate"), {"sunset_on": "31 February"})
    assert answer.status_code == 422
    installation.version.refresh_from_db()
    assert installation.version.state == "published"


def test_a_retired_version_can_be_published_again(installation, pia_client):
    pia_client.post(installation.url("version-retire"))
    installation.version.refresh_from_db()
    assert installation.version.state == "retired"
    assert "Publish again" in pia_client.get(installation.url("version")).content.decode()
    pia_client.post(installation.url("version-restore"))
    installation.version.refresh_from_db()
    assert installation.version.state == "published"


def test_a_step_that_is_impossible_says_so_and_changes_nothing(installation, pia_client):
    url = reverse("dashboard:version-retire", args=[installation.draft.public_id])
    answer = pia_client.post(url, follow=True)
    assert [message.level_tag for message in answer.context["messages"]] == ["error"]
    installation.draft.refresh_from_db()
    assert installation.draft.state == "draft"


def test_an_api_keeps_what_is_edited(installation, pia_client):
    values = {"name": "Water", "summary": "Levels", "description": "", "tags": "sea, sea, weather"}
    assert pia_client.post(installation.url("api-edit"), values).status_code == 302
    installation.api.refresh_from_db()
    assert (installation.api.name, installation.api.tags) == ("Water", ["sea", "weather"])


def test_an_upstream_may_be_a_single_word_and_must_be_an_address(installation, pia_client):
    url = installation.url("version-edit")
    values = {"upstream_url": "http://tides:9000", "timeout_seconds": 5}
    assert pia_client.post(url, values).status_code == 302
    answer = pia_client.post(url, values | {"upstream_url": "tides"})
    assert answer.status_code == 422
    assert answer.context["form"].errors["upstream_url"]
    installation.version.refresh_from_db()
    assert installation.version.upstream_url == "http://tides:9000"


def test_a_product_with_a_priced_plan_is_made_page_by_page(installation, pia_client):
    answer = pia_client.post(
        "/dashboard/products/new/", {"name": "Sea", "versions": [installation.version.pk]}
    )
    product = Product.objects.get(name="Sea")
    assert answer.url == reverse("dashboard:product", args=[product.public_id])
    answer = pia_client.post(
        reverse("dashboard:plan-new", args=[product.public_id]),
        {"name": "Team", "approval": "manual", "per_minute": 120, "per_month": 1_000_000},
    )
    plan = Plan.objects.get(name="Team")
    assert set(plan.limits.values_list("window", "quota")) == {
        ("minute", 120),
        ("month", 1_000_000),
    }
    price = {"currency": "USD", "unit_amount": "0.0004", "included_calls": 10}
    assert pia_client.post(answer.url, price).status_code == 302
    assert PlanVersion.objects.get(plan=plan).unit_amount == Decimal("0.0004")
    for page in ("plan-publish", "product-publish"):
        named = plan if page == "plan-publish" else product
        pia_client.post(reverse(f"dashboard:{page}", args=[named.public_id]))
    plan.refresh_from_db()
    product.refresh_from_db()
    assert (plan.state, product.state) == ("published", "published")


def test_limits_that_contradict_each_other_are_said_at_their_field(installation, pia_client):
    url = reverse("dashboard:plan-new", args=[installation.plan.product.public_id])
    values = {"name": "Odd", "approval": "automatic"}
    assert pia_client.post(url, values | {"per_second": 0}).status_code == 422
    answer = pia_client.post(url, values | {"per_second": 9, "per_month": 5})
    assert answer.status_code == 422
    assert answer.context["form"].errors["per_second"]
    assert not Plan.objects.filter(name="Odd").exists()


def test_editing_a_plan_leaves_its_limits_alone(installation, pia_client):
    limits = list(installation.plan.limits.values_list("window", "quota"))
    values = {"name": "Pro", "approval": "automatic", "charges_overage": "on"}
    assert pia_client.post(installation.url("plan-edit"), values).status_code == 302
    installation.plan.refresh_from_db()
    assert installation.plan.charges_overage
    assert list(installation.plan.limits.values_list("window", "quota")) == limits


def test_a_price_that_somebody_pays_is_followed_not_changed(installation, fiona_client):
    url = installation.url("plan-price")
    answer = fiona_client.post(
        url, {"currency": "EUR", "unit_amount": "0.5", "included_calls": 0}, follow=True
    )
    page = answer.content.decode()
    assert "Upcoming" in page
    assert upcoming_price(installation.plan).unit_amount == Decimal("0.5")
    assert PlanVersion.objects.filter(plan=installation.plan).count() == 2


@pytest.mark.parametrize("amount", ["-1", "free", ""])
def test_a_price_that_is_none_is_refused(installation, fiona_client, amount):
    answer = fiona_client.post(
        installation.url("plan-price"), {"currency": "EUR", "unit_amount": amount}
    )
    assert answer.status_code == 422
    assert PlanVersion.objects.filter(plan=installation.plan).count() == 1
