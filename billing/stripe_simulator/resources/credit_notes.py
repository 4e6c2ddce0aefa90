"""Credit notes: what takes back a part of a finalized invoice: /v1/credit_notes."""

from typing import Any

from billing.stripe_simulator.errors import wrong
from billing.stripe_simulator.rendering import listed, renders
from billing.stripe_simulator.resources.charges import refund_charge
from billing.stripe_simulator.resources.customers import change_balance
from billing.stripe_simulator.resources.invoicing import intent_of, mark_paid
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World


@renders("credit_note")
def _render(world: World, note: Obj) -> None:
    url = f"/v1/credit_notes/{note['id']}/lines"
    note["lines"] = listed(world, note["_"]["lines"], url=url)


@route(
    "POST /v1/credit_notes",
    "amount credit_amount invoice lines memo metadata out_of_band_amount reason refund_amount",
)
def create_note(world: World, call: Call) -> Obj:
    """Credit an open invoice (less is due), or a paid one (refund, balance or out of band)."""
    given = call.params
    invoice = world.get("invoice", given["invoice"], param="invoice")
    if invoice["status"] not in ("open", "paid"):
        raise wrong(f"A {invoice['status']} invoice cannot be credited.", "invoice")
    note_id = world.new_id("cn")
    lines = _lines(world, invoice, given)
    amount = sum(line["amount"] for line in lines)
    credited = (
        invoice["pre_payment_credit_notes_amount"] + invoice["post_payment_credit_notes_amount"]
    )
    if not 0 < amount <= invoice["total"] - credited:
        raise wrong(
            f"The credit note's amount ({amount}) must be positive and at most what is left of the "
            f"invoice ({invoice['total'] - credited}).",
            "amount",
        )
    customer = world.get("customer", invoice["customer"])
    clock = invoice["_"]["clock"]
    now = world.now(clock or "")
    before_payment = min(amount, invoice["amount_remaining"]) if invoice["status"] == "open" else 0
    note: Obj = {
        "id": note_id,
        "object": "credit_note",
        "amount": amount,
        "amount_shipping": 0,
        "created": now,
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "discount_amount": 0,
        "discount_amounts": [],
        "effective_at": now,
        "invoice": invoice["id"],
        "livemode": False,
        "memo": given.get("memo"),
        "metadata": {},
        "number": f"{invoice['number']}-CN-{len(_notes(world, invoice)) + 1:02d}",
        "out_of_band_amount": given.get("out_of_band_amount"),
        "pdf": f"{world.base_url}/credit_notes/{note_id}/pdf",
        "post_payment_amount": amount - before_payment,
        "pre_payment_amount": before_payment,
        "pretax_credit_amounts": [],
        "reason": given.get("reason"),
        "refunds": [],
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "total_taxes": [],
        "type": "pre_payment" if before_payment == amount else "post_payment",
        "_": {"lines": lines, "clock": clock},
    }
    with_metadata(note, given.get("metadata"))
    before = world.snapshot(invoice)
    _settle(world, note, invoice, customer, given)
    world.add(note, "credit_note.created")
    world.emit("invoice.updated", invoice, before)
    if invoice["status"] == "open" and invoice["amount_remaining"] == 0:
        mark_paid(world, invoice)
    return note


def _notes(world: World, invoice: Obj) -> list[Obj]:
    return world.store.find("credit_note", invoice=invoice["id"])


def _lines(world: World, invoice: Obj, given: dict[str, Any]) -> list[Obj]:
    if ("amount" in given) == ("lines" in given):
        raise wrong("Set one of `amount` and `lines`.", "amount")
    if "amount" in given:
        return [_line(world, given["amount"], {"type": "custom_line_item"})]
    found = []
    for index, wanted in enumerate(given["lines"]):
        source = next(
            (ln for ln in invoice["_"]["lines"] if ln["id"] == wanted.get("invoice_line_item")),
            None,
        )
        if wanted["type"] == "invoice_line_item" and source is None:
            raise wrong(
                "The line is not one of the invoice's.", f"lines[{index}][invoice_line_item]"
            )
        unit = wanted.get("unit_amount", 0) * wanted.get("quantity", 1)
        amount = wanted.get("amount", source["amount"] if source else unit)
        found.append(_line(world, amount, wanted))
    return found


def _line(world: World, amount: int, wanted: dict[str, Any]) -> Obj:
    return {
        "id": world.new_id("cnli"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": wanted.get("description"),
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": wanted.get("invoice_line_item"),
        "livemode": False,
        "pretax_credit_amounts": [],
        "quantity": wanted.get("quantity"),
        "tax_rates": [],
        "taxes": [],
        "type": wanted["type"],
    }


def _settle(world: World, note: Obj, invoice: Obj, customer: Obj, given: dict[str, Any]) -> None:
    before, after = note["pre_payment_amount"], note["post_payment_amount"]
    invoice["pre_payment_credit_notes_amount"] += before
    invoice["post_payment_credit_notes_amount"] += after
    if before:
        left = invoice["amount_remaining"] - before
        invoice |= {"amount_due": left, "amount_remaining": left}
        intent = intent_of(world, invoice)
        if intent is not None and left:
            intent["amount"] = left
    parts = {n: given.get(n, 0) for n in ("refund_amount", "credit_amount", "out_of_band_amount")}
    if sum(parts.values()) != after:
        raise wrong(
            f"refund_amount, credit_amount and out_of_band_amount must add up to what was paid of "
            f"the note: {after}.",
            "refund_amount",
        )
    if parts["refund_amount"]:
        intent = intent_of(world, invoice)
        if intent is None or intent["latest_charge"] is None:
            raise wrong(
                "The invoice was not paid by a charge that could be refunded.", "refund_amount"
            )
        charge = world.get("charge", intent["latest_charge"])
        refund = refund_charge(world, charge, parts["refund_amount"])
        part = {"amount_refunded": refund["amount"], "refund": refund["id"], "type": "refund"}
        note["refunds"] = [{**part, "payment_record_refund": None}]
    if parts["credit_amount"]:
        entry = change_balance(
            world, customer, -parts["credit_amount"], kind="credit_note", credit_note=note["id"]
        )
        note["customer_balance_transaction"] = entry["id"]


@route("GET /v1/credit_notes/{}")
def retrieve_note(world: World, call: Call) -> Obj:
    return world.get("credit_note", call.id)


@route("POST /v1/credit_notes/{}/void")
def void_note(world: World, call: Call) -> Obj:
    """Void a note on an invoice that is still open: the amount is due again."""
    note = world.get("credit_note", call.id)
    invoice = world.get("invoice", note["invoice"])
    if note["status"] == "void" or invoice["status"] != "open":
        raise wrong("Only a credit note on an open invoice can be voided, once.")
    amount = note["pre_payment_amount"]
    invoice["pre_payment_credit_notes_amount"] -= amount
    left = invoice["amount_remaining"] + amount
    invoice |= {"amount_due": left, "amount_remaining": left}
    now = world.now(note["_"]["clock"] or "")
    return world.update(note, "credit_note.voided", status="void", voided_at=now)


@route("GET /v1/credit_notes", "created customer invoice")
def list_notes(world: World, call: Call) -> Obj:
    by = {name: call.params[name] for name in ("customer", "invoice") if name in call.params}
    return page(world, call, world.store.find("credit_note", **by), what="credit note")


@route("GET /v1/credit_notes/{}/lines")
def list_note_lines(world: World, call: Call) -> Obj:
    note = world.get("credit_note", call.id)
    return page(world, call, note["_"]["lines"], what="line item", newest_first=False)
