"""Sections 4 and 6: periods, usage in arrears, proration, trials, pausing, the end; on test clocks."""

import pytest
import stripe

from tests.billing.stripe_simulator.shop import at
from tests.deadline import eventually


def _lines(invoice):
    return [(line.description, line.amount) for line in invoice.lines.data]


def test_fields_are_where_the_pinned_version_has_them(shop):
    subscription = shop.subscribe(shop.customer(), shop.flat())
    assert "current_period_end" not in subscription
    assert subscription["items"].data[0].current_period_end > subscription.start_date
    assert subscription.billing_mode.type == "flexible"
    (invoice,) = shop.v1.invoices.list().data
    assert invoice.parent.subscription_details.subscription == subscription.id
    assert "subscription" not in invoice
    assert "payment_intent" not in invoice
    assert "payments" not in invoice
    opened = shop.v1.invoices.retrieve(invoice.id, {"expand": ["payments", "confirmation_secret"]})
    assert opened.payments.data[0].payment.type == "payment_intent"
    assert opened.confirmation_secret.client_secret.startswith("pi_")


def test_licensed_prices_are_billed_in_advance_and_usage_in_arrears(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    shop.subscribe(customer, shop.metered(), shop.flat(1000))
    shop.use(customer, 1000, "2026-01-01")
    shop.advance("2026-02-01 00:01")
    first, second = shop.invoices(customer)
    assert (first.status, first.total, first.billing_reason) == (
        *("paid", 1000, "subscription_create"),
    )
    assert (second.status, second.total, second.billing_reason) == (
        *("draft", 1500, "subscription_cycle"),
    )
    assert (second.period_start, second.period_end) == (at("2026-01-01"), at("2026-02-01"))
    periods = {(line.period.start, line.period.end) for line in second.lines.data}
    assert periods == {
        (at("2026-01-01"), at("2026-02-01")),
        (at("2026-02-01"), at("2026-03-01")),
    }


def test_usage_of_the_ended_period_counts_while_the_invoice_is_a_draft_and_not_after(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    shop.subscribe(customer, shop.metered())
    shop.advance("2026-02-01 00:30")
    draft = shop.invoices(customer)[-1]
    assert draft.automatically_finalizes_at == at("2026-02-01 01:00")
    shop.use(customer, 100, "2026-01-31 23:59")
    shop.use(customer, 8, "2026-02-01 00:00")  # of the next period
    assert shop.v1.invoices.retrieve(draft.id).total == 50
    shop.advance("2026-02-01 01:30")
    shop.use(customer, 100, "2026-01-31 23:59")
    closed = shop.v1.invoices.retrieve(draft.id)
    assert (closed.status, closed.total) == ("paid", 50)


def test_the_grace_before_finalisation_can_be_set(shop):
    shop.sim.order("settings", finalization_grace_seconds=86_400)
    shop.freeze("2026-01-01")
    customer = shop.customer()
    shop.subscribe(customer, shop.metered())
    shop.use(customer, 100, "2026-01-01")
    shop.advance("2026-02-01 12:00")
    assert shop.invoices(customer)[-1].status == "draft"
    shop.advance("2026-02-02 00:00")
    assert shop.invoices(customer)[-1].status == "paid"


def test_a_negative_total_of_a_period_bills_as_zero(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    shop.subscribe(customer, shop.metered())
    shop.use(customer, -500, "2026-01-01")
    shop.advance("2026-02-01 02:00")
    assert shop.invoices(customer)[-1].total == 0


def test_tiers_show_as_one_line_each(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    price = shop.graduated(
        {"up_to": 100, "unit_amount_decimal": "0"},
        {"up_to": "inf", "unit_amount_decimal": "0.25", "flat_amount": 500},
    )
    shop.subscribe(customer, price)
    shop.use(customer, 1100, "2026-01-01")
    shop.advance("2026-02-01 02:00")
    assert _lines(shop.invoices(customer)[-1]) == [
        ("100 × Tides (Tier 1)", 0),
        ("1000 × Tides (Tier 2)", 250),
        ("Tides (Tier 2 flat fee)", 500),
    ]


def test_an_invoice_shows_ten_lines_and_lists_the_rest(shop):
    customer = shop.customer()
    for number in range(13):
        shop.v1.invoice_items.create(
            {
                "customer": customer.id,
                "amount": number,
                "currency": "eur",
                "description": str(number),
            }
        )
    invoice = shop.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include"}
    )
    assert (len(invoice.lines.data), invoice.lines.has_more) == (10, True)
    every = shop.v1.invoices.line_items.list(invoice.id, {"limit": 5}).auto_paging_iter()
    assert [line.amount for line in every] == list(range(13))


@pytest.mark.parametrize(
    ("start", "ends"),
    [
        ("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30"]),
        ("2028-01-31", ["2028-02-29", "2028-03-31", "2028-04-30"]),
        ("2026-03-15 13:45", ["2026-04-15 13:45", "2026-05-15 13:45", "2026-06-15 13:45"]),
    ],
)
def test_months_end_on_the_anchors_day_or_the_months_last(shop, start, ends):
    shop.freeze(start)
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    for end in ends:
        item = shop.v1.subscriptions.retrieve(subscription.id)["items"].data[0]
        assert item.current_period_end == at(end)
        shop.advance(end)


def test_a_cycle_can_be_anchored_to_a_day_with_the_first_part_prorated(shop):
    shop.freeze("2026-01-16 12:00")
    customer = shop.customer()
    config = {"day_of_month": 1, "hour": 0, "minute": 0, "second": 0}
    subscription = shop.subscribe(customer, shop.flat(3100), billing_cycle_anchor_config=config)
    assert subscription["items"].data[0].current_period_end == at("2026-02-01")
    assert shop.invoices(customer)[0].total == 1550


def test_an_upgrade_credits_unused_time_and_charges_the_rest(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(3100))
    item = subscription["items"].data[0].id
    shop.advance("2026-01-11")
    bigger = shop.flat(6200)
    change = {"items": [{"id": item, "price": bigger}]}
    preview = shop.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": change}
    )
    assert preview.id.startswith("upcoming_in")
    shop.v1.subscriptions.update(subscription.id, change)
    shop.advance("2026-02-01 02:00")
    bill = shop.invoices(customer)[-1]
    assert sorted(line.amount for line in bill.lines.data) == [-2100, 4200, 6200]
    assert bill.total == preview.total == 8300
    prorated = [
        line
        for line in bill.lines.data
        if line.parent.type == "invoice_item_details" and line.parent.invoice_item_details.proration
    ]
    assert len(prorated) == 2


def test_a_preview_changes_nothing(shop):
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(1000))
    events = len(shop.events())
    item = subscription["items"].data[0].id
    details = {"items": [{"id": item, "price": shop.flat(5000)}], "proration_behavior": "none"}
    shop.v1.invoices.create_preview(
        {"subscription": subscription.id, "subscription_details": details}
    )
    same = shop.v1.subscriptions.retrieve(subscription.id)
    assert same["items"].data[0].price.unit_amount == 1000
    assert len(shop.invoices(customer)) == 1
    assert len(shop.events()) == events + 2  # the product and the price of the preview


