"""What visitors find, and what they do not."""

import pytest

from apim.catalog import selectors, services
from apim.core.errors import NotFound
from tests.apim.catalog.openapi.documents import as_json, tides


def make_api(pia, title, *, publish=True, tags=(), **paths):
    document = tides()
    document["info"] |= {"title": title, "description": f"About {title}."}
    document["paths"] |= {"/" + name: item for name, item in paths.items()}
    api = services.create_api(actor=pia, raw=as_json(document), tags=tags)
    if publish:
        services.publish_version(actor=pia, version=api.versions.get())
    return api


def test_only_apis_with_a_callable_version_are_in_the_catalog(db, pia):
    shown = make_api(pia, "Shown")
    make_api(pia, "Draft", publish=False)
    gone = make_api(pia, "Gone")
    services.retire_version(actor=pia, version=gone.versions.get())
    assert list(selectors.catalog_apis()) == [shown]
    for slug in ("draft", "gone", "missing"):
        with pytest.raises(NotFound):
            selectors.get_published_api(slug)
    assert selectors.get_published_api("shown") == shown


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Moon", "Sun", "Sunset"]),
        ("sun", ["Sun", "Sunset"]),
        ("MOON", ["Moon"]),
        ("about moon", ["Moon"]),
        ("astro", ["Moon", "Sun"]),
        ("phases", ["Moon"]),
        ("list_tides sunset", ["Sunset"]),
        ("sun nothing", []),
        ("%", []),
        ("_", ["Moon", "Sun", "Sunset"]),
        ("\0", ["Moon", "Sun", "Sunset"]),
        ("'; drop", []),
    ],
)
def test_every_word_of_a_search_must_occur(db, pia, query, expected):
    make_api(pia, "Sunset")
    make_api(pia, "Sun", tags=["Astronomy"])
    make_api(pia, "Moon", tags=["Astronomy"], phases={"get": {"responses": {}}})
    assert [a.name for a in selectors.catalog_apis(query=query)] == expected


def test_the_search_knows_nothing_of_drafts(api, published, pia):
    document = tides()
    document["paths"]["/secret-plans"] = {"get": {"responses": {}}}
    services.create_version(actor=pia, api=api, raw=as_json(document), name="v2")
    assert not selectors.catalog_apis(query="secret-plans").exists()
    assert selectors.api_list(query="secret-plans").exists()


def test_names_that_begin_like_the_query_come_first(db, pia):
    for title in ("A sun clock", "Sundial"):
        make_api(pia, title)
    make_api(pia, "A moon", sunny={"get": {"responses": {}}})
    assert [a.name for a in selectors.catalog_apis(query="sun")] == [
        "Sundial",
        "A sun clock",
        "A moon",
    ]


def test_tags_filter_and_are_counted(db, pia):
    make_api(pia, "Sun", tags=["Sky", "Light"])
    make_api(pia, "Moon", tags=["Sky"])
    make_api(pia, "Draft", publish=False, tags=["Sky", "Hidden"])
    assert [a.name for a in selectors.catalog_apis(tags=["Sky", "Light"])] == ["Sun"]
    assert [(t.tag, t.count) for t in selectors.catalog_tags()] == [("Light", 1), ("Sky", 2)]


def test_callable_versions_come_newest_first_with_deprecated_ones_last(api, published, pia, raw):
    second = services.create_version(actor=pia, api=api, raw=raw, name="v2")
    third = services.create_version(actor=pia, api=api, raw=raw, name="v3")
    services.create_version(actor=pia, api=api, raw=raw, name="v4")
    services.publish_version(actor=pia, version=second)
    services.publish_version(actor=pia, version=third)
    services.deprecate_version(actor=pia, version=third)
    found = selectors.get_published_api("tides")
    assert [v.name for v in found.callable_versions] == ["v2", "v1", "v3"]
    assert found.operation_count == 3
    assert selectors.get_published_version(api) == second
    assert selectors.get_published_version(api, "v3") == third
    with pytest.raises(NotFound):
        selectors.get_published_version(api, "v4")


def test_operations_are_searched_and_grouped(published):
    groups = selectors.operations_by_tag(published)
    assert [(g.tag, [str(o) for o in g.operations]) for g in groups] == [
        ("Tides", ["GET /tides"]),
        ("", ["POST /tides", "GET /tides/{port}"]),
    ]
    assert [str(o) for o in selectors.operations_of(published, query="post tides")] == [
        "POST /tides"
    ]


def test_offers_hold_published_plans_of_published_products_only(api, published, product, pia):
    plan = services.create_plan(
        actor=pia, product=product, name="Pro", limits=[("month", 9), ("second", 1)]
    )
    services.create_plan(actor=pia, product=product, name="Draft")
    assert selectors.offers_for(api) == ()
    services.publish_product(actor=pia, product=product)
    assert selectors.offers_for(api) == ()
    with pytest.raises(NotFound):
        selectors.get_published_plan(plan.public_id)
    services.publish_plan(actor=pia, plan=plan)
    for subject in (api, published):
        (offer,) = selectors.offers_for(subject)
        assert (offer.product, offer.plans, offer.versions) == (product, (plan,), (published,))
        assert [x.window for x in offer.plans[0].limits.all()] == ["second", "month"]
    assert selectors.get_published_plan(plan.public_id) == plan
    assert selectors.get_published_product("harbour").published_plans == [plan]
    services.retire_product(actor=pia, product=product)
    assert selectors.offers_for(api) == ()
    with pytest.raises(NotFound):
        selectors.get_published_product("harbour")


def test_the_catalog_costs_the_same_queries_however_many_apis(db, pia, django_assert_num_queries):
    for number in range(5):
        make_api(pia, f"Api {number}")
    with django_assert_num_queries(2):
        for api in selectors.catalog_apis():
            assert [v.listen_path for v in api.callable_versions]


def test_staff_lists_count_versions_operations_and_plans(api, published, product, pia, raw):
    services.create_version(actor=pia, api=api, raw=raw, name="v2")
    services.create_plan(actor=pia, product=product, name="Free")
    services.create_plan(actor=pia, product=product, name="Pro")
    (row,) = selectors.api_list()
    assert (row.version_count, row.published_count, row.operation_count) == (2, 1, 3)
    assert list(selectors.api_list(state="retired")) == []
    (row,) = selectors.product_list(query="harb")
    assert (row.version_count, row.plan_count) == (1, 2)
    assert [p.name for p in selectors.plans_of(product)] == ["Free", "Pro"]
    assert [(v.name, v.operation_count, v.revision_count) for v in selectors.versions_of(api)] == [
        ("v2", 3, 1),
        ("v1", 3, 1),
    ]


@pytest.mark.parametrize(
    "getter",
    [
        selectors.get_api,
        selectors.get_api_by_slug,
        selectors.get_version,
        selectors.get_product,
        selectors.get_plan,
        selectors.get_operation,
    ],
)
def test_what_is_missing_is_not_found(db, getter):
    with pytest.raises(NotFound):
        getter("nothing")
