"""Registering gateways, and knowing them by their tokens."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.core.errors import InvalidInput
from apim.core.ids import random_base62
from apim.gateway.envoy.upstreams import UpstreamInvalid, parse_upstream
from apim.gateway.errors import GatewayStateConflict, GatewayTokenUnknown, UpstreamRefused
from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from apim.audit.actors import Actor

TOKEN_PREFIX = "gwt_"  # noqa: S105 - the readable beginning, not a token
TOKEN_RANDOM_LENGTH = 43
TOKEN_MINIMUM_LENGTH = 24
# A disabled gateway or an old token is refused after this long at the latest.
TOKEN_MEMORY_SECONDS = 5.0
TOKEN_MEMORY_SIZE = 1000


@dataclass(frozen=True, slots=True)
class RegisteredGateway:
    """`token` is shown once and not stored."""

    gateway: Gateway
    token: str


def register_gateway(*, actor: Actor, name: str, kind: str) -> RegisteredGateway:
    """Raises InvalidInput when the name is empty or taken or the kind unknown."""
    token = _new_token()
    return RegisteredGateway(_create(actor, name, kind, token), token)


@transaction.atomic
def adopt_gateway(*, actor: Actor, name: str, kind: str, token: str) -> bool:
    """Make sure that this gateway exists with this token; false if that was so already.

    For installations that make the token themselves. Raises InvalidInput for a short token.
    """
    if len(token) < TOKEN_MINIMUM_LENGTH:
        raise InvalidInput(
            _("A gateway token needs at least %d characters.") % TOKEN_MINIMUM_LENGTH
        )
    gateway = Gateway.objects.select_for_update().filter(name=name).first()
    if gateway is None:
        _create(actor, name, kind, token)
        return True
    if gateway.token_hash == _hash(token):
        return False
    _set_token(actor, gateway, token)
    return True


@transaction.atomic
def rotate_gateway_token(*, actor: Actor, gateway: Gateway) -> RegisteredGateway:
    """Give the gateway a new token; the old one stops within TOKEN_MEMORY_SECONDS."""
    token = _new_token()
    _set_token(actor, gateway, token)
    gateway.refresh_from_db()
    return RegisteredGateway(gateway, token)


def disable_gateway(*, actor: Actor, gateway: Gateway) -> Gateway:
    """Refuse the gateway's token from now on. Raises GatewayStateConflict."""
    return _move(actor, gateway, Gateway.State.ACTIVE, Gateway.State.DISABLED)


def enable_gateway(*, actor: Actor, gateway: Gateway) -> Gateway:
    """Raises GatewayStateConflict."""
    return _move(actor, gateway, Gateway.State.DISABLED, Gateway.State.ACTIVE)


def check_upstream(url: str, *, field: str = "upstream_url") -> None:
    """Tell before publishing whether Envoy could serve the URL. Raises UpstreamRefused."""
    try:
        parse_upstream(url)
    except UpstreamInvalid as error:
        raise UpstreamRefused(str(error), fields={field: [str(error)]}) from None


class _TokenMemory:
    """Gateways by the hash of their token, unknown ones too, for TOKEN_MEMORY_SECONDS."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[float, Gateway | None]] = {}
        self._lock = Lock()

    def get(self, token_hash: str) -> Gateway | None:
        now = time.monotonic()
        entry = self._entries.get(token_hash)
        if entry is not None and entry[0] > now:
            return entry[1]
        gateway = Gateway.objects.active().filter(token_hash=token_hash).first()
        with self._lock:
            if len(self._entries) >= TOKEN_MEMORY_SIZE:
                self._entries.clear()
            self._entries[token_hash] = (now + TOKEN_MEMORY_SECONDS, gateway)
        return gateway

    def forget(self) -> None:
        with self._lock:
            self._entries.clear()


token_memory = _TokenMemory()


def gateway_by_token(token: str) -> Gateway:
    """Return the active gateway. Raises GatewayTokenUnknown.

    Remembered for TOKEN_MEMORY_SECONDS, fields included: ask the database for a fresh state.
    """
    gateway = token_memory.get(_hash(token)) if token else None
    if gateway is None:
        raise GatewayTokenUnknown
    return gateway


def _new_token() -> str:
    return f"{TOKEN_PREFIX}{random_base62(TOKEN_RANDOM_LENGTH)}"


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _create(actor: Actor, name: str, kind: str, token: str) -> Gateway:
    name = name.strip()
    if not name:
        raise InvalidInput(fields={"name": [_("Give the gateway a name.")]})
    if kind not in Gateway.Kind.values:
        raise InvalidInput(fields={"kind": [_("This kind of gateway is not known.")]})
    try:
        with transaction.atomic():
            gateway = Gateway.objects.create(
                name=name, kind=kind, token_hash=_hash(token), token_start=token[:12]
            )
            record(actor, "gateway.registered", gateway, after={"name": name, "kind": kind})
    except IntegrityError:
        raise InvalidInput(fields={"name": [_("Another gateway has this name.")]}) from None
    token_memory.forget()
    return gateway


def _set_token(actor: Actor, gateway: Gateway, token: str) -> None:
    Gateway.objects.filter(pk=gateway.pk).update(token_hash=_hash(token), token_start=token[:12])
    record(actor, "gateway.token_rotated", gateway)
    token_memory.forget()


@transaction.atomic
def _move(actor: Actor, gateway: Gateway, old: str, new: str) -> Gateway:
    if Gateway.objects.filter(pk=gateway.pk, state=old).update(state=new) != 1:
        raise GatewayStateConflict
    action = "gateway.disabled" if new == Gateway.State.DISABLED else "gateway.enabled"
    record(actor, action, gateway, before={"state": str(old)}, after={"state": str(new)})
    token_memory.forget()
    gateway.refresh_from_db()
    return gateway
