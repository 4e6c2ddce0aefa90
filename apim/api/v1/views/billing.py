"""Prices of plans, and the running charges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1 import visibility
from apim.api.v1.serializers.billing import (
    ChargesQuery,
    ChargesSerializer,
    MonthQuery,
    NewPrice,
    OverviewSerializer,
    PriceSerializer,
)
from apim.catalog import selectors as catalog
from billing.models import PlanVersion
from billing.selectors import charges_overview, public_prices, running_charges
from billing.services import set_price

if TYPE_CHECKING:
    from rest_framework.request import Request


class Prices(Endpoint):
    scopes = {"GET": "catalog:read"}
    queryset = PlanVersion.objects.none()

    @operation("list_prices", "List a plan's prices, past and to come", PriceSerializer(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        plan = visibility.one(visibility.plans(self.viewer), public_id)
        return self.pages(public_prices(plan), PriceSerializer)


class SetPrice(Endpoint):
    scopes = {"POST": "billing:write"}

    @operation(
        "set_price",
        "Give a plan a price",
        PriceSerializer,
        body=NewPrice,
        status=201,
        description="From this month on, or from the next where somebody has subscribed.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        plan = catalog.get_plan(public_id)
        made = set_price(actor=self.actor, plan=plan, **self.valid(NewPrice))
        return self.created(PriceSerializer, made, "plan-prices", public_id)


class _Charges(Endpoint):
    scopes = {"GET": "billing:read"}


class Charges(_Charges):
    @operation(
        "get_charges",
        "An organization's charges of a month",
        ChargesSerializer,
        parameters=[ChargesQuery],
    )
    def get(self, request: Request) -> Response:
        asked = self.asked(ChargesQuery)
        organization = self.organization_named(asked.get("organization"))
        return Response(ChargesSerializer(running_charges(organization, asked["period"])).data)


class ChargesOverview(_Charges):
    @operation(
        "get_charges_overview",
        "Every organization's charges of a month (staff)",
        OverviewSerializer,
        parameters=[MonthQuery],
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        overview = charges_overview(self.asked(MonthQuery)["period"])
        return Response(OverviewSerializer(overview).data)
