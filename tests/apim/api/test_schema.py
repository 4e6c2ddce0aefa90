"""The API describes itself, and the description that is in the repository is the true one."""

from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer

COMMITTED = Path(settings.BASE_DIR) / "docs" / "openapi" / "v1.yaml"
METHODS = ("get", "post", "patch", "delete")


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture
def operations(schema):
    return [
        described
        for methods in schema["paths"].values()
        for method, described in methods.items()
        if method in METHODS
    ]


def test_schema_is_valid_and_without_warnings(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "v1.yaml"))


def test_committed_schema_is_the_present_one(schema):
    made = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()
    assert yaml.safe_load(COMMITTED.read_text()) == yaml.safe_load(made), (
        "run: python manage.py spectacular --file docs/openapi/v1.yaml"
    )


def test_operation_ids_are_unique_verbs_with_nouns(operations):
    names = [described["operationId"] for described in operations]
    assert len(set(names)) == len(names)
    assert all(name.count("_") >= 1 and name.islower() for name in names)


def test_every_operation_says_its_scope_and_its_refusals(operations):
    for described in operations:
        assert "Needs " in described["description"]
        assert {"401", "404", "422", "429"} <= set(described["responses"])
        assert described["summary"]


def test_every_post_takes_an_idempotency_key(schema):
    for path, methods in schema["paths"].items():
        if "post" in methods:
            named = [p.get("$ref", "") for p in methods["post"]["parameters"]]
            assert "#/components/parameters/IdempotencyKey" in named, path


def test_addresses_are_kebab_case(schema):
    for path in schema["paths"]:
        fixed = [part for part in path.split("/") if part and not part.startswith("{")]
        assert all(part == part.lower() and "_" not in part for part in fixed)


@pytest.mark.parametrize(
    ("query", "kind"), [("", "application/vnd.oai.openapi"), ("?format=json", "json")]
)
def test_anybody_may_read_the_schema(client, query, kind):
    response = client.get(f"/api/v1/schema{query}")
    assert response.status_code == 200
    assert kind in response["Content-Type"]


@pytest.mark.django_db
def test_the_docs_page_widens_the_policy_for_styles_only(client):
    response = client.get("/api/docs/")
    assert response.status_code == 200
    policy = response["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";") if part.strip())
    assert "'nonce-" in directives["style-src"]
    assert directives["script-src"] == "'self'"
    assert directives["connect-src"] == "'self'"
    assert "unsafe" not in policy
    nonce = directives["style-src"].split("'nonce-")[1].split("'")[0]
    assert f'<meta property="csp-nonce" content="{nonce}">' in response.content.decode()
