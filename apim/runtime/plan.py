"""Reads the environment and the state folder into the plan of one `make up`."""

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

import certifi

from apim.env import env_bool, env_int, env_path
from apim.runtime.embedded import LOOPBACK, EmbeddedPostgres, EmbeddedRedis, free_port
from apim.runtime.home import (
    ADMIN_PASSWORD,
    GATEWAY_TOKEN,
    SHARED_SECRETS,
    STRIPE_SIMULATOR_SECRETS,
    Home,
)
from apim.runtime.preflight import check_ports, is_free
from apim.runtime.processes import Plan, Ports, access_log

if TYPE_CHECKING:
    from collections.abc import Callable

PORT_VARIABLES = {
    "web": ("APIM_WEB_PORT", 8000),
    "authorizer": ("APIM_AUTHORIZER_PORT", 8001),
    "gateway": ("APIM_GATEWAY_PORT", 8080),
    "demo_upstreams": ("APIM_DEMO_UPSTREAMS_PORT", 8002),
}
PRIVATE_PORTS = ("postgres", "redis", "envoy_admin", "stripe")


def home_folder(root: Path) -> Path:
    return env_path("APIM_HOME", root / ".apim")


def make_plan(home: Home, *, with_demo: bool, is_running: bool = False) -> Plan:
    """Return the plan. Raises RuntimeProblem for a taken port, EnvironmentProblem for a bad value.

    `is_running`: what runs from the home already, whose ports are taken.
    """
    with_envoy = env_bool("APIM_EMBEDDED_ENVOY", default=True)
    public = {name: env_int(*of) for name, of in PORT_VARIABLES.items()}
    if not is_running:
        _check_public_ports(public, with_envoy=with_envoy, with_demo=with_demo)
        _forget_taken_ports(home)
    private = home.ports(dict.fromkeys(PRIVATE_PORTS, free_port))
    secrets = {**home.secrets(), **_given(home.secrets())}
    postgres = None
    if not os.environ.get("DATABASE_URL"):
        postgres = EmbeddedPostgres(
            data_folder=home.folder / "postgres",
            port=private["postgres"],
            durable=True,
            password=secrets["APIM_POSTGRES_PASSWORD"],
        )
    redis = None
    if not os.environ.get("REDIS_URL"):
        redis = EmbeddedRedis(
            folder=home.folder / "redis",
            port=private["redis"],
            durable=True,
            password=secrets["APIM_REDIS_PASSWORD"],
        )
    ports = Ports(
        web=public["web"],
        authorizer=public["authorizer"],
        gateway=public["gateway"],
        demo_upstreams=public["demo_upstreams"],
        envoy_admin=private["envoy_admin"],
        stripe=private["stripe"],
    )
    return Plan(
        home=home,
        ports=ports,
        env={**_environment(home, ports, secrets, postgres, redis), **_stripe(ports, secrets)},
        admin_password=secrets[ADMIN_PASSWORD],
        gateway_token=secrets[GATEWAY_TOKEN],
        postgres=postgres,
        redis=redis,
        with_envoy=with_envoy,
        with_stripe_simulator=_is_stripe_simulated(),
        with_demo=with_demo,
        web_workers=env_int("APIM_WEB_WORKERS", 1, minimum=1),
        worker_concurrency=env_int("APIM_WORKER_CONCURRENCY", 2, minimum=1),
    )


def _check_public_ports(ports: dict[str, int], *, with_envoy: bool, with_demo: bool) -> None:
    unused = {
        name for name, used in (("gateway", with_envoy), ("demo_upstreams", with_demo)) if not used
    }
    check_ports(
        {PORT_VARIABLES[name][0]: port for name, port in ports.items() if name not in unused}
    )


def _forget_taken_ports(home: Home) -> None:
    """Ports that only our own processes use are remembered, unless somebody took them."""
    wanted: dict[str, Callable[[], int]] = dict.fromkeys(PRIVATE_PORTS, free_port)
    for name, port in home.ports(wanted).items():
        if not is_free(port):
            home.forget_port(name)


def _given(names: dict[str, str]) -> dict[str, str]:
    """Return the secrets that the environment sets, which win over generated ones."""
    return {name: os.environ[name] for name in names if os.environ.get(name)}


def _is_stripe_simulated() -> bool:
    """Without Stripe's keys, and without a simulator elsewhere, the product runs on its own one."""
    return not (os.environ.get("STRIPE_SECRET_KEY") or os.environ.get("APIM_STRIPE_SIMULATOR_URL"))


def _stripe(ports: Ports, secrets: dict[str, str]) -> dict[str, str]:
    """Return what every process needs to find the local Stripe simulator, if it runs."""
    if not _is_stripe_simulated():
        return {}
    url = f"http://{LOOPBACK}:{ports.stripe}"
    shared = {name: secrets[name] for name in STRIPE_SIMULATOR_SECRETS}
    return {**shared, "APIM_STRIPE_SIMULATOR_URL": url, "APIM_STRIPE_SIMULATOR_PUBLIC_URL": url}


def _root_certificates() -> str:
    """Return this machine's root certificates, or those that come with Python's packages."""
    found = ssl.get_default_verify_paths().cafile
    return found if found and Path(found).exists() else certifi.where()


def _environment(
    home: Home,
    ports: Ports,
    secrets: dict[str, str],
    postgres: EmbeddedPostgres | None,
    redis: EmbeddedRedis | None,
) -> dict[str, str]:
    """Return the environment of every process: what is set already wins over our defaults."""
    defaults = {
        "DJANGO_SETTINGS_MODULE": "apim.settings.local",
        # A name, since browsers keep passkeys for no address of numbers.
        "APIM_PUBLIC_URL": f"http://localhost:{ports.web}",
        "APIM_GATEWAY_URL": f"http://127.0.0.1:{ports.gateway}",
        "APIM_GATEWAY_LISTEN_ADDRESS": LOOPBACK,
        "APIM_ENVOY_TRUSTED_CA": _root_certificates(),
        "PYTHONUNBUFFERED": "1",
    }
    fixed = {
        "APIM_HOME": str(home.folder),
        "APIM_WEB_PORT": str(ports.web),
        "APIM_AUTHORIZER_PORT": str(ports.authorizer),
        "APIM_GATEWAY_PORT": str(ports.gateway),
        "APIM_DEMO_UPSTREAMS_PORT": str(ports.demo_upstreams),
        "APIM_ENVOY_ACCESS_LOG": str(access_log(home)),
        **{name: secrets[name] for name in SHARED_SECRETS},
    }
    if postgres is not None:
        fixed["DATABASE_URL"] = postgres.url()
    if redis is not None:
        fixed["REDIS_URL"] = redis.url()
    return {**defaults, **os.environ, **fixed}
