"""Meters, add-ons, and the add-ons that subscriptions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.accounts.selectors import get_organization
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.extras import (
    AddOnAmounts,
    AddOnSerializer,
    HeldAddOnSerializer,
    MeterName,
    MeterSerializer,
    MeterUsageSerializer,
    NewAddOn,
    NewHeldAddOn,
    NewMeter,
)
from apim.catalog import selectors as catalog
from apim.keys import selectors as keys
from billing import services
from billing.models import AddOn, Meter, SubscriptionAddOn
from billing.selectors.add_ons import add_ons, all_held, get_add_on, get_held, offered_add_ons
from billing.selectors.meters import get_meter, meter_rows

if TYPE_CHECKING:
    from rest_framework.request import Request


class _Staff(Endpoint):
    scopes = {"GET": "billing:read", "POST": "billing:write", "PATCH": "billing:write"}


class Meters(_Staff):
    queryset = Meter.objects.none()

    @operation("list_meters", "List what prices count (staff)", MeterSerializer(many=True))
    def get(self, request: Request) -> Response:
        self.require_staff()
        return self.pages(Meter.objects.all(), MeterSerializer)

    @operation(
        "create_meter",
        "Say what is to be counted (staff)",
        MeterSerializer,
        body=NewMeter,
        status=201,
        description="What it counts never changes; only its names may.",
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        made = services.create_meter(actor=self.actor, **self.valid(NewMeter))
        return self.created(MeterSerializer, made, "meter", made.public_id)


class OneMeter(_Staff):
    @operation("get_meter", "Read a meter (staff)", MeterSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        return Response(MeterSerializer(get_meter(public_id)).data)

    @operation(
        "rename_meter", "Rename a meter or its unit (staff)", MeterSerializer, body=MeterName
    )
    def patch(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        meter = get_meter(public_id)
        named = services.rename_meter(actor=self.actor, meter=meter, **self.valid(MeterName))
        return Response(MeterSerializer(named).data)


class MeterUsage(_Staff):
    queryset = Meter.objects.none()

    @operation(
        "list_meter_usage",
        "What each meter counted lately (staff)",
        MeterUsageSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        return Response(MeterUsageSerializer(meter_rows(), many=True).data)


class AddOns(_Staff):
    queryset = AddOn.objects.none()

    @operation(
        "list_add_ons",
        "List add-ons, withdrawn and private ones too (staff)",
        AddOnSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        return self.pages(add_ons(), AddOnSerializer)

    @operation(
        "create_add_on", "Offer an add-on (staff)", AddOnSerializer, body=NewAddOn, status=201
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        values = self.valid(NewAddOn)
        made = services.create_add_on(
            actor=self.actor,
            name=values["name"],
            amounts=values["amounts"],
            product=catalog.get_product(values["product"]),
            plan=catalog.get_plan(values["plan"]) if "plan" in values else None,
            organization=(
                get_organization(values["organization"]) if "organization" in values else None
            ),
            meter=get_meter(values["meter"]) if "meter" in values else None,
        )
        return self.created(AddOnSerializer, get_add_on(made.public_id), "add-on", made.public_id)


class OneAddOn(_Staff):
    @operation("get_add_on", "Read an add-on (staff)", AddOnSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        return Response(AddOnSerializer(get_add_on(public_id)).data)

    @operation(
        "reprice_add_on",
        "New amounts for those who add it from now on (staff)",
        AddOnSerializer,
        body=AddOnAmounts,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        add_on = get_add_on(public_id)
        services.reprice_add_on(actor=self.actor, add_on=add_on, **self.valid(AddOnAmounts))
        return Response(AddOnSerializer(get_add_on(public_id)).data)


class WithdrawAddOn(_Staff):
    @operation("withdraw_add_on", "Offer an add-on no longer (staff)", AddOnSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        services.withdraw_add_on(actor=self.actor, add_on=get_add_on(public_id))
        return Response(AddOnSerializer(get_add_on(public_id)).data)


class OfferedAddOns(Endpoint):
    scopes = {"GET": "subscriptions:read"}
    queryset = AddOn.objects.none()

    @operation(
        "list_offered_add_ons",
        "What the subscription may add",
        AddOnSerializer(many=True),
        description="Its own currency's price is the one it pays.",
    )
    def get(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        ids = [add_on.pk for add_on, _price in offered_add_ons(subscription)]
        return Response(AddOnSerializer(add_ons().filter(pk__in=ids), many=True).data)


class HeldAddOns(Endpoint):
    scopes = {"GET": "subscriptions:read", "POST": "subscriptions:write"}
    queryset = SubscriptionAddOn.objects.none()

    @operation(
        "list_subscription_add_ons",
        "List the add-ons that the subscription holds and held",
        HeldAddOnSerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        rows = all_held(self.organization).filter(subscription=subscription)
        return self.pages(rows, HeldAddOnSerializer)

    @operation(
        "add_add_on",
        "Add an add-on to the subscription",
        HeldAddOnSerializer,
        body=NewHeldAddOn,
        status=201,
    )
    def post(self, request: Request, public_id: str) -> Response:
        subscription = keys.get_subscription(self.organization, public_id)
        values = self.valid(NewHeldAddOn)
        held = services.add_to_subscription(
            actor=self.actor,
            subscription=subscription,
            add_on=get_add_on(values["add_on"]),
            quantity=values["quantity"],
        )
        return Response(HeldAddOnSerializer(held).data, status=201)


class EndHeldAddOn(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation("end_add_on", "Hold an add-on no longer", HeldAddOnSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        held = get_held(self.organization, public_id)
        return Response(HeldAddOnSerializer(services.end_add_on(actor=self.actor, held=held)).data)
