"""Products bundle versions; plans carry limits."""

import pytest

from apim.catalog import services
from apim.catalog.errors import LimitsInvalid, NameTaken, NothingToPublish, WrongState
from apim.catalog.models import Plan
from apim.core.errors import InvalidInput


def test_a_product_is_created_published_and_retired(pia, published, news, actions):
    product = services.create_product(
        actor=pia, name=" The  Harbour ", summary="All of it", versions=[published, published]
    )
    assert (product.name, product.slug, product.state) == ("The Harbour", "the-harbour", "draft")
    assert list(product.versions.all()) == [published]
    services.publish_product(actor=pia, product=product)
    services.retire_product(actor=pia, product=product)
    assert product.state == "retired"
    assert [a[0] for a in actions(product)] == [
        "product.created",
        "product.published",
        "product.retired",
    ]
    assert news() == [("product.changed", {"product_id": product.pk})] * 3


def test_an_empty_product_is_not_published(db, pia):
    product = services.create_product(actor=pia, name="Empty")
    with pytest.raises(NothingToPublish):
        services.publish_product(actor=pia, product=product)


def test_a_published_product_is_not_emptied(product, pia):
    services.publish_product(actor=pia, product=product)
    with pytest.raises(NothingToPublish):
        services.update_product(actor=pia, product=product, versions=[])
    assert product.versions.count() == 1


def test_versions_of_a_product_are_replaced_and_audited(product, api, pia, raw, news, actions):
    second = services.create_version(actor=pia, api=api, raw=raw, name="v2")
    services.update_product(actor=pia, product=product, name="Port", versions=[second])
    assert list(product.versions.all()) == [second]
    assert [a[0] for a in actions(product)][-2:] == ["product.updated", "product.versions_changed"]
    assert actions(product)[-1][1:] == ({"versions": ["Tides v1"]}, {"versions": ["Tides v2"]})
    told = len(news())
    services.update_product(actor=pia, product=product, name="Port", versions=[second])
    assert len(news()) == told


def test_a_retired_version_may_stay_but_not_be_added(product, published, pia):
    services.retire_version(actor=pia, version=published)
    services.update_product(actor=pia, product=product, versions=[published])
    with pytest.raises(InvalidInput):
        services.create_product(actor=pia, name="Other", versions=[published])


def test_a_retired_product_takes_no_change_and_no_plan(product, pia):
    services.retire_product(actor=pia, product=product)
    with pytest.raises(WrongState):
        services.update_product(actor=pia, product=product, name="X")
    with pytest.raises(WrongState):
        services.create_plan(actor=pia, product=product, name="X")
    services.publish_product(actor=pia, product=product)
    with pytest.raises(WrongState):
        services.publish_product(actor=pia, product=product)


def test_a_slug_that_is_taken_is_refused(product, pia):
    with pytest.raises(NameTaken):
        services.create_product(actor=pia, name="Else", slug="harbour")
    services.create_plan(actor=pia, product=product, name="Free")
    with pytest.raises(NameTaken):
        services.create_plan(actor=pia, product=product, name="Else", slug="free")
    assert services.create_plan(actor=pia, product=product, name="Free").slug == "free-2"


def test_a_plan_has_several_limits_from_second_to_month(product, pia, news, actions):
    plan = services.create_plan(
        actor=pia,
        product=product,
        name="Pro",
        approval="manual",
        limits=[("month", 500_000), ("second", 5), ("day", 20_000)],
    )
    assert (plan.state, plan.approval, plan.position) == ("draft", "manual", 0)
    assert {x.window: x.quota for x in plan.limits.all()} == {
        "second": 5,
        "day": 20_000,
        "month": 500_000,
    }
    assert actions(plan)[0][2]["limits"] == {
        "second": "5 per second",
        "day": "20000 per day",
        "month": "500000 per month",
    }
    assert news()[-1] == ("plan.changed", {"plan_id": plan.pk})
    assert services.create_plan(actor=pia, product=product, name="More").position == 1


def test_limits_are_replaced_and_those_that_stay_keep_their_row(product, pia, news, actions):
    plan = services.create_plan(
        actor=pia, product=product, name="Pro", limits=[("second", 5), ("day", 100)]
    )
    second = plan.limits.get(window="second").pk
    limits = services.set_limits(actor=pia, plan=plan, limits=[("month", 900), ("second", 7)])
    assert [(x.window, x.quota) for x in limits] == [("second", 7), ("month", 900)]
    assert limits[0].pk == second
    action, before, after = actions(plan)[-1]
    assert action == "plan.limits_changed"
    assert before == {"limits": {"second": "5 per second", "day": "100 per day"}}
    assert after == {"limits": {"second": "7 per second", "month": "900 per month"}}
    told = len(news())
    services.set_limits(actor=pia, plan=plan, limits=[("second", 7), ("month", 900)])
    assert len(news()) == told
    assert services.set_limits(actor=pia, plan=plan, limits=[]) == ()


@pytest.mark.parametrize(
    "limits",
    [
        [("fortnight", 5)],
        [("day", 0)],
        [("day", -1)],
        [("day", 1.5)],
        [("day", True)],
        [("day", 2**60)],
        [("day", 5), ("day", 6)],
        [("second", 10), ("minute", 5)],
        [("month", 99), ("hour", 100)],
    ],
)
def test_limits_that_make_no_sense_are_refused(product, pia, limits):
    with pytest.raises(LimitsInvalid) as caught:
        services.create_plan(actor=pia, product=product, name="Pro", limits=limits)
    assert all(name.startswith("limits/") for name in caught.value.fields)
    plan = services.create_plan(actor=pia, product=product, name="Pro", limits=[("day", 9)])
    with pytest.raises(LimitsInvalid):
        services.set_limits(actor=pia, plan=plan, limits=limits)
    assert plan.limits.get().quota == 9


def test_a_plan_is_published_and_retired_once(product, pia, actions):
    plan = services.create_plan(actor=pia, product=product, name="Pro")
    services.publish_plan(actor=pia, plan=plan)
    with pytest.raises(WrongState):
        services.publish_plan(actor=pia, plan=plan)
    services.retire_plan(actor=pia, plan=plan)
    with pytest.raises(WrongState):
        services.retire_plan(actor=pia, plan=plan)
    assert [a[0] for a in actions(plan)] == ["plan.created", "plan.published", "plan.retired"]


def test_a_plan_is_updated_with_only_what_is_given(product, pia, actions):
    plan = services.create_plan(actor=pia, product=product, name="Pro", summary="For all")
    services.update_plan(actor=pia, plan=plan, approval="manual", position=4)
    plan.refresh_from_db()
    assert (plan.name, plan.summary, plan.approval, plan.position) == (
        "Pro",
        "For all",
        "manual",
        4,
    )
    for bad in ({"approval": "maybe"}, {"name": " "}, {"position": -1}):
        with pytest.raises(InvalidInput):
            services.update_plan(actor=pia, plan=plan, **bad)


def test_a_plan_of_a_retired_product_is_not_published(product, pia):
    services.publish_product(actor=pia, product=product)
    plan = services.create_plan(actor=pia, product=product, name="Late", limits=[("minute", 5)])
    services.retire_product(actor=pia, product=product)
    with pytest.raises(WrongState, match="retired"):
        services.publish_plan(actor=pia, plan=plan)
    assert Plan.objects.get().state == "draft"
