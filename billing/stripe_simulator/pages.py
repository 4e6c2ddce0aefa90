"""The pages to click through: Checkout, customer portal, hosted invoices, and an overview.

They ask for no card data: one of Stripe's test cards is chosen. Whoever has the address of a
session may use it, as at Stripe.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from billing.stripe_simulator.errors import StripeProblem
from billing.stripe_simulator.html import (
    CSS_PATH,
    css,
    document,
    money,
    redirect,
    section,
    table,
    text,
)
from billing.stripe_simulator.http import Answer, Request
from billing.stripe_simulator.portal_page import address_fields, portal, read_address
from billing.stripe_simulator.resources import checkout, invoicing
from billing.stripe_simulator.resources.payment_methods import CARDS
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

Page = Callable[[World, Request, str, dict[str, str]], Answer]
LABELS = {
    "pm_card_visa": "Visa 4242 – works",
    "pm_card_mastercard": "Mastercard 4444 – works",
    "pm_card_chargeCustomerFail": "Visa 0341 – can be saved, is declined when charged",
    "pm_card_chargeDeclined": "Visa 0002 – is declined at once",
    "pm_card_createDispute": "Visa 0259 – works, then is disputed",
}
SHOWN = 20


def page(world: World, request: Request) -> Answer:
    """Answer a browser."""
    if request.path == CSS_PATH:
        return css()
    if request.path == "/":
        return overview(world)
    given = dict(parse_qsl(request.body.decode(errors="replace")))
    for pattern, view in VIEWS:
        if match := pattern.match(request.path):
            try:
                return view(world, request, match[1], given)
            except StripeProblem as problem:
                world.store.rollback()
                title = "Nothing here" if problem.status == 404 else "That did not work"
                return document(title, f"<p>{text(problem)}</p>", status=problem.status)
    return document("Nothing here", "<p>This page does not exist.</p>", status=404)


def card_choice() -> str:
    """Return the radio buttons of the test cards."""
    options = "".join(
        f'<label><input type="radio" name="card" value="{name}"{" checked" if i == 0 else ""}> '
        f"{text(label)}</label>"
        for i, (name, label) in enumerate(LABELS.items())
    )
    return f"<fieldset><legend>Test card</legend>{options}</fieldset>"


def _card(given: dict[str, str]) -> str:
    return given["card"] if given.get("card") in CARDS else "pm_card_visa"


def checkout_page(world: World, request: Request, session_id: str, given: dict[str, str]) -> Answer:
    session = world.get("checkout.session", session_id)
    problem = ""
    if request.method == "POST":
        try:
            return redirect(
                checkout.complete(
                    world,
                    session,
                    card=_card(given),
                    email=given.get("email"),
                    address=read_address(given) if given.get("country") else None,
                )
            )
        except StripeProblem as declined:
            if not declined.keeps_changes:
                world.store.rollback()
            session = world.get("checkout.session", session_id)
            problem = f'<p class="bad" role="alert">{text(declined)}</p>'
    if session["status"] != "open":
        return document(
            "Checkout", f"<p>This session is {text(session['status'])}.</p>", status=410
        )
    rows = [
        [
            text(line["description"]),
            text(line["quantity"] or "by usage"),
            money(line["amount_total"], line["currency"]),
        ]
        for line in session["_"]["lines"]
    ]
    what = table(["What", "Quantity", "Due now"], rows, numbers=(1, 2)) if rows else ""
    label = {"setup": "Save this card", "subscription": "Subscribe", "payment": "Pay"}[
        session["mode"]
    ]
    cancel = session["cancel_url"]
    back = f' <a class="button plain" href="{text(cancel)}">Cancel</a>' if cancel else ""
    address = ""
    if session["_"]["given"].get("billing_address_collection") == "required":
        customer = world.store.get("customer", session["customer"]) or {}
        address = f"<fieldset><legend>Billing address</legend>{address_fields(customer)}</fieldset>"
    message = (session["custom_text"]["submit"] or {}).get("message", "")
    words = f"<p>{text(message)}</p>" if message else ""
    form = f'{problem}<form method="post">{card_choice()}{address}<button>{label}</button>{back}</form>'
    body = section("Your order", words + what) if words or what else ""
    return document(
        "Checkout",
        body + section("Payment", form),
        status=402 if problem else 200,
        leads_to=(session["success_url"], cancel),
    )


def invoice_page(world: World, request: Request, invoice_id: str, given: dict[str, str]) -> Answer:
    invoice = world.get("invoice", invoice_id)
    problem = ""
    if request.method == "POST":
        try:
            invoicing.pay(world, invoice, _card(given))
            return redirect(f"/invoices/{invoice_id}")
        except StripeProblem as declined:
            if not declined.keeps_changes:
                world.store.rollback()
            invoice = world.get("invoice", invoice_id)
            problem = f'<p class="bad" role="alert">{text(declined)}</p>'
    currency = invoice["currency"]
    rows = [
        [text(line["description"] or ""), _days(line["period"]), money(line["amount"], currency)]
        for line in invoice["_"]["lines"]
    ]
    sums = [["Subtotal", "", money(invoice["subtotal"], currency)]]
    taken = sum(part["amount"] for part in invoice["total_pretax_credit_amounts"])
    if taken:
        sums.append(["Discounts and credits", "", money(-taken, currency)])
    sums += [["Tax", "", money(tax["amount"], currency)] for tax in invoice["total_taxes"]]
    sums += [["Total", "", money(invoice["total"], currency)]]
    sums += [["Still due", "", money(invoice["amount_remaining"], currency)]]
    lines = table(["What", "Period", "Amount"], rows + sums, numbers=(2,))
    state = f"<p>For {text(invoice['customer_name'] or invoice['customer_email'] or invoice['customer'])}."
    state += f" Status: <strong>{text(invoice['status'])}</strong>.</p>"
    pay = f'{problem}<form method="post">{card_choice()}<button>Pay</button></form>'
    body = section(f"Invoice {invoice['number'] or '(draft)'}", state + lines)
    if invoice["status"] == "open":
        body += section("Payment", pay)
    return document("Invoice", body, status=402 if problem else 200)


def _days(period: Obj) -> str:
    start, end = (
        datetime.fromtimestamp(period[n], UTC).date().isoformat() for n in ("start", "end")
    )
    return start if start == end else f"{start} – {end}"


def receipt_page(world: World, _request: Request, intent_id: str, _given: dict[str, str]) -> Answer:
    intent = world.get("payment_intent", intent_id)
    paid = money(intent["amount_received"], intent["currency"])
    return document("Receipt", section("Payment", f"<p>{paid} – {text(intent['status'])}</p>"))


def overview(world: World) -> Answer:
    """Show what is there and what happened last; no secrets."""
    kinds = ("customer", "subscription", "invoice", "billing.meter", "billing.meter_event", "event")
    counts = table(
        ["Objects", "Number"],
        [[text(kind), str(world.store.count(kind))] for kind in kinds],
        numbers=(1,),
    )
    invoices = table(
        ["Invoice", "Status", "Total"],
        [
            [
                f'<a href="/invoices/{text(i["id"])}">{text(i["number"] or i["id"])}</a>',
                text(i["status"]),
                money(i["total"], i["currency"]),
            ]
            for i in world.store.find("invoice")[: -SHOWN - 1 : -1]
        ],
        numbers=(2,),
    )
    events = table(
        ["Webhook", "Status", "Attempts"],
        [
            [text(d["type"]), text(d["status"]), str(len(d["attempts"]))]
            for d in world.store.find("_delivery")[: -SHOWN - 1 : -1]
        ],
        numbers=(2,),
    )
    clock = datetime.fromtimestamp(world.now(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    body = f"<p class='soft'>Its clock says {clock}.</p>" + section("What is there", counts)
    body += section("Latest invoices", invoices) + section("Latest webhooks", events)
    return document("Overview", body)


def portal_page(world: World, request: Request, session_id: str, given: dict[str, str]) -> Answer:
    return portal(world, request, session_id, given, card_choice())


VIEWS: list[tuple[re.Pattern[str], Page]] = [
    (re.compile(r"/checkout/([^/]+)$"), checkout_page),
    (re.compile(r"/portal/([^/]+)$"), portal_page),
    (re.compile(r"/invoices/([^/]+)(?:/pdf)?$"), invoice_page),
    (re.compile(r"/receipts/([^/]+)$"), receipt_page),
]
