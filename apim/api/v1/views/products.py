"""Products and plans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1 import visibility
from apim.api.v1.filters.catalog import PlanFilter, ProductFilter
from apim.api.v1.serializers.products import (
    LimitsBody,
    LimitsSet,
    NewPlan,
    NewProduct,
    PlanChangeBody,
    PlanSerializer,
    ProductChange,
    ProductSerializer,
    limit_inputs,
)
from apim.catalog import selectors, services
from apim.catalog.models import Plan, Product
from apim.core.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rest_framework.request import Request

    from apim.catalog.models import ApiVersion


class Products(Endpoint):
    scopes = {"GET": "catalog:read", "POST": "products:write"}
    queryset = Product.objects.none()
    filterset_class = ProductFilter

    @operation("list_products", "List products", ProductSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(visibility.products(self.viewer), ProductSerializer)

    @operation("create_product", "Create a product", ProductSerializer, body=NewProduct, status=201)
    def post(self, request: Request) -> Response:
        values = self.valid(NewProduct)
        versions = _versions(values.pop("versions", ()))
        made = services.create_product(actor=self.actor, versions=versions, **values)
        return self.created(ProductSerializer, made, "product", made.public_id)


class OneProduct(Endpoint):
    scopes = {"GET": "catalog:read", "PATCH": "products:write"}

    @operation("get_product", "Read a product", ProductSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        product = visibility.one(visibility.products(self.viewer), public_id)
        return Response(ProductSerializer(product).data)

    @operation("update_product", "Change a product", ProductSerializer, body=ProductChange)
    def patch(self, request: Request, public_id: str) -> Response:
        product = selectors.get_product(public_id)
        values = self.valid(ProductChange)
        if "versions" in values:
            values["versions"] = _versions(values["versions"])
        changed = services.update_product(actor=self.actor, product=product, **values)
        return Response(ProductSerializer(changed).data)


class _ProductAction(Endpoint):
    scopes = {"POST": "products:write"}

    def act(self, public_id: str, change: Callable[..., Product]) -> Response:
        product = change(actor=self.actor, product=selectors.get_product(public_id))
        return Response(ProductSerializer(product).data)


class PublishProduct(_ProductAction):
    @operation("publish_product", "Publish a product", ProductSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.publish_product)


class RetireProduct(_ProductAction):
    @operation("retire_product", "Retire a product", ProductSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.retire_product)


class Plans(Endpoint):
    scopes = {"GET": "catalog:read", "POST": "products:write"}
    queryset = Plan.objects.none()
    filterset_class = PlanFilter

    @operation("list_plans", "List plans", PlanSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(visibility.plans(self.viewer), PlanSerializer)

    @operation("create_plan", "Create a plan", PlanSerializer, body=NewPlan, status=201)
    def post(self, request: Request) -> Response:
        values = self.valid(NewPlan)
        made = services.create_plan(
            actor=self.actor,
            product=selectors.get_product(values.pop("product")),
            limits=limit_inputs(values.pop("limits", [])),
            **values,
        )
        return self.created(
            PlanSerializer, selectors.get_plan(made.public_id), "plan", made.public_id
        )


class OnePlan(Endpoint):
    scopes = {"GET": "catalog:read", "PATCH": "products:write"}

    @operation("get_plan", "Read a plan", PlanSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        plan = visibility.one(visibility.plans(self.viewer), public_id)
        return Response(PlanSerializer(plan).data)

    @operation("update_plan", "Change a plan", PlanSerializer, body=PlanChangeBody)
    def patch(self, request: Request, public_id: str) -> Response:
        plan = selectors.get_plan(public_id)
        services.update_plan(actor=self.actor, plan=plan, **self.valid(PlanChangeBody))
        return Response(PlanSerializer(selectors.get_plan(public_id)).data)


class _PlanAction(Endpoint):
    scopes = {"POST": "products:write"}

    def act(self, public_id: str, change: Callable[..., Plan]) -> Response:
        change(actor=self.actor, plan=selectors.get_plan(public_id))
        return Response(PlanSerializer(selectors.get_plan(public_id)).data)


class PublishPlan(_PlanAction):
    @operation("publish_plan", "Publish a plan", PlanSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.publish_plan)


class RetirePlan(_PlanAction):
    @operation(
        "retire_plan",
        "Retire a plan",
        PlanSerializer,
        description="It takes no new subscriptions; those that exist go on.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.retire_plan)


class SetLimits(Endpoint):
    scopes = {"POST": "products:write"}

    @operation(
        "set_plan_limits",
        "Replace a plan's limits",
        LimitsSet,
        body=LimitsBody,
        description="They hold for all subscribers within about a second.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        plan = selectors.get_plan(public_id)
        limits = limit_inputs(self.valid(LimitsBody)["limits"])
        services.set_limits(actor=self.actor, plan=plan, limits=limits)
        return Response(LimitsSet(selectors.get_plan(public_id)).data)


def _versions(public_ids: Iterable[str]) -> list[ApiVersion]:
    found = []
    for number, public_id in enumerate(public_ids):
        try:
            found.append(selectors.get_version(public_id))
        except NotFound as error:
            raise InvalidInput(fields={f"versions/{number}": [str(error.title)]}) from error
    return found
