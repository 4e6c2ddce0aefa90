"""The customer portal as a page: cards, subscriptions, invoices."""

from datetime import UTC, datetime

from billing.stripe_simulator.errors import StripeProblem, wrong
from billing.stripe_simulator.html import button, document, money, redirect, section, table, text
from billing.stripe_simulator.http import Answer, Request
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.resources.cycles import items_of
from billing.stripe_simulator.resources.payment_methods import CARDS, attach, detach
from billing.stripe_simulator.resources.subscriptions import update
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

ADDRESS = ("line1", "postal_code", "city", "country")


def portal(
    world: World, request: Request, session_id: str, given: dict[str, str], cards: str
) -> Answer:
    session = world.get("billing_portal.session", session_id)
    customer = live_customer(world, session["customer"])
    problem = ""
    if request.method == "POST":
        try:
            _act(world, session, customer, given)
            return redirect(_after(session))
        except StripeProblem as refused:
            world.store.rollback()
            problem = f'<p class="bad" role="alert">{text(refused)}</p>'
            session = world.get("billing_portal.session", session_id)
            customer = live_customer(world, session["customer"])
    features = world.get("billing_portal.configuration", session["configuration"])["features"]
    flow = (session["flow"] or {}).get("type")
    parts = [problem]
    if flow in (None, "payment_method_update") and features["payment_method_update"]["enabled"]:
        parts.append(_cards(world, session, customer, cards))
    if flow in (None, "customer_update"):
        parts.append(_address(session, customer))
    if flow in (None, "subscription_cancel") and features["subscription_cancel"]["enabled"]:
        parts.append(_subscriptions(world, session, customer))
    if flow is None and features["invoice_history"]["enabled"]:
        parts.append(_invoices(world, customer))
    if session["return_url"]:
        parts.append(f'<p><a href="{text(session["return_url"])}">Back</a></p>')
    title = f"Billing of {customer.get('name') or customer.get('email') or customer['id']}"
    status = 402 if problem else 200
    return document(title, "".join(parts), status=status, leads_to=(_after(session),))


def _after(session: Obj) -> str:
    """Return where a browser goes after a change: a flow that is done may lead away."""
    done = (session["flow"] or {}).get("after_completion") or {}
    if done.get("type") == "redirect" and done.get("redirect"):
        return str(done["redirect"]["return_url"])
    return f"/portal/{session['id']}"


def _act(world: World, session: Obj, customer: Obj, given: dict[str, str]) -> None:
    action = given.get("do")
    if action == "add":
        token = given["card"] if given.get("card") in CARDS else "pm_card_visa"
        method = attach(world, token, customer)
        _make_default(world, customer, method["id"])
    elif action == "default":
        _make_default(world, customer, _own(world, "payment_method", customer, given)["id"])
    elif action == "detach":
        detach(world, _own(world, "payment_method", customer, given))
    elif action in ("cancel", "keep"):
        subscription = _own(world, "subscription", customer, given)
        update(world, subscription, {"cancel_at_period_end": action == "cancel"})
    elif action == "address":
        before = world.snapshot(customer)
        customer["address"] = read_address(given)
        world.emit("customer.updated", customer, before)
    else:
        raise wrong(f"The portal of {session['id']} cannot do this.")


def read_address(given: dict[str, str]) -> Obj:
    """Return the address of a form. Raises StripeProblem for a country that is none."""
    address = {name: given.get(name, "").strip() or None for name in ADDRESS}
    if len(address["country"] or "") not in (0, 2):
        raise wrong("The country is two letters, such as DE.")
    return {**address, "line2": None, "state": None}


def address_fields(customer: Obj) -> str:
    """Return the inputs of an address, filled with what is known."""
    known = customer.get("address") or {}
    return "".join(
        f"<label>{name.replace('_', ' ').replace('line1', 'street').capitalize()} "
        f'<input name="{name}" value="{text(known.get(name) or "")}"></label>'
        for name in ADDRESS
    )


def _own(world: World, kind: str, customer: Obj, given: dict[str, str]) -> Obj:
    found = world.get(kind, given.get("id"))
    if found["customer"] != customer["id"]:
        raise wrong("This belongs to another customer.")
    return found


def _make_default(world: World, customer: Obj, method_id: str) -> None:
    before = world.snapshot(customer)
    customer["invoice_settings"]["default_payment_method"] = method_id
    world.emit("customer.updated", customer, before)


def _cards(world: World, session: Obj, customer: Obj, choice: str) -> str:
    action = f"/portal/{session['id']}"
    default = customer["invoice_settings"]["default_payment_method"]
    rows = []
    for method in world.store.find("payment_method", customer=customer["id"]):
        name = f"{method['card']['brand'].title()} {method['card']['last4']}"
        is_default = method["id"] == default
        use = (
            ""
            if is_default
            else button(action, f"Use {name}", is_plain=True, do="default", id=method["id"])
        )
        drop = button(action, f"Remove {name}", is_plain=True, do="detach", id=method["id"])
        rows.append([text(name) + (" (default)" if is_default else ""), use + drop])
    known = table(["Card", "Actions"], rows) if rows else "<p>No card is saved.</p>"
    form = (
        f'<form method="post" action="{text(action)}"><input type="hidden" name="do" value="add">'
        f"{choice}<button>Add this card</button></form>"
    )
    return section("Payment methods", known + form)


def _address(session: Obj, customer: Obj) -> str:
    form = (
        f'<form method="post" action="/portal/{text(session["id"])}">'
        '<input type="hidden" name="do" value="address">'
        f"{address_fields(customer)}<button>Save address</button></form>"
    )
    return section("Billing address", form)


def _subscriptions(world: World, session: Obj, customer: Obj) -> str:
    action = f"/portal/{session['id']}"
    wanted = ((session["flow"] or {}).get("subscription_cancel") or {}).get("subscription")
    rows = []
    for found in world.store.find("subscription", customer=customer["id"]):
        if found["status"] in ("canceled", "incomplete_expired") or wanted not in (
            None,
            found["id"],
        ):
            continue
        if found["cancel_at"]:
            day = datetime.fromtimestamp(found["cancel_at"], UTC).date().isoformat()
            act = f"Ends on {day} " + button(
                action, "Keep", is_plain=True, do="keep", id=found["id"]
            )
        else:
            act = button(action, "Cancel at period end", is_plain=True, do="cancel", id=found["id"])
        rows.append(
            [text(found["description"] or _products(world, found)), text(found["status"]), act]
        )
    empty = "<p>There is no subscription.</p>"
    return section(
        "Subscriptions", table(["Subscription", "Status", "Actions"], rows) if rows else empty
    )


def _products(world: World, subscription: Obj) -> str:
    prices = [world.get("price", item["price"]) for item in items_of(world, subscription)]
    names = {str(world.get("product", price["product"])["name"]) for price in prices}
    return ", ".join(sorted(names))


def _invoices(world: World, customer: Obj) -> str:
    rows = [
        [
            f'<a href="/invoices/{text(invoice["id"])}">{text(invoice["number"])}</a>',
            text(invoice["status"]),
            money(invoice["total"], invoice["currency"]),
        ]
        for invoice in reversed(world.store.find("invoice", customer=customer["id"]))
        if invoice["number"]
    ]
    empty = "<p>There is no invoice yet.</p>"
    return section(
        "Invoices", table(["Invoice", "Status", "Total"], rows, numbers=(2,)) if rows else empty
    )