@pytest.mark.parametrize(
    ("behavior", "invoices", "pending"),
    [("create_prorations", 1, 2), ("none", 1, 0), ("always_invoice", 2, 0)],
)
def test_proration_is_pending_or_invoiced_or_none(shop, behavior, invoices, pending):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(3100))
    shop.advance("2026-01-11")
    shop.v1.subscriptions.update(
        subscription.id,
        {
            "items": [{"id": subscription["items"].data[0].id, "price": shop.flat(6200)}],
            "proration_behavior": behavior,
        },
    )
    assert len(shop.invoices(customer)) == invoices
    waiting = shop.v1.invoice_items.list({"customer": customer.id, "pending": True})
    assert len(waiting.data) == pending


def test_a_change_of_a_metered_price_bills_usage_at_the_price_it_was_used_at(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    meter = shop.meter()
    old = shop.metered(meter, unit_amount=2)
    new = shop.metered(meter, unit_amount=5)
    subscription = shop.subscribe(customer, old)
    shop.use(customer, 100, "2026-01-01")
    shop.advance("2026-01-10")
    item = subscription["items"].data[0].id
    shop.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": new}]})
    shop.use(customer, 10, "2026-01-10")
    shop.advance("2026-02-01 02:00")
    bill = shop.invoices(customer)[-1]
    assert sorted(line.amount for line in bill.lines.data) == [50, 200]


def test_a_change_of_the_interval_starts_a_new_cycle_and_bills_it_now(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(3100))
    shop.advance("2026-01-11")
    yearly = shop.flat(30_000, recurring={"interval": "year"})
    item = subscription["items"].data[0].id
    shop.v1.subscriptions.update(subscription.id, {"items": [{"id": item, "price": yearly}]})
    bill = shop.invoices(customer)[-1]
    assert sorted(line.amount for line in bill.lines.data) == [-2100, 30_000]
    changed = shop.v1.subscriptions.retrieve(subscription.id)
    assert changed["items"].data[0].current_period_end == at("2027-01-11")


def test_a_trial_costs_nothing_is_announced_and_then_billed(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(1000), trial_period_days=14)
    assert subscription.status == "trialing"
    assert shop.invoices(customer)[0].total == 0
    shop.advance("2026-01-13")
    assert len(shop.events("customer.subscription.trial_will_end")) == 1
    shop.advance("2026-01-15 02:00")
    active = shop.v1.subscriptions.retrieve(subscription.id)
    assert (active.status, active.billing_cycle_anchor) == ("active", at("2026-01-15"))
    assert [invoice.total for invoice in shop.invoices(customer)] == [0, 1000]


@pytest.mark.parametrize(("behavior", "status"), [("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_without_a_card_ends_as_configured(shop, behavior, status):
    shop.freeze("2026-01-01")
    subscription = shop.subscribe(
        shop.customer(card=None),
        shop.flat(),
        trial_period_days=7,
        trial_settings={"end_behavior": {"missing_payment_method": behavior}},
    )
    shop.advance("2026-01-09")
    assert shop.v1.subscriptions.retrieve(subscription.id).status == status


def test_cancelling_at_period_end_bills_the_last_usage(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.metered(), shop.flat())
    changed = shop.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (changed.status, changed.cancel_at) == ("active", at("2026-02-01"))
    shop.use(customer, 200, "2026-01-01")
    shop.advance("2026-02-01 02:00")
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert _lines(shop.invoices(customer)[-1]) == [("200 × Tides", 100)]
    assert len(shop.events("customer.subscription.deleted")) == 1


@pytest.mark.parametrize(("invoice_now", "totals"), [(True, [0, 100]), (False, [0])])
def test_cancelling_now_bills_usage_only_when_asked_to(shop, invoice_now, totals):
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.metered())
    start = subscription["items"].data[0].current_period_start
    shop.sim.clock(advance_seconds=60)
    shop.use(customer, 200, start)
    ended = shop.v1.subscriptions.cancel(subscription.id, {"invoice_now": invoice_now})
    assert ended.status == "canceled"
    assert [invoice.total for invoice in shop.invoices(customer)] == totals


def test_a_paused_subscription_is_not_billed_until_it_is_resumed(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    assert shop.v1.subscriptions.pause(subscription.id).status == "paused"
    shop.advance("2026-02-10")
    assert len(shop.invoices(customer)) == 1
    resumed = shop.v1.subscriptions.resume(subscription.id)
    assert (resumed.status, resumed.billing_cycle_anchor) == ("active", at("2026-02-10"))
    assert [i.total for i in shop.invoices(customer)] == [1000, 1000]
    kinds = [
        e.type for e in shop.events("customer.subscription.paused", "customer.subscription.resumed")
    ]
    assert kinds == ["customer.subscription.paused", "customer.subscription.resumed"]


@pytest.mark.parametrize(
    ("behavior", "status"),
    [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
)
def test_paused_collection_does_with_invoices_what_it_says(shop, behavior, status):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    pause = {"behavior": behavior, "resumes_at": at("2026-02-20")}
    shop.v1.subscriptions.update(subscription.id, {"pause_collection": pause})
    shop.advance("2026-02-01 02:00")
    assert shop.invoices(customer)[-1].status == status
    shop.advance("2026-03-01 02:00")
    assert shop.invoices(customer)[-1].status == "paid"


def test_without_a_card_a_priced_subscription_is_refused_or_waits_for_payment(shop):
    customer = shop.customer(card=None)
    with pytest.raises(stripe.InvalidRequestError, match="default_payment_method"):
        shop.subscribe(customer, shop.flat())
    waiting = shop.subscribe(customer, shop.flat(), payment_behavior="default_incomplete")
    assert waiting.status == "incomplete"
    shop.add_card(customer.id, "pm_card_visa")
    shop.v1.invoices.pay(waiting.latest_invoice)
    assert shop.v1.subscriptions.retrieve(waiting.id).status == "active"


def test_a_first_payment_that_fails_leaves_it_incomplete_until_it_expires(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer(card="pm_card_chargeCustomerFail")
    with pytest.raises(stripe.CardError):
        shop.subscribe(customer, shop.flat(), payment_behavior="error_if_incomplete")
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    subscription = shop.subscribe(customer, shop.flat())
    assert subscription.status == "incomplete"
    shop.advance("2026-01-02")
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "incomplete_expired"
    assert shop.v1.invoices.retrieve(subscription.latest_invoice).status == "void"


def test_items_come_and_go_one_by_one(shop):
    subscription = shop.subscribe(shop.customer(), shop.flat())
    made = shop.v1.subscription_items.create(
        {"subscription": subscription.id, "price": shop.metered()}
    )
    listed = shop.v1.subscription_items.list({"subscription": subscription.id}).data
    assert [item.id for item in listed][1] == made.id
    assert shop.v1.subscription_items.delete(made.id).deleted
    with pytest.raises(stripe.InvalidRequestError, match="at least one item"):
        shop.v1.subscription_items.delete(listed[0].id)


def test_a_canceled_subscription_is_over(shop):
    subscription = shop.subscribe(shop.customer(), shop.flat())
    shop.v1.subscriptions.cancel(subscription.id)
    with pytest.raises(stripe.InvalidRequestError, match="canceled"):
        shop.v1.subscriptions.update(subscription.id, {"description": "again"})
    assert shop.v1.subscriptions.list().data == []
    assert len(shop.v1.subscriptions.list({"status": "ended"}).data) == 1


def test_a_test_clock_only_moves_forward_and_two_intervals_at_most(shop):
    clock = shop.freeze("2026-01-01")
    shop.subscribe(shop.customer(), shop.flat())
    advance = shop.v1.test_helpers.test_clocks.advance
    for text, message in (("2025-12-31", "forward"), ("2026-04-15", "two|2 intervals")):
        with pytest.raises(stripe.InvalidRequestError, match=message):
            advance(clock.id, {"frozen_time": at(text)})
    started = advance(clock.id, {"frozen_time": at("2026-01-02")})
    assert started.status == "advancing"
    eventually(lambda: shop.events("test_helpers.test_clock.ready"))
    assert shop.v1.test_helpers.test_clocks.retrieve(clock.id).frozen_time == at("2026-01-02")


def test_objects_on_a_clock_live_in_its_time(shop):
    shop.freeze("2020-02-29")
    customer = shop.customer()
    assert customer.created == at("2020-02-29")
    assert shop.v1.customers.list().data == []
    assert shop.v1.customers.list({"test_clock": shop.clock.id}).data[0].id == customer.id
    subscription = shop.subscribe(customer, shop.metered())
    assert shop.v1.subscriptions.list().data == []
    by_clock = shop.v1.subscriptions.list({"test_clock": shop.clock.id}).data
    assert [found.id for found in by_clock] == [subscription.id]
    shop.use(customer, 1, "2020-02-20")
    with pytest.raises(stripe.InvalidRequestError, match="in the future"):
        shop.use(customer, 1, "2020-03-02")
    assert shop.v1.test_helpers.test_clocks.delete(shop.clock.id).deleted
    assert shop.v1.customers.retrieve(customer.id).deleted


def test_the_worlds_own_clock_moves_subscriptions_too(shop, sim):
    sim.clock(frozen_at=at("2026-01-01"))
    customer = shop.customer()
    shop.subscribe(customer, shop.metered())
    shop.use(customer, 400, "2026-01-01")
    sim.clock(advance_seconds=31 * 86_400 + 7_200)
    assert [(i.status, i.total) for i in shop.invoices(customer)] == [("paid", 0), ("paid", 200)]


@pytest.mark.parametrize(
    ("behavior", "status", "amount"),
    [("allow_incomplete", "past_due", 6200), ("error_if_incomplete", "active", 3100)],
)
def test_an_upgrade_that_cannot_be_paid_stays_unpaid_or_is_undone(shop, behavior, status, amount):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat(3100))
    shop.add_card(customer.id, "pm_card_chargeCustomerFail")
    shop.advance("2026-01-11")
    change = {
        "items": [{"id": subscription["items"].data[0].id, "price": shop.flat(6200)}],
        "proration_behavior": "always_invoice",
        "payment_behavior": behavior,
    }
    if behavior == "error_if_incomplete":
        with pytest.raises(stripe.CardError):
            shop.v1.subscriptions.update(subscription.id, change)
    else:
        shop.v1.subscriptions.update(subscription.id, change)
    found = shop.v1.subscriptions.retrieve(subscription.id)
    assert (found.status, found["items"].data[0].price.unit_amount) == (status, amount)


def test_cancelling_ends_a_subscription_also_when_its_last_invoice_is_not_paid(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.metered())
    shop.use(customer, 1000, "2026-01-01")
    shop.add_card(customer.id, "pm_card_chargeCustomerFail")
    shop.advance("2026-01-02")
    ended = shop.v1.subscriptions.cancel(subscription.id, {"invoice_now": True})
    assert ended.status == "canceled"
    assert (shop.invoices(customer)[-1].status, shop.invoices(customer)[-1].total) == ("open", 500)


def test_taxes_that_cannot_be_computed_refuse_a_new_subscription_and_hold_up_a_renewal(shop):
    shop.v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
    shop.freeze("2026-01-01")
    customer = shop.customer()
    price = shop.flat()
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.subscribe(customer, price, automatic_tax={"enabled": True})
    assert refused.value.code == "customer_tax_location_invalid"
    assert shop.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []
    shop.v1.customers.update(customer.id, {"address": {"country": "DE"}})
    shop.subscribe(customer, price, automatic_tax={"enabled": True})
    shop.v1.customers.update(customer.id, {"address": ""})
    shop.advance("2026-02-01 02:00")
    assert shop.invoices(customer)[-1].status == "draft"
    assert len(shop.events("invoice.finalization_failed")) == 1
