"""A published API with a free and a paid plan, and Alice's application on it."""

import json
from datetime import timedelta
from decimal import Decimal

import pytest

from analytics.intake import receive
from analytics.rollups import roll_up
from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.core import clock
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from billing.services import set_price

TIDES = {
    "openapi": "3.1.0",
    "info": {"title": "Tides", "version": "1.4.0", "summary": "High and low water"},
    "servers": [{"url": "https://tides.internal.example/base"}],
    "tags": [{"name": "Water"}],
    "paths": {
        "/tides/{port}": {
            "get": {
                "operationId": "getTides",
                "tags": ["Water"],
                "summary": "Tides of one port",
                "parameters": [
                    {
                        "name": "port",
                        "in": "path",
                        "required": True,
                        "schema": {"type": "string"},
                        "example": "kiel",
                    },
                    {
                        "name": "on",
                        "in": "query",
                        "required": True,
                        "schema": {"type": "string", "format": "date"},
                    },
                ],
                "responses": {"200": {"description": "The tides"}},
            }
        },
        "/reports": {
            "post": {
                "operationId": "sendReport",
                "tags": ["Water"],
                "summary": "Report a level",
                "security": [{"basic": []}],
                "servers": [{"url": "https://elsewhere.example"}],
                "requestBody": {
                    "content": {
                        "application/json": {
                            "schema": {
                                "type": "object",
                                "required": ["metres"],
                                "properties": {"metres": {"type": "number", "minimum": 0}},
                            }
                        }
                    }
                },
                "responses": {"201": {"description": "Kept"}},
            }
        },
    },
    "components": {"securitySchemes": {"basic": {"type": "http", "scheme": "basic"}}},
}


@pytest.fixture
def tides(db):
    """The published version v1 of the API Tides."""
    api = catalog.create_api(
        actor=SYSTEM,
        raw=json.dumps(TIDES).encode(),
        filename="tides.json",
        name="Tides",
        slug="tides",
        summary="High and low water at any port",
        version_name="v1",
        tags=["sea", "weather"],
    )
    return catalog.publish_version(actor=SYSTEM, version=api.versions.get())


@pytest.fixture
def harbour(tides):
    """The product that offers Tides."""
    product = catalog.create_product(
        actor=SYSTEM, name="Harbour", slug="harbour", summary="All about water", versions=[tides]
    )
    return catalog.publish_product(actor=SYSTEM, product=product)


def make_plan(product, name, *, approval="automatic", limits=(("minute", 60),), price=None):
    plan = catalog.create_plan(
        actor=SYSTEM, product=product, name=name, approval=approval, limits=list(limits)
    )
    if price is not None:
        set_price(
            actor=SYSTEM,
            plan=plan,
            currency="EUR",
            unit_amount=Decimal(price),
            included_calls=1000,
        )
    return catalog.publish_plan(actor=SYSTEM, plan=plan)


@pytest.fixture
def free(harbour):
    return make_plan(harbour, "Free")


@pytest.fixture
def paid(harbour):
    return make_plan(harbour, "Paid", price="0.002", limits=[("second", 50), ("month", 500_000)])


@pytest.fixture
def gated(harbour):
    return make_plan(harbour, "Gated", approval="manual")


@pytest.fixture
def board(acme):
    """Acme's application."""
    return keys.create_application(actor=SYSTEM, organization=acme, name="Harbour board")


@pytest.fixture
def subscription(board, paid):
    return keys.subscribe(actor=SYSTEM, application=board, plan=paid)


@pytest.fixture
def issued(board):
    return keys.issue_key(actor=SYSTEM, application=board, name="Quay server")


@pytest.fixture
def key(issued):
    return issued.key


@pytest.fixture
def call(db):
    """`call(key, subscription, times=3, status=200)`: calls as Envoy logs them, counted."""
    gateway = register_gateway(actor=SYSTEM, name="quay", kind="envoy").gateway
    sent = iter(range(10**6))

    def made(key, subscription, *, times=1, status=200, ago=timedelta(0), path="/tides/kiel"):
        at = clock.now() - ago
        version = subscription.plan.product.versions.get()
        lines = [
            {
                "id": f"call-{next(sent)}",
                "ts": at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
                "type": "DownstreamEnd",
                "method": "GET",
                "path": f"/tides/v1{path}?on=2026-06-21",
                "host": "gateway",
                "status": status,
                "duration_ms": 12,
                "upstream_ms": 9,
                "request_bytes": 120,
                "response_bytes": 512,
                "flags": "-",
                "key": key.public_id,
                "application": key.application.public_id,
                "subscription": subscription.public_id,
                "version": version.public_id,
                "environment": key.environment,
                "ip": "192.0.2.7",
                "user_agent": "curl/8",
                "decision": "allowed",
            }
            for _ in range(times)
        ]
        body = "\n".join(json.dumps(line) for line in lines).encode()
        receipt = receive(gateway=gateway, body=body, max_age=timedelta(days=95))
        assert receipt.accepted == times
        while roll_up():
            pass

    return made
