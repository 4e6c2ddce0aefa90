"""Registered gateways and their tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.operating import GatewayFilter
from apim.api.v1.serializers.operating import (
    ConnectionSerializer,
    GatewaySerializer,
    LendingSerializer,
    NewGateway,
    RegisteredGatewaySerializer,
)
from apim.gateway import selectors, services
from apim.gateway.connecting import connection_of
from apim.gateway.lending import lending_report
from apim.gateway.models import Gateway
from apim.gateway.selectors import GatewayStatus, gateway_status, gateway_statuses

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request


class _ShowsToken(Endpoint):
    secret_fields = ("secret",)

    def shown_once(self, registered: services.RegisteredGateway) -> Response:
        shown = {
            "gateway": gateway_status(registered.gateway),
            "secret": registered.token,
        }
        response = self.created(
            RegisteredGatewaySerializer, shown, "gateway", registered.gateway.public_id
        )
        response["Cache-Control"] = "no-store"
        return response


class Gateways(_ShowsToken):
    scopes = {"GET": "gateways:read", "POST": "gateways:write"}
    queryset = Gateway.objects.none()
    filterset_class = GatewayFilter

    @operation("list_gateways", "List gateways", GatewaySerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(Gateway.objects.all(), GatewaySerializer, _statuses)

    @operation(
        "register_gateway",
        "Register a gateway",
        RegisteredGatewaySerializer,
        body=NewGateway,
        status=201,
        description="Its token is shown this once.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewGateway)
        return self.shown_once(services.register_gateway(actor=self.actor, **values))


class OneGateway(Endpoint):
    scopes = {"GET": "gateways:read"}

    @operation("get_gateway", "Read a gateway", GatewaySerializer)
    def get(self, request: Request, public_id: str) -> Response:
        gateway = selectors.get_gateway(public_id)
        return Response(GatewaySerializer(gateway_status(gateway)).data)


class Lending(Endpoint):
    scopes = {"GET": "gateways:read"}

    @operation(
        "get_lending",
        "Read what lending calls to gateways costs",
        LendingSerializer,
        description="Of the last 24 hours, over all gateways that are lent calls in advance: "
        "Envoys do not ask about each call. What is lent counts at once.",
    )
    def get(self, request: Request) -> Response:
        return Response(LendingSerializer(lending_report()).data)


class GatewayConnection(Endpoint):
    scopes = {"GET": "gateways:read"}

    @operation("get_gateway_connection", "Read how a gateway is connected", ConnectionSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(ConnectionSerializer(connection_of(selectors.get_gateway(public_id))).data)


class RotateGatewayToken(_ShowsToken):
    scopes = {"POST": "gateways:write"}

    @operation(
        "rotate_gateway_token",
        "Give a gateway a new token",
        RegisteredGatewaySerializer,
        status=201,
        description="The old token stops within seconds.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        gateway = selectors.get_gateway(public_id)
        return self.shown_once(services.rotate_gateway_token(actor=self.actor, gateway=gateway))


class _GatewayAction(Endpoint):
    scopes = {"POST": "gateways:write"}

    def act(self, public_id: str, change: Callable[..., Gateway]) -> Response:
        changed = change(actor=self.actor, gateway=selectors.get_gateway(public_id))
        return Response(GatewaySerializer(gateway_status(changed)).data)


class DisableGateway(_GatewayAction):
    @operation("disable_gateway", "Refuse a gateway's token", GatewaySerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.disable_gateway)


class EnableGateway(_GatewayAction):
    @operation("enable_gateway", "Accept a gateway's token again", GatewaySerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.enable_gateway)


def _statuses(page: list[Gateway]) -> list[GatewayStatus]:
    known = {status.gateway.pk: status for status in gateway_statuses()}
    return [known[gateway.pk] for gateway in page]
