"""What Envoy's polls are answered, and what is remembered of them."""

import json

import pytest
from django.test import Client

from apim.audit.actors import SYSTEM
from apim.gateway import discovery
from apim.gateway.models import Gateway
from apim.gateway.selectors import gateway_status
from apim.gateway.services import disable_gateway, register_gateway, rotate_gateway_token
from apim.gateway.snapshots import rebuild_envoy_snapshot
from tests.apim.gateway.world import make_version

pytestmark = pytest.mark.django_db

KINDS = ("clusters", "listeners", "routes")


class FakelessEnvoy:
    """Polls like Envoy does; it takes what it is sent unless told to refuse."""

    def __init__(self, token):
        self.headers = {"authorization": f"Bearer {token}"}
        self.known = dict.fromkeys(KINDS, "")

    def poll(self, kind, *, take=True):
        body = {
            "node": {
                "id": "one",
                "user_agent_name": "envoy",
                "user_agent_build_version": {
                    "version": {"major_number": 1, "minor_number": 40, "patch": 0}
                },
            },
            "version_info": self.known[kind],
        }
        answer = Client().post(
            f"/v3/discovery:{kind}",
            json.dumps(body),
            content_type="application/json",
            headers=self.headers,
        )
        if answer.status_code == 200 and take:
            self.known[kind] = answer.json()["version_info"]
        return answer

    def settle(self):
        for _ in range(2):
            for kind in KINDS:
                self.poll(kind)


@pytest.fixture
def registered(store):
    return register_gateway(actor=SYSTEM, name="Edge", kind="envoy")


@pytest.fixture
def envoy(registered):
    make_version(upstream_url="http://127.0.0.1:9")
    return FakelessEnvoy(registered.token)


def publish():
    version = make_version(upstream_url="http://127.0.0.1:10")
    snapshot = rebuild_envoy_snapshot(reason="test")
    discovery.current.forget()
    return version, snapshot


def test_first_poll_gets_everything_and_the_next_nothing_new(envoy):
    for kind in KINDS:
        answer = envoy.poll(kind)
        assert answer.status_code == 200
        assert answer.json()["resources"][0]["@type"] == discovery.TYPE_URLS[kind]
    for kind in KINDS:
        assert envoy.poll(kind).status_code == 304


def test_routes_wait_for_the_clusters_that_they_name(envoy):
    envoy.settle()
    publish()
    assert envoy.poll("routes").status_code == 304
    assert envoy.poll("clusters").status_code == 200
    assert envoy.poll("routes").status_code == 200


def test_contact_and_applied_version_are_written(envoy, registered):
    envoy.settle()
    gateway = Gateway.objects.get(pk=registered.gateway.pk)
    status = gateway_status(gateway)
    assert status.contact == "online"
    assert status.is_current
    assert gateway.software_version == "envoy 1.40.0"

    publish()
    status = gateway_status(Gateway.objects.get(pk=gateway.pk))
    assert not status.is_current
    envoy.settle()
    assert gateway_status(Gateway.objects.get(pk=gateway.pk)).is_current


def test_configuration_that_envoy_does_not_take_is_shown_and_forgotten_when_it_does(
    envoy, registered
):
    envoy.settle()
    publish()
    for _ in range(3):
        envoy.poll("clusters", take=False)
    assert "clusters" in Gateway.objects.get(pk=registered.gateway.pk).last_error

    envoy.settle()
    assert Gateway.objects.get(pk=registered.gateway.pk).last_error == ""


def test_stranger_disabled_gateway_and_old_token_are_refused(envoy, registered):
    assert FakelessEnvoy("").poll("clusters").status_code == 401
    refused = FakelessEnvoy("gwt_charlie").poll("clusters")
    assert refused.status_code == 401
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["code"] == "gateway_token_unknown"

    rotated = rotate_gateway_token(actor=SYSTEM, gateway=registered.gateway)
    assert envoy.poll("clusters").status_code == 401
    renewed = FakelessEnvoy(rotated.token)
    assert renewed.poll("clusters").status_code == 200
    disable_gateway(actor=SYSTEM, gateway=registered.gateway)
    assert renewed.poll("clusters").status_code == 401


def test_nonsense_is_refused_politely(envoy):
    def post(path, body):
        return Client().post(path, body, content_type="application/json", headers=envoy.headers)

    assert post("/v3/discovery:clusters", "{").status_code == 422
    assert post("/v3/discovery:clusters", "[1]").status_code == 422
    for node in (
        '{"user_agent_build_version": "1.40"}',
        '{"user_agent_name": "a\\u0000"}',
        '{"id": "\\ud800"}',
    ):
        assert post("/v3/discovery:clusters", f'{{"node": {node}}}').status_code == 422
    assert post("/v3/discovery:secrets", "{}").status_code == 404
    assert Client().get("/v3/discovery:clusters", headers=envoy.headers).status_code == 405
