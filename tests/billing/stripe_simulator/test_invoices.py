"""Invoices from draft to paid, void or uncollectible; taxes, credits, failures, money back."""

import pytest
import stripe

from tests.billing.stripe_simulator.shop import at


def _bill(shop, customer, amount=1000, **more):
    """Return a manual draft invoice over one item."""
    shop.v1.invoice_items.create({"customer": customer.id, "amount": amount, "currency": "eur"})
    return shop.v1.invoices.create(
        {"customer": customer.id, "pending_invoice_items_behavior": "include", **more}
    )


def _grant(shop, customer, value, **more):
    scope = {"scope": {"price_type": "metered"}}
    return shop.v1.billing.credit_grants.create(
        {
            "customer": customer.id,
            "amount": {"type": "monetary", "monetary": {"currency": "eur", "value": value}},
            "applicability_config": scope,
            **more,
        }
    )


def test_an_invoice_goes_from_draft_to_open_to_paid(shop):
    invoices = shop.v1.invoices
    draft = _bill(shop, shop.customer())
    assert (draft.status, draft.number, draft.auto_advance) == ("draft", None, False)
    opened = invoices.finalize_invoice(draft.id)
    assert (opened.status, opened.amount_due) == ("open", 1000)
    assert opened.number
    paid = invoices.pay(draft.id)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    transitions = paid.status_transitions
    assert transitions.finalized_at
    assert transitions.paid_at


