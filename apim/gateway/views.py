"""What Envoy calls in the web process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from apim.core.errors import DomainError, InvalidInput, NotFound
from apim.gateway import discovery
from apim.gateway.edge import machine

if TYPE_CHECKING:
    from apim.gateway.edge import GatewayRequest


class MethodNotAllowed(DomainError):
    code = "method_not_allowed"
    status = 405
    title = "Discovery is asked by POST"


@machine("gateway")
def discover(request: GatewayRequest, kind: str) -> HttpResponse:
    """Answer POST /v3/discovery:<kind>, with 304 when the Envoy has the current version."""
    if request.method != "POST":
        raise MethodNotAllowed
    if kind not in discovery.TYPE_URLS:
        raise NotFound
    body = discovery.answer(_poll(request, kind))
    if body is None:
        return HttpResponse(status=304)
    return HttpResponse(body, content_type="application/json")


def _poll(request: GatewayRequest, kind: str) -> discovery.Poll:
    refusal = InvalidInput(_("The body must be a DiscoveryRequest in JSON."))
    try:
        asked = json.loads(request.body)
        node = asked.get("node") or {}
        known = str(asked.get("version_info") or "")
        node_id = str(node.get("id") or "")
        software = _software(node)
    except (ValueError, AttributeError, RecursionError):
        raise refusal from None
    if not f"{known}{node_id}{software}".isprintable():  # nor could Redis or PostgreSQL hold it
        raise refusal
    return discovery.Poll(
        gateway=request.gateway,
        node_id=node_id,
        kind=kind,
        known_version=known,
        software=software,
    )


def _software(node: dict[str, Any]) -> str:
    version = (node.get("user_agent_build_version") or {}).get("version") or {}
    numbers = [version.get(part, 0) for part in ("major_number", "minor_number", "patch")]
    return f"{node.get('user_agent_name', 'envoy')} {'.'.join(map(str, numbers))}"
