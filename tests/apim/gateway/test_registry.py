"""Gateways are registered with a token that is shown once."""

import json
import stat

import pytest
from django.core.management import CommandError, call_command

from apim.audit.actors import SYSTEM
from apim.audit.models import AuditEvent
from apim.core.errors import InvalidInput, NotFound
from apim.gateway import selectors
from apim.gateway.errors import GatewayStateConflict, GatewayTokenUnknown
from apim.gateway.models import Gateway
from apim.gateway.services import (
    adopt_gateway,
    disable_gateway,
    enable_gateway,
    gateway_by_token,
    register_gateway,
)


@pytest.mark.django_db
def test_token_is_known_but_not_stored(store):
    registered = register_gateway(actor=SYSTEM, name="Edge", kind="envoy")
    row = Gateway.objects.get()
    assert registered.token not in str(vars(row).values())
    assert gateway_by_token(registered.token) == row
    assert AuditEvent.objects.get().action == "gateway.registered"
    for wrong in ("", "gwt_x", registered.token[:-1]):
        with pytest.raises(GatewayTokenUnknown):
            gateway_by_token(wrong)


@pytest.mark.django_db
@pytest.mark.parametrize(("name", "kind"), [("", "envoy"), ("Edge", "envoy"), ("New", "apache")])
def test_name_must_be_new_and_kind_known(store, name, kind):
    register_gateway(actor=SYSTEM, name="Edge", kind="nginx")
    with pytest.raises(InvalidInput):
        register_gateway(actor=SYSTEM, name=name, kind=kind)


@pytest.mark.django_db
def test_adopting_twice_changes_nothing_and_a_new_token_replaces_the_old(store):
    def adopt(token):
        return adopt_gateway(actor=SYSTEM, name="Embedded", kind="envoy", token=token)

    assert adopt("t" * 40) is True
    assert adopt("t" * 40) is False
    assert adopt("u" * 40) is True
    assert Gateway.objects.count() == 1
    assert gateway_by_token("u" * 40)
    with pytest.raises(InvalidInput):
        adopt("short")


@pytest.mark.django_db
def test_disabling_is_undone_by_enabling_and_not_repeated(store):
    registered = register_gateway(actor=SYSTEM, name="Edge", kind="envoy")
    disable_gateway(actor=SYSTEM, gateway=registered.gateway)
    with pytest.raises(GatewayStateConflict):
        disable_gateway(actor=SYSTEM, gateway=registered.gateway)
    with pytest.raises(GatewayTokenUnknown):
        gateway_by_token(registered.token)
    assert selectors.gateway_statuses()[0].contact == "disabled"
    enable_gateway(actor=SYSTEM, gateway=registered.gateway)
    assert gateway_by_token(registered.token)
    assert selectors.gateway_statuses()[0].contact == "never"


@pytest.mark.django_db
def test_unknown_gateway_is_not_found():
    with pytest.raises(NotFound):
        selectors.get_gateway("gtw_charlie")


def test_bootstrap_holds_both_tokens_and_only_its_owner_reads_it(tmp_path, settings):
    settings.APIM_AUTHORIZER_TOKEN = "authorizer-token"
    file = tmp_path / "envoy.json"
    call_command("envoy_bootstrap", gateway_token="gwt_" + "x" * 43, output=file)
    text = file.read_text()
    assert "authorizer-token" in text
    assert "Bearer gwt_" in text
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(text)["node"]["cluster"] == "apim"
    with pytest.raises(CommandError):
        call_command("envoy_bootstrap", gateway_token="")
    with pytest.raises(CommandError):
        call_command("envoy_bootstrap", gateway_token="t", web_url="nonsense")
