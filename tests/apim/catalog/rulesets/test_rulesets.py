"""How a ruleset is put together: extends, switching, aliases, overrides; and what is refused."""

import json

import pytest

from apim.catalog.rulesets import BUILT_IN, InvalidRuleset, Severity, load_ruleset
from tests.apim.catalog.rulesets.reading import findings, told

TEXT = """\
openapi: 3.0.3
info: {title: T, version: '1'}
servers: [{url: 'https://x.example/v1'}]
paths:
  /a:
    get:
      operationId: a
      responses: {'200': {description: ok}}
"""


def enabled(text: str) -> dict[str, Severity]:
    return {rule.name: rule.severity for rule in load_ruleset(text).enabled()}


def test_a_set_is_extended_to_its_recommended_rules():
    names = enabled("extends: spectral:oas")
    assert names == enabled("extends: [[spectral:oas, recommended]]")
    assert "operation-tags" in names
    assert "tag-description" not in names


def test_a_set_is_extended_wholly_or_not_at_all():
    assert len(enabled("extends: [[spectral:oas, all]]")) == len(BUILT_IN["spectral:oas"].rules)
    assert enabled("extends: [[spectral:oas, off]]") == {}


def test_rules_are_switched_and_weighed():
    names = enabled("""
    extends: spectral:oas
    rules:
      operation-tags: off
      operation-description: false
      tag-description: true
      info-contact: error
      path-params: 3
      info-license: {severity: info}
    """)
    assert "operation-tags" not in names
    assert "operation-description" not in names
    assert names["tag-description"] is Severity.WARN
    assert names["info-contact"] is Severity.ERROR
    assert names["path-params"] is Severity.HINT
    assert names["info-license"] is Severity.INFO


def test_a_rule_keeps_what_its_change_does_not_name():
    (found,) = findings(
        "{extends: [[spectral:oas, off]], rules: {info-contact: {message: Call!}}}", TEXT
    )
    assert (found.rule, found.message, found.line) == ("info-contact", "Call!", 2)


def test_other_rulesets_can_be_extended_by_name():
    base = load_ruleset("rules: {a: {given: $, then: {field: x, function: truthy}}}")
    ruleset = load_ruleset("{extends: [ours], rules: {a: hint}}", others={"ours": base})
    assert ruleset.rules["a"].severity is Severity.HINT


def test_an_alias_stands_for_places_by_format():
    rules = """
    aliases:
      Item: ['$.paths[*]']
      Call: ['#Item[get]']
      Schema:
        targets:
          - {formats: [oas2], given: ['$.definitions']}
          - {formats: [oas3], given: ['$.info']}
    rules:
      call: {given: '#Call', then: {field: summary, function: truthy}}
      deep: {given: '#Call.responses', then: {field: '404', function: truthy}}
      schema: {given: '#Schema.title', then: {function: length, functionOptions: {min: 9}}}
    """
    assert told(findings(rules, TEXT)) == [
        ("schema", "warn", "info.title", 2),
        ("call", "warn", "paths./a.get", 6),
        ("deep", "warn", "paths./a.get.responses", 8),
    ]


def test_aliases_of_an_extended_set_can_be_used():
    rules = """
    extends: [[spectral:oas, off]]
    rules: {r: {given: '#OperationObject', then: {field: summary, function: truthy}}}
    """
    assert [f.rule for f in findings(rules, TEXT)] == ["r"]


def test_a_rule_is_for_its_formats_only():
    rules = """
    rules:
      two: {given: $, formats: [oas2], then: {field: x, function: truthy}}
      three: {given: $, formats: [oas3_0], then: {field: x, function: truthy}}
      dotted: {given: $, formats: ['oas3.1'], then: {field: x, function: truthy}}
    """
    assert [f.rule for f in findings(rules, TEXT)] == ["three"]


OVERRIDES = """
rules:
  summary: {given: '$.paths[*][get]', then: {field: summary, function: truthy}}
overrides:
  - files: ['legacy/**/*.yaml']
    rules: {summary: hint}
  - files: ['internal/*.yaml']
    rules: {summary: off}
  - files: ['**/*.yaml#/paths/~1a']
    rules: {summary: error}
"""


@pytest.mark.parametrize(
    ("source", "severities"),
    [
        ("api.json", ["warn"]),
        ("api.yaml", ["error"]),
        ("legacy/x/api.json", ["warn"]),
        ("legacy/x/api.yaml", ["error"]),
        ("internal/api.json", ["warn"]),
    ],
)
def test_a_file_or_a_part_of_it_is_judged_differently(source: str, severities: list[str]):
    assert [f.severity.value for f in findings(OVERRIDES, TEXT, source)] == severities


