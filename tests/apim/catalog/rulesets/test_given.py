"""Where rules look: the JSONPath dialect of Spectral. Expected values were compared with Spectral
6.16 (stoplightio/spectral, Apache-2.0) running the same rules.
"""

import json

import pytest

from apim.catalog.rulesets import InvalidRuleset
from tests.apim.catalog.rulesets.reading import findings

TEXT = """\
openapi: 3.0.3
info: {title: Tides, x-id: t1}
servers:
  - url: https://a.example
  - url: https://b.example
  - url: https://c.example
paths:
  /tides/{id}:
    summary: s
    get: {operationId: getTide, tags: [sea], deprecated: true}
    put: {operationId: putTide, tags: [land, sea]}
  /ports:
    get: {operationId: listPorts}
components:
  schemas:
    Tide: {type: object, maxLength: 9, properties: {name: {type: string}, size: {$ref: '#/components/schemas/Size'}}}
    Size: {type: integer}
"""


def found_at(given: str) -> list[str]:
    """Dotted paths of what an expression finds."""
    rule = {"rules": {"r": {"given": given, "then": {"function": "undefined"}}}}
    return sorted(".".join(map(str, f.path)) for f in findings(json.dumps(rule), TEXT))


GET = ["paths./ports.get", "paths./tides/{id}.get"]
EVERY = [*GET, "paths./tides/{id}.put"]


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        ("$", [""]),
        ("$.info.title", ["info.title"]),
        ("$.info['x-id']", ["info.x-id"]),
        ("$['info'].x-id", ["info.x-id"]),
        ("$.paths[*][get,put]", EVERY),
        ("$.paths.*['get','put']", EVERY),
        ("$.paths.*.[get,put]", EVERY),
        ("$.paths[*].get", GET),
        ("$.paths['/ports'].get", GET[:1]),
        ("$.components.['maxLength']", ["components.schemas.Tide.maxLength"]),
        ("$.servers[0].url", ["servers.0.url"]),
        ("$.servers[0,2].url", ["servers.0.url", "servers.2.url"]),
        ("$.servers[1:].url", ["servers.1.url", "servers.2.url"]),
        ("$.servers[-1:]", ["servers.2"]),
        ("$.servers[(@.length-1)]", ["servers.2"]),
        ("$.servers[::2]", ["servers.0", "servers.2"]),
        ("$..operationId^", EVERY),
        ("$.paths[*][*].operationId^^", ["paths./ports", "paths./tides/{id}"]),
        ("$.paths[?(@property.match(/^\\/tides/))].get", GET[1:]),
        ("$.paths[?(@property === '/ports')]", ["paths./ports"]),
        ("$.paths[*][?(@property === 'get' || @property === 'put')]", EVERY),
        ("$.paths[*][?(@ && @.tags && @.tags.length > 1)]", EVERY[2:]),
        ("$.paths[*][?(@.tags.includes('land'))]", EVERY[2:]),
        ("$.paths[*][?(['getTide', 'x'].includes(@.operationId))]", GET[1:]),
        ("$.paths[*][?(@.deprecated !== void 0)]", GET[1:]),
        ("$.paths[*][?(@.deprecated == true)]", GET[1:]),
        ("$.paths[*][?(!@.tags && @property !== 'summary')]", GET[:1]),
        ("$.paths[*][?(@parentProperty === '/ports')]", GET[:1]),
        ("$.paths[*][?(@parent.summary && @property == 'get')]", GET[1:]),
        ("$.paths[*][?(/^list/.test(@.operationId))]", GET[:1]),
        ("$.paths[*][?(@path.indexOf('/ports') > 0)]", GET[:1]),
        ("$.components.schemas[?(@.maxLength >= 9)]", ["components.schemas.Tide"]),
        ("$..[?(@ && @.type && @.type.constructor.name === 'String')]",
         ["components.schemas.Size", "components.schemas.Tide",
          "components.schemas.Tide.properties.name"]),
        ("$.paths[*][*].tags[?(@ === 'sea')]",
         ["paths./tides/{id}.get.tags.0", "paths./tides/{id}.put.tags.1"]),
        ("$.components..properties[*]",
         ["components.schemas.Size", "components.schemas.Tide.properties.name"]),
    ],
)  # fmt: skip
def test_an_expression_finds_what_it_says(given: str, paths: list[str]):
    assert found_at(given) == paths


def test_a_name_can_be_asked_for_instead_of_a_value():
    rule = """
    rules:
      lower:
        given: $.paths[*]~
        message: "{{value}} {{error}}"
        then: {function: pattern, functionOptions: {match: ports}}
    """
    assert [f.path for f in findings(rule, TEXT)] == [("paths", "/tides/{id}")]


def test_a_reference_is_followed_and_found_where_it_is_defined():
    rule = {"given": "$.components.schemas.Tide.properties.size"}
    rule["then"] = {"field": "type", "function": "enumeration", "functionOptions": {"values": []}}
    (found,) = findings(json.dumps({"rules": {"r": rule}}), TEXT)
    assert found.path == ("components", "schemas", "Size", "type")


def test_an_unresolved_rule_sees_the_reference_itself():
    rule = {"given": "$..$ref", "resolved": False, "then": {"function": "undefined"}}
    (found,) = findings(json.dumps({"rules": {"r": rule}}), TEXT)
    assert found.path[-2:] == ("size", "$ref")


def test_references_in_a_circle_end():
    text = """
    openapi: 3.0.0
    components:
      schemas:
        A: {properties: {b: {$ref: '#/components/schemas/B'}}}
        B: {properties: {a: {$ref: '#/components/schemas/A'}, x: {title: t}}}
    """
    rule = '{"rules": {"r": {"given": "$..title", "then": {"function": "undefined"}}}}'
    assert [f.path[-2:] for f in findings(rule, text)] == [("x", "title")]


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("info", "begin with $"),
        ("$.paths[", "not understood"),
        ("$.paths[?(@.x", "expected"),
        ("$.paths[?(alert(1))]", "alert"),
        ("$.paths[?(@.constructor.constructor('x')())]", "("),
        ("$.paths[?(@.x = 1)]", "="),
        ("$.paths[?(@nothing)]", "@nothing"),
        ("$.paths[?(@.x.match(/(/))]", "not a regular expression"),
        ("$.a" + ".b" * 50, "more than 40"),
        ("#Unknown", "Unknown"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_line(given: str, reason: str):
    text = "rules:\n  r:\n    given: " + json.dumps(given) + "\n    then: {function: truthy}\n"
    with pytest.raises(InvalidRuleset) as refused:
        findings(text, TEXT)
    assert refused.value.line == 3
    assert reason in refused.value.message
