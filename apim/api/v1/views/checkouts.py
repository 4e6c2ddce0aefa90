"""Paid plans on their way through Stripe Checkout, and the payment method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.checkouts import (
    CheckoutSerializer,
    NewCheckout,
    PaymentMethodSerializer,
    PaymentPageBody,
    PaymentPageSerializer,
)
from apim.catalog import selectors as catalog
from apim.keys import selectors as keys
from billing.models import Checkout
from billing.selectors.checkouts import checkouts, get_checkout
from billing.selectors.invoices import payment_state
from billing.stripe.adapter import connect
from billing.stripe.checkouts import checkout_url, start_checkout
from billing.stripe.customers import currency_of, portal_url

if TYPE_CHECKING:
    from rest_framework.request import Request


class Checkouts(Endpoint):
    scopes = {"GET": "subscriptions:read", "POST": "subscriptions:write"}
    queryset = Checkout.objects.none()

    @operation("list_checkouts", "List paid plans on their way", CheckoutSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(checkouts(self.organization), CheckoutSerializer)

    @operation(
        "create_checkout",
        "Begin a plan that needs a payment method",
        CheckoutSerializer,
        body=NewCheckout,
        status=201,
        description="A person opens `url`; the subscription begins when the method is there.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewCheckout)
        application = keys.get_application(self.organization, values.pop("application"))
        plan = catalog.get_published_plan(values.pop("plan"))
        started = start_checkout(
            connect(), actor=self.actor, application=application, plan=plan, **values
        )
        return self.created(CheckoutSerializer, started, "checkout", started.public_id)


class OneCheckout(Endpoint):
    scopes = {"GET": "subscriptions:read"}

    @operation("get_checkout", "Read a paid plan on its way", CheckoutSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(CheckoutSerializer(get_checkout(self.organization, public_id)).data)


class PaymentMethod(Endpoint):
    scopes = {"GET": "billing:read", "POST": "payments:write"}

    @operation("get_payment_method", "How the organization pays", PaymentMethodSerializer)
    def get(self, request: Request) -> Response:
        state = payment_state(self.organization_named(None))
        return Response(PaymentMethodSerializer(state).data)

    @operation(
        "create_payment_page",
        "A page of Stripe's for the payment method",
        PaymentPageSerializer,
        body=PaymentPageBody,
        description="For a person's browser: card numbers never pass through here.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(PaymentPageBody)
        organization, back = self.organization_named(None), values["return_url"]
        if values["page"] == "manage":
            url = portal_url(connect(), organization, return_url=back)
        else:
            url = checkout_url(
                connect(),
                organization,
                currency=currency_of(organization),
                return_url=back,
                cancel_url=back,
            )
        return Response({"url": url})
