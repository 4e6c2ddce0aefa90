"""An Envoy that asks the authorizer through a relay which can be cut."""

from types import SimpleNamespace

import httpx
import pytest
from django.conf import settings

from apim.audit.actors import SYSTEM
from apim.gateway import grants, tasks
from apim.gateway.envoy.bootstrap import BootstrapSettings, build_bootstrap
from apim.gateway.services import register_gateway
from apim.runtime.embedded import free_port
from tests.apim.gateway.stage import AUTHORIZER_TOKEN, Envoy, Relay, Web
from tests.apim.gateway.world import make_world
from tests.deadline import eventually


@pytest.fixture(scope="module")
def site(folder, test_database_url, authorizer):
    port = free_port()
    access_log = folder / "leases.access.log"
    web = Web(
        folder,
        database_url=test_database_url,
        redis_url=settings.REDIS_URL,
        APIM_GATEWAY_LISTEN_ADDRESS="127.0.0.1",
        APIM_GATEWAY_PORT=str(port),
        APIM_ENVOY_ACCESS_LOG=str(access_log),
        APIM_PUBLIC_URL="http://portal.test",
    )
    yield SimpleNamespace(web=web, port=port, access_log=access_log, authorizer=authorizer)
    web.stop()


@pytest.fixture
def told(site, settings):
    settings.APIM_GATEWAY_LISTEN_ADDRESS = "127.0.0.1"
    settings.APIM_GATEWAY_PORT = site.port
    settings.APIM_ENVOY_ACCESS_LOG = str(site.access_log)
    settings.APIM_PUBLIC_URL = "http://portal.test"
    return site


@pytest.fixture
def world(transactional_db, store, told, upstream):
    made = make_world(upstream_url=upstream.url, limits=[("day", 100_000)])
    grants.project_all()
    tasks.serve_version(made.version.pk)
    return made


@pytest.fixture
def relay(authorizer):
    """What stands between Envoy and the authorizer, and can be cut."""
    made = Relay(authorizer.port)
    yield made
    made.stop()


@pytest.fixture
def start(world, told, tmp_path):
    """Start Envoys that share one configuration; they all listen on one port (SO_REUSEPORT)."""
    started = []

    def one(authorizer_url, *, workers=1):
        registered = register_gateway(actor=SYSTEM, name=f"Edge {len(started)}", kind="envoy")
        admin_port = free_port()
        bootstrap = build_bootstrap(
            BootstrapSettings(
                gateway_token=registered.token,
                authorizer_token=AUTHORIZER_TOKEN,
                web_url=told.web.url,
                authorizer_url=authorizer_url,
                admin_address="127.0.0.1",
                admin_port=admin_port,
                trusted_ca=settings.APIM_ENVOY_TRUSTED_CA,
                node_id=f"gateway-{len(started)}",
            )
        )
        process = Envoy(
            tmp_path, bootstrap=bootstrap, admin_port=admin_port, port=told.port, workers=workers
        )
        started.append(process)
        eventually(lambda: process.status("/") == 404)
        eventually(lambda: _listens(process))
        return process

    yield one
    for process in started:
        process.stop()


def _listens(process):
    return "apim_gateway" in httpx.get(f"{process.admin_url}/listeners").text


@pytest.fixture
def envoy(start, relay):
    return start(relay.url)
