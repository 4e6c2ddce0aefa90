"""Every process of the product: its command, its environment, how to tell that it is ready.

docker-compose.yml runs the same commands; tests/architecture/test_compose.py holds the two together.
"""

import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from apim.runtime.accesslog import AccessLogTurnover
from apim.runtime.embedded import LOOPBACK, EmbeddedPostgres, EmbeddedRedis, envoy_binary
from apim.runtime.home import Home
from apim.runtime.keeper import ProcessSpec
from apim.runtime.probes import answers, exists, http_ok

SERVICES = ("postgres", "redis")


@dataclass(frozen=True, kw_only=True)
class Ports:
    web: int
    authorizer: int
    gateway: int
    demo_upstreams: int
    envoy_admin: int
    stripe: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What one `make up` consists of. None means: an outside server is used instead."""

    home: Home
    ports: Ports
    env: Mapping[str, str]  # of every process
    admin_password: str
    gateway_token: str
    postgres: EmbeddedPostgres | None
    redis: EmbeddedRedis | None
    with_envoy: bool
    with_stripe_simulator: bool
    with_demo: bool
    web_workers: int
    worker_concurrency: int


def web_command(*, host: str, port: int, workers: int) -> list[str]:
    return [
        *["granian", "--interface", "wsgi", "apim.wsgi:application"],
        *["--host", host, "--port", str(port), "--workers", str(workers)],
        *["--blocking-threads", "8", "--no-ws", "--workers-kill-timeout", "10"],
    ]


def static_options(folder: str) -> list[str]:
    """Let Granian serve the collected files; their names carry a hash, so they never go stale."""
    return [
        *["--static-path-route", "/static", "--static-path-mount", folder],
        *["--static-path-expires", "31536000"],
    ]


def authorizer_command(*, host: str, port: int) -> list[str]:
    return [
        *["granian", "--interface", "asgi", "apim.gateway.authorizer:app"],
        *["--host", host, "--port", str(port), "--no-ws", "--workers-kill-timeout", "5"],
    ]


def worker_command(*, concurrency: int) -> list[str]:
    return [
        *["celery", "-A", "apim.celery", "--quiet", "worker", "--loglevel", "INFO"],
        *["--concurrency", str(concurrency), "--without-gossip", "--without-mingle"],
    ]


def usage_worker_command() -> list[str]:
    """Rolls usage up and does nothing else, so that no slow job holds up charts (ADR 0023)."""
    return [
        *["celery", "-A", "apim.celery", "--quiet", "worker", "--loglevel", "INFO"],
        *["--concurrency", "1", "--queues", "usage", "--hostname", "usage@%h"],
        *["--without-gossip", "--without-mingle"],
    ]


def scheduler_command(*, schedule_file: str) -> list[str]:
    return [
        *["celery", "-A", "apim.celery", "--quiet", "beat", "--loglevel", "INFO"],
        *["--schedule", schedule_file, "--pidfile", ""],
    ]


def stripe_simulator_command(*, host: str, port: int) -> list[str]:
    return [
        *["granian", "--interface", "asgi", "billing.stripe_simulator.app:app"],
        *["--host", host, "--port", str(port), "--no-ws", "--workers-kill-timeout", "5"],
    ]


def shipper_command() -> list[str]:
    return ["apim.gateway.shipper"]


def envoy_command(*, binary: str, bootstrap: str) -> list[str]:
    """Flush the access log ten times a second: usage shall show within two."""
    return [
        *[binary, "-c", bootstrap, "--file-flush-interval-msec", "100"],
        *["--disable-hot-restart", "--log-level", "warning"],
    ]


def access_log(home: Home) -> Path:
    return home.envoy / "access.log"


def processes(plan: Plan, root: Path) -> list[ProcessSpec]:
    """Return all processes in the order of starting; stopping goes backwards.

    Envoy is last but for the demo, so that its last calls are still decided and shipped.
    """
    specs = [*_services(plan), _prepare(plan, root)]
    if plan.with_stripe_simulator:
        specs.append(_stripe_simulator(plan))
    specs += _application(plan)
    if plan.with_envoy:
        specs += [_shipper(plan), _envoy(plan)]
    if plan.with_demo:
        specs += _demo(plan, root)
    return [replace(spec, quiet_start=not spec.one_shot) for spec in specs]


def _module(command: list[str]) -> list[str]:
    return [sys.executable, "-m", *command]


def _manage(root: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(root / "manage.py"), *arguments]


def _services(plan: Plan) -> list[ProcessSpec]:
    specs = []
    if plan.postgres is not None:
        postgres = plan.postgres
        specs.append(
            ProcessSpec(
                name="postgres",
                command=postgres.command(),
                ready=answers(lambda: _database_is_there(postgres)),
                stop_signal=postgres.stop_signal,
                death_signal=postgres.stop_signal,
                grace_seconds=30,
            )
        )
    if plan.redis is not None:
        specs.append(
            ProcessSpec(
                name="redis",
                command=plan.redis.command(),
                ready=answers(plan.redis.is_ready),
                death_signal=signal.SIGTERM,
            )
        )
    return specs


def _database_is_there(postgres: EmbeddedPostgres) -> bool:
    if not postgres.is_ready():
        return False
    postgres.ensure_database()
    return True


def _prepare(plan: Plan, root: Path) -> ProcessSpec:
    envoy = ["--envoy-bootstrap", str(_envoy_bootstrap(plan))] if plan.with_envoy else []
    return ProcessSpec(
        name="prepare",
        command=_manage(root, "prepare", *envoy),
        env={
            "APIM_ADMIN_PASSWORD": plan.admin_password,
            "APIM_GATEWAY_TOKEN": plan.gateway_token,
            "APIM_WEB_URL": f"http://{LOOPBACK}:{plan.ports.web}",
            "APIM_AUTHORIZER_URL": f"http://{LOOPBACK}:{plan.ports.authorizer}",
            "APIM_ENVOY_ADMIN_ADDRESS": LOOPBACK,
            "APIM_ENVOY_ADMIN_PORT": str(plan.ports.envoy_admin),
        },
        after=SERVICES,
        one_shot=True,
    )


def _application(plan: Plan) -> list[ProcessSpec]:
    web = web_command(host=LOOPBACK, port=plan.ports.web, workers=plan.web_workers)
    static = static_options(str(plan.home.folder / "static"))
    authorizer = authorizer_command(host=LOOPBACK, port=plan.ports.authorizer)
    schedule_file = str(plan.home.run / "schedule")
    return [
        _celery(plan, "worker", worker_command(concurrency=plan.worker_concurrency)),
        _celery(plan, "usage-worker", usage_worker_command()),
        _celery(plan, "scheduler", scheduler_command(schedule_file=schedule_file)),
        ProcessSpec(
            name="authorizer",
            command=_module(authorizer),
            after=SERVICES,
            ready=http_ok(plan.ports.authorizer, "/readyz"),
            death_signal=signal.SIGTERM,
        ),
        ProcessSpec(
            name="web",
            command=_module([*web, *static]),
            after=("prepare",),
            ready=http_ok(plan.ports.web, "/readyz"),
            death_signal=signal.SIGTERM,
        ),
    ]


def _stripe_simulator(plan: Plan) -> ProcessSpec:
    webhooks = f"http://{LOOPBACK}:{plan.ports.web}/webhooks/stripe/"
    return ProcessSpec(
        name="stripe",
        command=_module(stripe_simulator_command(host=LOOPBACK, port=plan.ports.stripe)),
        env={"APIM_STRIPE_SIMULATOR_WEBHOOK_URL": webhooks},
        ready=http_ok(plan.ports.stripe, "/readyz"),
        death_signal=signal.SIGTERM,
    )


def _celery(plan: Plan, name: str, command: list[str]) -> ProcessSpec:
    heartbeat = plan.home.run / f"{name}.alive"
    return ProcessSpec(
        name=name,
        command=_module(command),
        after=("prepare",),
        env={
            "APIM_HEARTBEAT_FILE": str(heartbeat),
            # It warns of root at each start; inside `make up` there is nobody else to run as.
            "PYTHONWARNINGS": "ignore::UserWarning:celery.platforms",
        },
        before_start=lambda: heartbeat.unlink(missing_ok=True),
        ready=exists(heartbeat),
        # A cold stop: tasks are acknowledged late, so what was running runs again.
        death_signal=signal.SIGQUIT,
        grace_seconds=20,
    )


def _checkpoint(home: Home) -> Path:
    return home.envoy / "shipper.checkpoint"


def _shipper(plan: Plan) -> ProcessSpec:
    heartbeat = plan.home.run / "shipper.alive"
    return ProcessSpec(
        name="shipper",
        command=_module(shipper_command()),
        after=("prepare",),
        env={
            "APIM_SHIPPER_HEARTBEAT": str(heartbeat),
            "APIM_SHIPPER_FILE": str(access_log(plan.home)),
            "APIM_SHIPPER_URL": f"http://{LOOPBACK}:{plan.ports.web}/gateway/v1/usage",
            "APIM_SHIPPER_TOKEN": plan.gateway_token,
            "APIM_SHIPPER_CHECKPOINT": str(_checkpoint(plan.home)),
        },
        before_start=lambda: heartbeat.unlink(missing_ok=True),
        ready=exists(heartbeat),
    )


def _envoy_bootstrap(plan: Plan) -> Path:
    return plan.home.envoy / "bootstrap.json"


def _envoy(plan: Plan) -> ProcessSpec:
    command = envoy_command(binary=str(envoy_binary()), bootstrap=str(_envoy_bootstrap(plan)))
    return ProcessSpec(
        name="envoy",
        command=command,
        # Its routes come from web: asked before, it would only log that nobody answers.
        after=("prepare", "web"),
        ready=http_ok(plan.ports.envoy_admin, "/ready"),
        housekeeping=AccessLogTurnover(access_log(plan.home), _checkpoint(plan.home)),
    )


def _demo(plan: Plan, root: Path) -> list[ProcessSpec]:
    upstreams = [
        *["granian", "--interface", "asgi", "apim.runtime.demo.upstreams:app", "--no-ws"],
        *["--host", LOOPBACK, "--port", str(plan.ports.demo_upstreams)],
    ]
    return [
        ProcessSpec(
            name="demo-upstreams",
            command=_module(upstreams),
            ready=http_ok(plan.ports.demo_upstreams, "/readyz"),
            death_signal=signal.SIGTERM,
        ),
        ProcessSpec(
            name="demo",
            command=_manage(root, "demo"),
            env={"APIM_ADMIN_PASSWORD": plan.admin_password},
            after=("worker", "web"),
            one_shot=True,
        ),
        ProcessSpec(
            name="demo-money",
            command=_manage(root, "demo_money"),
            after=("demo", *(("stripe",) if plan.with_stripe_simulator else ())),
            one_shot=True,
        ),
        ProcessSpec(
            name="demo-traffic",
            command=_manage(root, "demo_traffic"),
            after=("demo", "demo-upstreams", "envoy"),
        ),
    ]
