"""What to put where in a gateway so that its usage arrives here: ready to paste, per kind.

The texts stand in `snippets/`, with our address and the token left out; docs/integrations explains
them, and a test holds both together.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

FOLDER = Path(__file__).parent / "snippets"
ADDRESS, TOKEN = "https://apim.example", "<token>"
USAGE = "/gateway/v1/usage"


@dataclass(frozen=True, slots=True)
class Snippet:
    """One text to paste, and where it belongs."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a gateway of this kind sends its usage, and how it is told so."""

    url: str
    page: str
    snippets: tuple[Snippet, ...]


class _Recipe(NamedTuple):
    """`log` is the file that the shipper reads, if that delivers."""

    path: str
    page: str
    texts: tuple[tuple[StrOrPromise, str], ...]
    log: str = ""


_RECIPES: dict[str, _Recipe] = {
    Gateway.Kind.ENVOY: _Recipe(
        f"{USAGE}/envoy",
        "envoy",
        (
            (_("An Envoy that gets its routes from here"), "envoy-managed"),
            (_("Access log of an Envoy with routes of its own"), "envoy-log"),
        ),
        "/var/log/envoy/usage.json",
    ),
    Gateway.Kind.NGINX: _Recipe(
        f"{USAGE}/nginx",
        "nginx",
        ((_("Access log"), "nginx"), (_("Ask whether a call may pass"), "nginx-check")),
        "/var/log/nginx/usage.json",
    ),
    Gateway.Kind.CADDY: _Recipe(
        f"{USAGE}/caddy", "caddy", ((_("Access log"), "caddy"),), "/var/log/caddy/usage.json"
    ),
    Gateway.Kind.HAPROXY: _Recipe(
        f"{USAGE}/haproxy",
        "haproxy",
        (
            (_("HAProxy 3.0 and later"), "haproxy"),
            (_("Before HAProxy 3.0"), "haproxy-before-3"),
            (_("Ask whether a call may pass: apim.lua"), "haproxy-check"),
            (_("Ask whether a call may pass: haproxy.cfg"), "haproxy-use-check"),
        ),
        "/var/log/haproxy/usage.json",
    ),
    Gateway.Kind.TRAEFIK: _Recipe(
        f"{USAGE}/traefik",
        "traefik",
        ((_("Access log"), "traefik"),),
        "/var/log/traefik/usage.json",
    ),
    Gateway.Kind.KONG: _Recipe(f"{USAGE}/kong", "kong", ((_("Plugin http-log"), "kong"),)),
    Gateway.Kind.APISIX: _Recipe(
        f"{USAGE}/apisix", "apisix", ((_("Plugin http-logger"), "apisix"),)
    ),
    Gateway.Kind.TYK: _Recipe(
        "/services/collector/event/1.0", "tyk", ((_("Tyk Pump, pump.conf"), "tyk"),)
    ),
    Gateway.Kind.AWS: _Recipe(
        f"{USAGE}/firehose",
        "aws",
        ((_("Firehose stream"), "aws-firehose"), (_("Access log format of the stage"), "aws-log")),
    ),
    Gateway.Kind.AZURE: _Recipe(
        f"{USAGE}/azure",
        "azure",
        ((_("Named value apim-token"), "azure-token"), (_("Policy"), "azure")),
    ),
    Gateway.Kind.GRAVITEE: _Recipe(
        f"{USAGE}/gravitee",
        "gravitee",
        (
            (_("File reporter, and the shipper"), "gravitee-file"),
            (_("Or Elasticsearch reporter"), "gravitee-bulk"),
        ),
        "/var/log/gravitee/*",
    ),
    Gateway.Kind.THREESCALE: _Recipe(
        "/transactions.xml",
        "3scale",
        (
            (_("APIcast, environment"), "3scale"),
            (_("APIcast, THREESCALE_CONFIG_FILE"), "3scale-service"),
            (_("Any client that reports"), "3scale-report"),
        ),
    ),
    Gateway.Kind.OTLP: _Recipe("/v1/logs", "opentelemetry", ((_("Collector"), "otlp"),)),
    Gateway.Kind.OPENMETER: _Recipe(
        "/openmeter/events",
        "cloudevents",
        (
            (_("Kong’s plugin metering-and-billing"), "openmeter"),
            (_("Any client of OpenMeter"), "openmeter-event"),
        ),
    ),
    Gateway.Kind.OTHER: _Recipe(
        USAGE, "own", ((_("One call in our own form"), "own"),), "/var/log/gateway/usage.json"
    ),
}


def connection_of(gateway: Gateway, *, token: str = TOKEN) -> Connection:
    """How this gateway is connected; with its token, which is known only when it was just issued."""
    recipe = _RECIPES[gateway.kind]
    snippets = [Snippet(str(title), _filled(_text(name), token)) for title, name in recipe.texts]
    if recipe.log:
        shipper = _text("shipper").replace("<log>", recipe.log).replace("<path>", recipe.path)
        title = str(_("Shipper, beside the gateway"))
        snippets.append(Snippet(title, _filled(shipper.replace("<name>", gateway.kind), token)))
    return Connection(f"{settings.APIM_PUBLIC_URL}{recipe.path}", recipe.page, tuple(snippets))


def _text(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text().rstrip("\n")


def _filled(text: str, token: str) -> str:
    return text.replace(ADDRESS, settings.APIM_PUBLIC_URL).replace(TOKEN, token)
