"""Published descriptions of real APIs, where the folder beside the project holds them."""

from pathlib import Path

import pytest
import yaml
from django.conf import settings

from apim.catalog import selectors, services
from apim.catalog.openapi import InvalidSpecification, extract_operations, parse_document

SPECS = Path(settings.BASE_DIR).parent / "shared" / "specs"
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="no folder of real documents")


@pytest.mark.parametrize(
    "name",
    [
        "twilio_verify_v2.json",
        "twilio_messaging_v1.yaml",
        "adyen_checkout_v68.yaml",
        "adyen_checkout_v69.yaml",
    ],
)
def test_every_operation_of_a_real_document_is_imported(name):
    raw = (SPECS / name).read_bytes()
    document = parse_document(raw, filename=name)
    expected = {
        (method.upper(), path)
        for path, item in yaml.load(raw, Loader=yaml.CSafeLoader)["paths"].items()
        for method in METHODS & item.keys()
    }
    specs = extract_operations(document)
    assert len(specs) == len(expected) > 20
    assert {(s.method, s.path) for s in specs} == expected
    assert document.servers
    assert document.servers[0].url.startswith("https://")


@pytest.mark.parametrize(
    ("name", "slug", "version_name", "count"),
    [
        ("twilio_verify_v2.json", "twilio-verify", "v1", 57),
        ("twilio_messaging_v1.yaml", "twilio-messaging", "v1", 58),
        ("adyen_checkout_v68.yaml", "adyen-checkout-api", "v68", 26),
        ("adyen_checkout_v69.yaml", "adyen-checkout-api", "v69", 26),
    ],
)
def test_a_real_document_becomes_an_api_without_further_input(
    db, system_actor, name, slug, version_name, count
):
    raw = (SPECS / name).read_bytes()
    api = services.create_api(actor=system_actor, raw=raw, filename=name)
    version = api.versions.get()
    assert (api.slug, version.name, version.operations.count()) == (slug, version_name, count)
    assert selectors.spec_document(version).raw == raw


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("asyncapi_streetlights_kafka.yml", "Streetlights Kafka API"),
        ("asyncapi_slack_rtm.yml", "Slack Real Time Messaging API"),
    ],
)
def test_asyncapi_is_named_and_answered_with_what_can_be_imported(name, title):
    with pytest.raises(InvalidSpecification) as caught:
        parse_document((SPECS / name).read_bytes(), filename=name)
    (problem,) = caught.value.problems
    assert f"“{title}” is an AsyncAPI 3.1.0 document" in problem.message
    assert "OpenAPI 3.0 and 3.1 can be imported" in problem.hint
    assert (problem.line, problem.field) == (1, "asyncapi")