def test_an_override_for_a_file_switches_a_rule():
    rules = OVERRIDES.rsplit("  - files", 1)[0]
    assert findings(rules, TEXT, "internal/api.yaml") == ()
    assert [f.severity.value for f in findings(rules, TEXT, "legacy/b/api.yaml")] == ["hint"]


PLACES = """
rules:
  title: {given: $..title, then: {function: enumeration, functionOptions: {values: [Tides]}}}
overrides:
  - {files: ['v2/**/*.json#/address'], rules: {title: error}}
  - {files: ['v2/**/*.json'], rules: {title: hint}}
  - {files: ['v2/**/*.json#/address/street', 'v2/**/*.json#/address/city'], rules: {title: warn}}
  - {files: ['**/*.json#/info/title'], rules: {title: info}}
"""


def test_the_nearest_override_of_a_part_decides():
    """After test-harness/scenarios/overrides/pointers of stoplightio/spectral."""
    text = "{info: {title: x}, address: {title: x, city: {title: x}}, other: {title: x}}"
    found = findings(PLACES, "a: " + text, "v1/document.json")
    assert {f.severity.value for f in found} == {"warn"}
    found = findings(
        PLACES,
        "info: {title: x}\naddress: {title: x, city: {title: x}}\nc: {title: x}",
        "v2/a.json",
    )
    assert [(f.path[0], f.severity.value) for f in found] == [
        ("info", "info"), ("address", "error"), ("address", "warn"), ("c", "hint"),
    ]  # fmt: skip


def test_exceptions_of_older_rulesets_are_kept():
    rules = (
        OVERRIDES.split("overrides:", maxsplit=1)[0]
        + "functions: []\nexcept: {'api.yaml#/paths/~1a': [summary]}"
    )
    assert findings(rules, TEXT, "api.yaml") == ()
    assert len(findings(rules, TEXT, "other.yaml")) == 1


def test_a_message_is_filled_in():
    rules = """
    documentationUrl: https://rules.example/all
    rules:
      r:
        description: Say more.
        message: '{{description}} {{property}} at {{path}}: {{error}} ({{value}})'
        given: $.paths['/a'].get.operationId
        then: {function: length, functionOptions: {min: 3}}
    """
    (found,) = findings(rules, TEXT)
    assert found.message == (
        'Say more. operationId at #/paths/~1a/get/operationId: "operationId" property must be '
        "longer than 3 (a)"
    )
    assert found.url == "https://rules.example/all#r"


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        ("rules:\n  r: {given: $}\n", 2, "then"),
        ("rules:\n  r: {then: {function: truthy}}\n", 2, "given"),
        ("rules:\n  missing: error\n", 2, "not in any"),
        ("extends: spectral:oas\nrules:\n  info-contact: fatal\n", 3, "severity"),
        ("extends: spectral:oas\nrules:\n  info-contact: 7\n", 3, "severity"),
        ("extends: [[spectral:oas, some]]\n", 1, "recommended"),
        ("extends:\n  - https://example.com/rules.yaml\n", 2, "not fetched"),
        ("extends: ./other.yaml\n", 1, "not fetched"),
        ("functions: [mine]\nrules: {}\n", 1, "not run"),
        ("functionsDir: ./f\nrules: {}\n", 1, "not run"),
        ("rulez: {}\nrules: {}\n", 1, "rules"),
        ("rules:\n  r: {given: $, then: {function: truthy}, recomended: true}\n", 2, "recommended"),
        ("rules:\n  r: {given: $, then: {function: truthy}, formats: [oas9]}\n", 2, "oas"),
        ("aliases: {A: ['#B'], B: ['#A']}\nrules:\n  r: {given: '#A', then: {function: truthy}}\n",
         3, "itself"),
        ("overrides:\n  - rules: {}\n", 2, "files"),
        ("rules:\n\ta: b\n", 2, "tabs"),
        ("rules: {}\nrules: {}\n", 2, "already"),
        ("- a\n", 1, "mapping"),
        ("x-a: 1\n", 1, "rules"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_its_line(text: str, line: int, reason: str):
    with pytest.raises(InvalidRuleset) as refused:
        load_ruleset(text)
    assert reason in refused.value.message
    assert refused.value.line == line
    assert refused.value.status == 422


def test_a_ruleset_in_json_is_read_as_well():
    rule = {"given": "$", "then": {"function": "truthy"}}
    assert list(load_ruleset(json.dumps({"rules": {"r": rule}})).rules) == ["r"]