def test_a_finalized_invoice_is_not_editable(shop):
    draft = _bill(shop, shop.customer())
    item = draft.lines.data[0].parent.invoice_item_details.invoice_item
    shop.v1.invoices.finalize_invoice(draft.id)
    for attempt in (
        lambda: shop.v1.invoices.update(draft.id, {"description": "x"}),
        lambda: shop.v1.invoices.finalize_invoice(draft.id),
        lambda: shop.v1.invoices.delete(draft.id),
        lambda: shop.v1.invoice_items.update(item, {"amount": 1}),
        lambda: shop.v1.invoice_items.delete(item),
    ):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            attempt()
        assert refused.value.code == "invoice_not_editable"
    assert shop.v1.invoices.update(draft.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"


def test_a_paid_invoice_cannot_be_paid_or_voided_again(shop):
    draft = _bill(shop, shop.customer())
    shop.v1.invoices.pay(draft.id)
    for attempt in (shop.v1.invoices.pay, shop.v1.invoices.void_invoice):
        with pytest.raises(stripe.InvalidRequestError):
            attempt(draft.id)


def test_an_open_invoice_can_be_voided_or_written_off(shop):
    customer = shop.customer()
    for act, status in (
        (shop.v1.invoices.void_invoice, "void"),
        (shop.v1.invoices.mark_uncollectible, "uncollectible"),
    ):
        invoice = _bill(shop, customer)
        with pytest.raises(stripe.InvalidRequestError):
            act(invoice.id)
        shop.v1.invoices.finalize_invoice(invoice.id)
        assert act(invoice.id).status == status


def test_a_deleted_draft_gives_its_items_back(shop):
    customer = shop.customer()
    draft = _bill(shop, customer)
    assert shop.v1.invoices.delete(draft.id).deleted
    waiting = shop.v1.invoice_items.list({"customer": customer.id, "pending": True}).data
    assert [item.amount for item in waiting] == [1000]


def test_an_invoice_of_nothing_is_paid_when_it_is_finalized(shop):
    draft = _bill(shop, shop.customer(card=None), amount=0)
    assert shop.v1.invoices.finalize_invoice(draft.id).status == "paid"


def test_a_balance_is_used_up_and_a_negative_total_goes_into_it(shop):
    customer = shop.customer(balance=-300)
    first = shop.v1.invoices.finalize_invoice(_bill(shop, customer).id)
    assert (first.starting_balance, first.ending_balance, first.amount_due) == (-300, 0, 700)
    second = shop.v1.invoices.finalize_invoice(_bill(shop, customer, amount=-400).id)
    assert (second.status, second.amount_due, second.ending_balance) == ("paid", 0, -400)
    assert shop.v1.customers.retrieve(customer.id).balance == -400


def test_what_is_too_little_to_charge_is_owed_with_the_next_invoice(shop):
    customer = shop.customer()
    small = shop.v1.invoices.finalize_invoice(_bill(shop, customer, amount=49).id)
    assert (small.status, small.amount_due, small.ending_balance) == ("paid", 0, 49)
    following = shop.v1.invoices.finalize_invoice(_bill(shop, customer).id)
    assert (following.amount_due, following.ending_balance) == (1049, 0)
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.payment_intents.create({"amount": 49, "currency": "eur"})
    assert refused.value.code == "amount_too_small"


def test_automatic_tax_is_computed_or_stops_finalisation_with_a_reason(shop):
    customer = shop.customer()
    tax = {"automatic_tax": {"enabled": True}}
    draft = _bill(shop, customer, **tax)
    assert draft.automatic_tax.status == "failed"
    shop.v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.invoices.finalize_invoice(draft.id)
    assert refused.value.code == "customer_tax_location_invalid"
    stuck = shop.v1.invoices.retrieve(draft.id)
    assert (stuck.status, stuck.automatic_tax.status) == ("draft", "requires_location_inputs")
    assert stuck.last_finalization_error.code == "customer_tax_location_invalid"
    assert len(shop.events("invoice.finalization_failed")) == 1
    shop.v1.customers.update(customer.id, {"address": {"country": "DE"}})
    done = shop.v1.invoices.finalize_invoice(draft.id)
    assert (done.automatic_tax.status, done.total, done.total_excluding_tax) == (
        *("complete", 1190, 1000),
    )
    assert done.total_taxes[0].amount == 190


def test_an_inclusive_price_holds_its_tax(shop):
    shop.v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
    customer = shop.customer(address={"country": "DE"})
    price = shop.flat(1190, tax_behavior="inclusive")
    shop.subscribe(customer, price, automatic_tax={"enabled": True})
    (invoice,) = shop.invoices(customer)
    assert (invoice.total, invoice.total_taxes[0].amount, invoice.total_excluding_tax) == (
        *(1190, 190, 1000),
    )


def test_a_reverse_charge_customer_pays_no_tax(shop):
    shop.v1.tax.settings.update({"head_office": {"address": {"country": "DE"}}})
    customer = shop.customer(address={"country": "FR"}, tax_exempt="reverse")
    invoice = _bill(shop, customer, automatic_tax={"enabled": True})
    assert invoice.total == 1000
    assert invoice.total_taxes[0].taxability_reason == "reverse_charge"


@pytest.mark.parametrize(
    ("coupon", "totals"),
    [
        ({"percent_off": 25, "duration": "once"}, [750, 1000, 1000]),
        ({"percent_off": 12.5, "duration": "forever"}, [875, 875, 875]),
        (
            {
                "amount_off": 300,
                "currency": "eur",
                "duration": "repeating",
                "duration_in_months": 1,
            },
            [700, 1000, 1000],
        ),
    ],
)
def test_coupons_last_once_for_months_or_for_ever(shop, coupon, totals):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    made = shop.v1.coupons.create(coupon)
    shop.subscribe(customer, shop.flat(), discounts=[{"coupon": made.id}])
    for text in ("2026-02-01 02:00", "2026-03-01 02:00"):
        shop.advance(text)
    assert [invoice.total for invoice in shop.invoices(customer)] == totals


def test_a_coupon_is_redeemed_as_often_as_it_says(shop):
    coupon = shop.v1.coupons.create({"percent_off": 10, "duration": "once", "max_redemptions": 1})
    price = shop.flat()
    shop.subscribe(shop.customer(), price, discounts=[{"coupon": coupon.id}])
    assert shop.v1.coupons.retrieve(coupon.id).valid is False
    with pytest.raises(stripe.InvalidRequestError, match="not valid"):
        shop.subscribe(shop.customer(), price, discounts=[{"coupon": coupon.id}])


def test_credits_pay_usage_only_by_priority_and_keep_a_ledger(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    late = _grant(shop, customer, 300, priority=60)
    soon = _grant(shop, customer, 200, priority=10)
    shop.subscribe(customer, shop.metered(unit_amount=1), shop.flat(1000))
    shop.use(customer, 400, "2026-01-01")
    shop.advance("2026-02-01 02:00")
    bill = shop.invoices(customer)[-1]
    assert (bill.subtotal, bill.total) == (1400, 1000)
    filters = {"filter": {"type": "credit_grant", "credit_grant": late.id}}
    summary = shop.v1.billing.credit_balance_summary.retrieve({"customer": customer.id, **filters})
    assert summary.balances[0].available_balance.monetary.value == 100
    entries = shop.v1.billing.credit_balance_transactions.list({"customer": customer.id}).data
    used = {
        entry.credit_grant: entry.debit.amount.monetary.value
        for entry in entries
        if entry.type == "debit"
    }
    assert used == {soon.id: 200, late.id: 200}
    assert {part.type for part in bill.total_pretax_credit_amounts} == {
        "credit_balance_transaction"
    }


def test_credits_expire_are_voided_when_unused_and_return_with_a_voided_invoice(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer(card="pm_card_chargeCustomerFail")
    _grant(shop, customer, 50, expires_at=at("2026-01-15"))
    kept = _grant(shop, customer, 50)
    spare = _grant(shop, shop.customer(), 50)
    assert shop.v1.billing.credit_grants.void_grant(spare.id).voided_at
    shop.subscribe(customer, shop.metered(unit_amount=1))
    shop.use(customer, 500, "2026-01-01")
    shop.advance("2026-02-01 02:00")
    bill = shop.invoices(customer)[-1]
    assert (bill.status, bill.total) == ("open", 450)
    with pytest.raises(stripe.InvalidRequestError, match="not applied"):
        shop.v1.billing.credit_grants.void_grant(kept.id)
    shop.v1.invoices.void_invoice(bill.id)
    kinds = [
        (entry.credit or entry.debit).type
        for entry in shop.v1.billing.credit_balance_transactions.list(
            {"customer": customer.id, "credit_grant": kept.id}
        ).data
    ]
    assert kinds == ["credits_application_invoice_voided", "credits_applied", "credits_granted"]


def test_a_failed_payment_is_retried_on_its_days_and_paid_by_a_new_card(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    shop.add_card(customer.id, "pm_card_chargeCustomerFail")
    shop.advance("2026-02-01 02:00")
    bill = shop.invoices(customer)[-1]
    assert (bill.status, bill.attempt_count) == ("open", 1)
    assert bill.next_payment_attempt == at("2026-02-04 01:00")
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "past_due"
    shop.advance("2026-02-04 02:00")
    assert shop.v1.invoices.retrieve(bill.id).attempt_count == 2
    shop.add_card(customer.id, "pm_card_visa")
    shop.advance("2026-02-10")
    assert shop.v1.invoices.retrieve(bill.id).status == "paid"
    assert shop.v1.subscriptions.retrieve(subscription.id).status == "active"
    assert len(shop.events("invoice.payment_failed")) == 2


@pytest.mark.parametrize("last", ["cancel", "unpaid", "past_due"])
def test_after_the_last_attempt_the_account_decides(shop, last):
    shop.sim.order("settings", after_last_retry=last, payment_retry_days=[1])
    shop.freeze("2026-01-01")
    customer = shop.customer()
    subscription = shop.subscribe(customer, shop.flat())
    shop.add_card(customer.id, "pm_card_chargeCustomerFail")
    shop.advance("2026-02-05")
    status = {"cancel": "canceled"}.get(last, last)
    assert shop.v1.subscriptions.retrieve(subscription.id).status == status


def test_the_next_payment_fails_on_demand(shop):
    draft = _bill(shop, shop.customer())
    shop.sim.order("fail_payments", times=1)
    with pytest.raises(stripe.CardError) as declined:
        shop.v1.invoices.pay(draft.id)
    assert (declined.value.http_status, declined.value.code) == (402, "card_declined")
    assert shop.v1.invoices.retrieve(draft.id).attempt_count == 1
    assert shop.v1.invoices.pay(draft.id).status == "paid"


def test_a_card_that_wants_its_owner_says_so(shop):
    draft = _bill(shop, shop.customer(card="pm_card_authenticationRequired"))
    with pytest.raises(stripe.CardError):
        shop.v1.invoices.pay(draft.id)
    assert len(shop.events("invoice.payment_action_required")) == 1


def test_a_card_that_is_declined_at_once_cannot_be_attached(shop):
    customer = shop.customer(card=None)
    with pytest.raises(stripe.CardError):
        shop.add_card(customer.id, "pm_card_chargeDeclined")


def test_a_detached_card_is_gone_for_good(shop):
    customer = shop.customer(card=None)
    method = shop.add_card(customer.id, "pm_card_visa")
    assert shop.v1.payment_methods.detach(method.id).customer is None
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        shop.v1.payment_methods.attach(method.id, {"customer": customer.id})


def test_a_sent_invoice_waits_until_it_is_overdue(shop):
    shop.freeze("2026-01-01")
    customer = shop.customer(card=None)
    draft = _bill(shop, customer, collection_method="send_invoice", days_until_due=7)
    sent = shop.v1.invoices.send_invoice(draft.id)
    assert (sent.status, sent.due_date) == ("open", at("2026-01-08"))
    shop.advance("2026-01-09")
    assert [e.type for e in shop.events("invoice.sent", "invoice.overdue")] == [
        "invoice.sent",
        "invoice.overdue",
    ]
    paid = shop.v1.invoices.pay(draft.id, {"paid_out_of_band": True})
    assert (paid.status, paid.amount_paid, paid.amount_paid_off_stripe) == ("paid", 0, 1000)


def test_money_is_refunded_up_to_what_was_paid(shop):
    draft = _bill(shop, shop.customer())
    shop.v1.invoices.pay(draft.id)
    (charge,) = shop.v1.charges.list().data
    shop.v1.refunds.create({"charge": charge.id, "amount": 400})
    with pytest.raises(stripe.InvalidRequestError, match="greater than unrefunded"):
        shop.v1.refunds.create({"charge": charge.id, "amount": 700})
    shop.v1.refunds.create({"payment_intent": charge.payment_intent})
    done = shop.v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (done.refunded, done.amount_refunded) == (True, 1000)
    assert [refund.amount for refund in done.refunds.data] == [600, 400]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        shop.v1.refunds.create({"charge": charge.id})
    assert refused.value.code == "charge_already_refunded"
    assert len(shop.events("charge.refunded")) == 2


def test_a_credit_note_lowers_what_is_due_or_gives_money_back(shop):
    customer = shop.customer()
    notes = shop.v1.credit_notes
    opened = shop.v1.invoices.finalize_invoice(_bill(shop, customer).id)
    note = notes.create({"invoice": opened.id, "amount": 300})
    assert (note.type, shop.v1.invoices.retrieve(opened.id).amount_due) == ("pre_payment", 700)
    notes.void_credit_note(note.id)
    notes.create({"invoice": opened.id, "amount": 1000})
    assert shop.v1.invoices.retrieve(opened.id).status == "paid"
    paid = shop.v1.invoices.pay(_bill(shop, customer).id)
    with pytest.raises(stripe.InvalidRequestError, match="add up"):
        notes.create({"invoice": paid.id, "amount": 500})
    given = {"invoice": paid.id, "amount": 500, "refund_amount": 300, "credit_amount": 200}
    assert notes.create(given).type == "post_payment"
    assert shop.v1.customers.retrieve(customer.id).balance == -200
    with pytest.raises(stripe.InvalidRequestError, match="at most"):
        notes.create({"invoice": paid.id, "amount": 501, "credit_amount": 501})


def test_a_dispute_opens_and_closes_on_demand(shop):
    shop.v1.invoices.pay(_bill(shop, shop.customer()).id)
    (charge,) = shop.v1.charges.list().data
    dispute = shop.sim.order("dispute", charge=charge.id)
    assert shop.v1.charges.retrieve(charge.id).disputed
    with pytest.raises(stripe.InvalidRequestError, match="disputed"):
        shop.v1.refunds.create({"charge": charge.id})
    shop.sim.order("dispute", dispute=dispute["id"], status="won")
    assert shop.v1.disputes.retrieve(dispute["id"]).status == "won"
    kinds = [event.type for event in shop.events() if event.type.startswith("charge.dispute")]
    assert kinds == [
        "charge.dispute.created",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.closed",
        "charge.dispute.funds_reinstated",
    ]


def test_a_card_that_disputes_does_so_by_itself(shop):
    draft = _bill(shop, shop.customer(card="pm_card_createDispute"))
    assert shop.v1.invoices.pay(draft.id).status == "paid"
    (dispute,) = shop.v1.disputes.list().data
    assert (dispute.amount, dispute.status) == (1000, "needs_response")
    assert shop.v1.disputes.close(dispute.id).status == "lost"


def test_an_event_shows_what_was_before(shop):
    customer = shop.customer(card=None, name="Ada")
    shop.v1.customers.update(customer.id, {"name": "Eve"})
    event = shop.events("customer.updated")[-1]
    assert event.data.object["name"] == "Eve"
    assert event.data.previous_attributes.to_dict() == {"name": "Ada"}
    assert event.request.idempotency_key


def test_lines_come_onto_a_draft_all_at_once_or_none(shop, v1):
    customer = shop.customer()
    draft = v1.invoices.create({"customer": customer.id, "currency": "eur"})
    waiting = v1.invoice_items.create(
        {"customer": customer.id, "amount": 70, "currency": "eur", "description": "waits"}
    )
    lines = [
        {"amount": 900, "description": "a fee", "metadata": {"our": "line"}},
        {"amount": -100, "discountable": False, "period": {"start": 1, "end": 2}},
        {"invoice_item": waiting.id},
    ]
    with pytest.raises(stripe.InvalidRequestError, match="No such invoiceitem"):
        v1.invoices.add_lines(draft.id, {"lines": [*lines, {"invoice_item": "ii_none"}]})
    assert v1.invoices.retrieve(draft.id).subtotal == 0
    made = v1.invoices.add_lines(draft.id, {"lines": lines, "invoice_metadata": {"a": "b"}})
    assert (made.subtotal, made.metadata["a"]) == (870, "b")
    assert [line.amount for line in made.lines.data] == [900, -100, 70]
    assert made.lines.data[0].metadata["our"] == "line"
    items = v1.invoice_items.list({"invoice": draft.id}).data
    assert sorted(item.amount for item in items) == [-100, 70, 900]
    v1.invoices.finalize_invoice(draft.id)
    with pytest.raises(stripe.InvalidRequestError, match="no longer editable"):
        v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1}]})


def test_an_invoice_takes_no_more_than_250_items(shop, v1):
    customer = shop.customer()
    draft = v1.invoices.create({"customer": customer.id, "currency": "eur"})
    with pytest.raises(stripe.InvalidRequestError, match="at most 250"):
        v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1}] * 251})
    v1.invoices.add_lines(draft.id, {"lines": [{"amount": 1}] * 250})
    with pytest.raises(stripe.InvalidRequestError, match="at most 250"):
        v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 1, "currency": "eur"}
        )
