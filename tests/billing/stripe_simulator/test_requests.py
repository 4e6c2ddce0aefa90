"""How Stripe's API behaves whatever is asked: keys, errors, idempotency, lists, expanding."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from billing.stripe_simulator.engine import prune
from tests.billing.stripe_simulator.shop import at
from tests.deadline import eventually


def test_a_wrong_key_is_refused(sim):
    with pytest.raises(stripe.AuthenticationError) as refused:
        sim.client_of("sk_test_of_somebody_else").v1.customers.list()
    assert refused.value.http_status == 401
    assert "somebody" not in str(refused.value)


def test_another_api_version_is_refused(sim):
    status, body = sim.request("GET", "/v1/customers", Stripe_Version="2020-08-27")
    assert (status, json.loads(body)["error"]["code"]) == (400, "not_simulated")


def test_every_answer_carries_a_request_id_and_the_version(v1):
    headers = v1.customers.create({}).last_response.headers
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == "2026-10-28.endive"


def test_errors_have_stripes_shape(v1):
    with pytest.raises(stripe.InvalidRequestError) as missing:
        v1.customers.retrieve("cus_none")
    error = missing.value
    assert (error.http_status, error.code, error.param) == (404, "resource_missing", "id")
    assert error.user_message == "No such customer: 'cus_none'"
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        v1.topups.list()


@pytest.mark.parametrize(
    ("given", "code", "param"),
    [
        ({"colour": "red"}, "parameter_unknown", "colour"),
        ({"address": {"planet": "Mars"}}, "parameter_unknown", "address[planet]"),
        ({"balance": "much"}, None, "balance"),
        ({"tax_exempt": "perhaps"}, None, "tax_exempt"),
        ({"cash_balance": {}}, None, None),
        ({"source": "tok_visa"}, "not_simulated", "source"),
    ],
)
def test_parameters_are_held_to_the_sdks_types(v1, given, code, param):
    if given == {"cash_balance": {}}:  # an empty object leaves nothing in a form
        v1.customers.create(given)
        return
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.customers.create(given)
    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        code,
        param,
    )


def test_a_required_parameter_is_missed_by_name(v1):
    with pytest.raises(stripe.InvalidRequestError, match="Missing required param: name"):
        v1.products.create({})


def test_nested_parameters_arrive_as_they_were_sent(v1):
    customer = v1.customers.create(
        {
            "address": {"city": "Kiel", "country": "DE"},
            "preferred_locales": ["de", "en"],
            "metadata": {"a": "1", "b": "&=[]"},
        }
    )
    assert customer.address.to_dict()["city"] == "Kiel"
    assert customer.preferred_locales == ["de", "en"]
    assert customer.metadata.to_dict() == {"a": "1", "b": "&=[]"}


def test_metadata_is_merged_and_emptied_by_key_and_as_a_whole(v1):
    customer = v1.customers.create({"metadata": {"a": "1", "b": "2"}})
    changed = v1.customers.update(customer.id, {"metadata": {"a": "", "c": "3"}})
    assert changed.metadata.to_dict() == {"b": "2", "c": "3"}
    assert v1.customers.update(customer.id, {"metadata": ""}).metadata.to_dict() == {}


@pytest.mark.parametrize(
    "metadata",
    [{"k" * 41: "v"}, {"k": "v" * 501}, {str(i): "v" for i in range(51)}],
    ids=["long key", "long value", "many keys"],
)
def test_metadata_has_its_limits(v1, metadata):
    with pytest.raises(stripe.InvalidRequestError, match=r"[Mm]etadata"):
        v1.customers.create({"metadata": metadata})


def test_the_same_idempotency_key_gives_the_same_answer_once(v1):
    options = {"idempotency_key": "k1"}
    first = v1.customers.create({"name": "Ada"}, options)
    again = v1.customers.create({"name": "Ada"}, options)
    assert again.id == first.id
    assert again.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(v1.customers.list().data) == 1


def test_an_idempotency_key_with_other_parameters_is_an_error(v1):
    v1.customers.create({"name": "Ada"}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError) as refused:
        v1.customers.create({"name": "Bob"}, {"idempotency_key": "k1"})
    assert refused.value.http_status == 400


def test_a_failure_that_was_begun_is_replayed_and_a_bad_parameter_is_not(v1):
    options = {"idempotency_key": "k2"}
    with pytest.raises(stripe.InvalidRequestError):
        v1.products.create({"name": "A", "colour": "red"}, options)
    assert v1.products.create({"name": "A", "id": "p1"}, options).id == "p1"
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError, match="already exists"):
            v1.products.create({"name": "B", "id": "p1"}, {"idempotency_key": "k3"})


def test_an_idempotency_key_is_free_again_after_a_day(sim, v1):
    sim.clock(frozen_at=at("2026-03-01"))
    first = v1.customers.create({}, {"idempotency_key": "k"})
    sim.clock(advance_seconds=86_401)
    assert v1.customers.create({}, {"idempotency_key": "k"}).id != first.id


def test_an_answer_that_was_lost_is_given_to_the_retry_without_doing_it_twice(sim, v1):
    sim.order("fail_requests", match="POST /v1/customers", after=True)
    client = sim.client_of("sk_test_simulator", max_network_retries=2)
    made = client.v1.customers.create({"name": "Ada"})
    assert [c.id for c in v1.customers.list().data] == [made.id]


def test_lists_are_newest_first_and_walked_by_cursor(v1):
    ids = [v1.customers.create({"name": str(i)}).id for i in range(7)]
    page = v1.customers.list({"limit": 3})
    assert [c.id for c in page.data] == ids[:3:-1]
    assert page.has_more
    assert [c.id for c in page.auto_paging_iter()] == ids[::-1]
    rest = v1.customers.list({"limit": 3, "starting_after": ids[2]})
    assert ([c.id for c in rest.data], rest.has_more) == ([ids[1], ids[0]], False)
    before = v1.customers.list({"limit": 2, "ending_before": ids[3]})
    assert [c.id for c in before.data] == [ids[5], ids[4]]


def test_a_list_takes_one_to_a_hundred_and_knows_its_cursor(v1):
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError, match="between 1 and 100"):
            v1.customers.list({"limit": limit})
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        v1.customers.list({"starting_after": "cus_none"})


def test_lists_filter_by_time_of_creation(sim, v1):
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        sim.clock(frozen_at=at(day))
        v1.customers.create({"name": day})
    window = {"gte": at("2026-01-02"), "lt": at("2026-01-03")}
    assert [c.name for c in v1.customers.list({"created": window}).data] == ["2026-01-02"]


def test_ids_become_objects_where_they_are_expanded(shop, v1):
    subscription = shop.subscribe(shop.customer(), shop.flat())
    assert isinstance(subscription.customer, str)
    path = ["customer", "latest_invoice.customer", "items.data.price.product"]
    opened = v1.subscriptions.retrieve(subscription.id, {"expand": path})
    assert opened.customer.email == "ada@example.com"
    assert opened.latest_invoice.customer.id == subscription.customer
    assert opened["items"].data[0].price.product.name == "Tides"
    listed = v1.subscriptions.list({"expand": ["data.customer"]})
    assert listed.data[0].customer.email == "ada@example.com"


@pytest.mark.parametrize("path", ["email", "nothing", "a.b.c.d.e", "data.customer"])
def test_what_cannot_be_expanded_is_an_error(v1, path):
    customer = v1.customers.create({"email": "a@example.com"})
    with pytest.raises(stripe.InvalidRequestError, match="expand"):
        v1.customers.retrieve(customer.id, {"expand": [path]})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [({"calls_per_second": 3}, "global-rate"), ({"calls_per_second_each": 3}, "endpoint-rate")],
)
def test_rate_limits_hold_on_demand_and_say_which(sim, v1, settings, reason):
    sim.order("settings", **settings)

    def hurry():
        for _ in range(200):
            v1.customers.list()

    with pytest.raises(stripe.RateLimitError) as refused:
        hurry()
    assert (refused.value.http_status, refused.value.error.code) == (429, "rate_limit")
    assert refused.value.headers["Stripe-Rate-Limited-Reason"] == reason
    assert sim.order("calls", method="GET")[reason] == 1


def test_the_same_seed_gives_the_same_ids(sim, v1):
    ids = []
    for seed in ("a", "a", "b"):
        sim.order("reset", seed=seed)
        ids.append(v1.customers.create({}).id)
    assert ids[0] == ids[1] != ids[2]


def test_a_request_that_fails_half_way_leaves_nothing_behind(shop, v1):
    customer = shop.customer(card=None)
    bad = {"customer": customer.id, "items": [{"price": shop.flat()}, {"price": "price_none"}]}
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        v1.subscriptions.create(bad)
    assert v1.subscriptions.list({"status": "all"}).data == []
    assert not shop.events("customer.subscription.created")


def test_the_control_api_wants_the_key(sim):
    assert sim.request("POST", "/_simulator/reset", "{}", Authorization="Bearer x")[0] == 401
    assert sim.request("POST", "/_simulator/nothing", "{}")[0] == 404


def test_a_key_in_use_is_a_conflict(shop):
    """Two requests at once with one key: the meter's lock keeps the first one busy."""
    customer = shop.customer()
    shop.meter()
    shop.sim.order("settings", meter_event_seconds=1)
    body = f"event_name=calls&payload[stripe_customer_id]={customer.id}&payload[value]=1"

    def post():
        answer = shop.sim.request("POST", "/v1/billing/meter_events", body, Idempotency_Key="same")
        return answer[0]

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(post)
        eventually(lambda: shop.sim.simulator.api.in_flight, every=0.002)
        assert post() == 409
        assert first.result() == 200
    assert post() == 200  # the answer of the first, once more


