"""Invoices, credit, discounts, what a change costs, and what Stripe told us."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.accounts.selectors import get_organization
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.money import (
    ChangeBody,
    CreditSerializer,
    DiscountSerializer,
    EvidenceQuery,
    EvidenceSerializer,
    InvoiceDetailSerializer,
    InvoiceSerializer,
    NewCredit,
    NewDiscount,
    PlannedChangeSerializer,
    PreviewBody,
    PreviewSerializer,
    StripeEventSerializer,
)
from apim.catalog import selectors as catalog
from apim.keys import selectors as keys
from billing import services
from billing.models import CreditGrant, Discount, Invoice, StripeEvent
from billing.selectors.credits import credit_grants, get_grant
from billing.selectors.discounts import discounts, get_discount
from billing.selectors.evidence import evidence
from billing.selectors.invoices import (
    all_invoices,
    get_invoice,
    get_stripe_event,
    invoice_view,
    invoices_of,
    stripe_events,
)
from billing.selectors.outlook import explained_change, get_planned_change
from billing.stripe.events import replay_event
from billing.stripe.taxes import with_taxes

if TYPE_CHECKING:
    from rest_framework.request import Request

    from apim.catalog.models import Plan


def _plan(values: dict[str, str]) -> Plan | None:
    named = values.get("plan")
    return catalog.get_published_plan(named) if named else None


class PreviewChange(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation(
        "preview_subscription_change",
        "What a change of plan or a cancellation would cost",
        PreviewSerializer,
        body=PreviewBody,
        description="Stores nothing.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        values = self.valid(PreviewBody)
        found = explained_change(
            subscription, values["kind"], plan=_plan(values), is_now=values["when"] == "now"
        )
        stated = with_taxes(found, subscription.organization_id)
        return Response(PreviewSerializer(stated).data)


class PlanChangeLater(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation(
        "plan_subscription_change",
        "Change the plan or cancel at the end of the billing period",
        PlannedChangeSerializer,
        body=ChangeBody,
        description="It takes the place of a change planned before.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        values = self.valid(ChangeBody)
        planned = services.plan_change(
            actor=self.actor,
            subscription=subscription,
            kind=values["kind"],
            plan=_plan(values),
            is_approved=self.viewer.is_staff,
        )
        return Response(PlannedChangeSerializer(planned).data)


class WithdrawChange(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation(
        "withdraw_subscription_change", "Withdraw the planned change", PlannedChangeSerializer
    )
    def post(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        planned = get_planned_change(subscription)
        withdrawn = services.withdraw_change(actor=self.actor, change=planned)
        return Response(PlannedChangeSerializer(withdrawn).data)


class _Money(Endpoint):
    scopes = {"GET": "billing:read", "POST": "billing:write"}


class Invoices(_Money):
    queryset = Invoice.objects.none()

    @operation("list_invoices", "List invoices", InvoiceSerializer(many=True))
    def get(self, request: Request) -> Response:
        own = self.organization
        return self.pages(all_invoices() if own is None else invoices_of(own), InvoiceSerializer)


class OneInvoice(_Money):
    @operation(
        "get_invoice",
        "Read an invoice down to the computation of its lines",
        InvoiceDetailSerializer,
    )
    def get(self, request: Request, public_id: str) -> Response:
        found = invoice_view(get_invoice(self.organization, public_id))
        return Response(InvoiceDetailSerializer(found).data)


class InvoiceLine(_Money):
    @operation(
        "get_invoice_line",
        "Walk a rated line down to its days and calls",
        EvidenceSerializer,
        parameters=[EvidenceQuery],
    )
    def get(self, request: Request, public_id: str) -> Response:
        day = self.asked(EvidenceQuery).get("day")
        found = evidence(self.organization, public_id, day=day.isoformat() if day else "")
        return Response(EvidenceSerializer(found).data)


class Credits(_Money):
    queryset = CreditGrant.objects.none()

    @operation("list_credits", "List prepaid credit", CreditSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(credit_grants(self.organization), CreditSerializer)

    @operation(
        "grant_credit", "Grant credit to a customer", CreditSerializer, body=NewCredit, status=201
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        values = self.valid(NewCredit)
        organization = get_organization(values.pop("organization"))
        made = services.grant_credit(actor=self.actor, organization=organization, **values)
        return Response(CreditSerializer(credit_grants(None).get(pk=made.pk)).data, status=201)


class VoidCredit(_Money):
    @operation("void_credit", "Withdraw what is left of a credit", CreditSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        grant = get_grant(public_id)
        services.void_credit(actor=self.actor, grant=grant)
        return Response(CreditSerializer(credit_grants(None).get(pk=grant.pk)).data)


class Discounts(_Money):
    queryset = Discount.objects.none()

    @operation("list_discounts", "List discounts", DiscountSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(discounts(self.organization), DiscountSerializer)

    @operation(
        "give_discount",
        "Give a customer a discount",
        DiscountSerializer,
        body=NewDiscount,
        status=201,
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        values = self.valid(NewDiscount)
        organization = get_organization(values.pop("organization"))
        named = values.pop("subscription", None)
        subscription = keys.get_subscription(organization, named) if named else None
        made = services.give_discount(
            actor=self.actor, organization=organization, subscription=subscription, **values
        )
        return Response(DiscountSerializer(made).data, status=201)


class EndDiscount(_Money):
    @operation("end_discount", "End a discount now", DiscountSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        ended = services.end_discount(actor=self.actor, discount=get_discount(public_id))
        return Response(DiscountSerializer(ended).data)


class StripeEvents(_Money):
    queryset = StripeEvent.objects.none()

    @operation(
        "list_stripe_events", "What Stripe told us (staff)", StripeEventSerializer(many=True)
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        return self.pages(stripe_events(), StripeEventSerializer)


class ReplayStripeEvent(_Money):
    @operation("replay_stripe_event", "Handle an event of Stripe again", StripeEventSerializer)
    def post(self, request: Request, event_id: str) -> Response:
        self.require_staff()
        event = get_stripe_event(event_id)
        replay_event(event=event, actor=self.actor)
        event.refresh_from_db()
        return Response(StripeEventSerializer(event).data)