def test_what_stripe_would_not_answer_any_more_is_forgotten(sim, v1):
    sim.clock(frozen_at=at("2026-01-01"))
    v1.customers.create({}, {"idempotency_key": "old"})
    sim.clock(frozen_at=at("2026-03-01"))
    v1.customers.create({}, {"idempotency_key": "new"})
    assert len(v1.events.list().data) == 1
    kinds = ("customer", "event", "_idempotency")
    assert sim.inside(lambda w: [w.store.count(kind) for kind in kinds]) == [2, 2, 2]
    sim.inside(prune)
    assert sim.inside(lambda w: [w.store.count(kind) for kind in kinds]) == [2, 1, 1]


@pytest.mark.parametrize(
    ("what", "given", "code", "param"),
    [
        ("prices", {"product": "p", "currency": "xxx", "unit_amount": 1}, None, "currency"),
        ("customers", {"email": "nonsense"}, "email_invalid", "email"),
        (
            "checkout.sessions",
            {"mode": "setup", "currency": "eur", "success_url": "/back"},
            "url_invalid",
            "success_url",
        ),
        (
            "checkout.sessions",
            {
                "mode": "setup",
                "currency": "eur",
                "success_url": "https://a.example",
                "customer_update": {"address": "auto"},
            },
            None,
            "customer_update",
        ),
    ],
)
def test_values_that_stripe_takes_nowhere_are_refused(v1, what, given, code, param):
    service = v1
    for name in what.split("."):
        service = getattr(service, name)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        service.create(given)
    assert (refused.value.code, refused.value.param) == (code, param)


def test_searching_is_not_simulated_and_says_so(v1):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.invoices.search({"query": "status:'open'"})
    assert refused.value.code == "not_simulated"


def test_an_item_goes_on_an_invoice_of_its_own_customer_only(shop, v1):
    invoice = v1.invoices.create({"customer": shop.customer().id, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match="another customer"):
        v1.invoice_items.create(
            {"customer": shop.customer().id, "invoice": invoice.id, "amount": 5, "currency": "eur"}
        )
