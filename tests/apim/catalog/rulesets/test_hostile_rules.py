"""Rules and descriptions that are made to take for ever are stopped in time."""

import json
from time import thread_time
from typing import Any

import pytest

from apim.catalog.rulesets import BUILT_IN, InvalidRuleset, RuleTooExpensive, load_ruleset
from apim.catalog.rulesets.document import Document
from apim.catalog.rulesets.lint import lint_document

# CPU seconds of the thread; others who use the machine do not count.
SOON = 2.0
TEXT = "a" * 60 + "!"
DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": TEXT, "description": "x" * 60},
    "paths": {f"/p{n}": {"get": {"description": TEXT}} for n in range(500)},
}


def rule(given: str, function: str, options: Any = None) -> str:
    then = {"function": function} | ({"functionOptions": options} if options else {})
    return json.dumps({"rules": {"r": {"given": given, "then": then}}})


@pytest.mark.parametrize(
    "text",
    [
        rule("$.info.title", "pattern", {"match": "^(a|aa)+$"}),
        rule("$..description", "pattern", {"match": "^(a|aa)+$"}),
        rule("$..[?(@.description.match(/^(a|aa)+$/))]", "truthy"),
        rule("$.info.title", "schema", {"schema": {"type": "string", "pattern": "^(a|aa)+$"}}),
    ],
    ids=["pattern", "in many places", "filter", "schema"],
)
def test_a_pattern_without_end_is_stopped(text: str):
    began = thread_time()
    with pytest.raises(RuleTooExpensive) as refused:
        lint_document(Document(DOCUMENT, None), [load_ruleset(text)])
    assert thread_time() - began < SOON
    assert refused.value.status == 422


def doubling(keyword: str) -> dict[str, Any]:
    """A schema of 41 parts that is matched 2 to the power of 40 times."""
    parts: dict[str, Any] = {
        f"d{n}": {keyword: [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)
    }
    return {"$defs": parts | {"d40": {"type": "boolean"}}, "$ref": "#/$defs/d0"}


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_a_schema_without_end_is_refused(keyword: str):
    began = thread_time()
    with pytest.raises(InvalidRuleset, match="too long"):
        load_ruleset(rule("$.info", "schema", {"schema": doubling(keyword)}))
    assert thread_time() - began < SOON


@pytest.mark.parametrize(
    "given",
    [
        "$..[?(" + "!" * 500 + "@)]",
        "$..[?(" + "(" * 300 + "@" + ")" * 300 + ")]",
        "$..[?(" + "@ && " * 390 + "@)]",
        "$" + "..*" * 100,
        "$.a" + "[0]" * 900,
    ],
)
def test_an_expression_beyond_measure_is_refused(given: str):
    with pytest.raises(InvalidRuleset):
        load_ruleset(rule(given, "truthy"))


def test_aliases_that_multiply_are_refused():
    aliases = {f"A{n}": [f"#A{n + 1}.x", f"#A{n + 1}.y"] for n in range(40)} | {"A40": ["$.z"]}
    text = {"aliases": aliases, "rules": {"r": {"given": "#A0", "then": {"function": "truthy"}}}}
    with pytest.raises(InvalidRuleset, match="more than 200"):
        load_ruleset(json.dumps(text))


def test_many_deep_steps_stay_linear():
    began = thread_time()
    text = rule("$" + "..*" * 20, "undefined")
    lint_document(Document(DOCUMENT, None), [load_ruleset(text)])
    assert thread_time() - began < SOON


def test_examples_of_schemas_without_end_are_given_up():
    schemas: dict[str, Any] = {
        f"d{n}": {"oneOf": [{"$ref": f"#/components/schemas/d{n + 1}"}] * 2} for n in range(40)
    }
    schemas |= {"d40": {"type": "boolean"}, "p": {"type": "string", "pattern": "^(a|aa)+$"}}
    responses = {
        str(200 + n): {
            "content": {
                "a/b": {"schema": {"$ref": f"#/components/schemas/{name}"}, "example": TEXT}
            }
        }
        for n, name in enumerate(("d0", "p") * 10)
    }
    data = {
        "openapi": "3.0.0",
        "paths": {"/a": {"get": {"responses": responses}}},
        "components": {"schemas": schemas},
    }
    began = thread_time()
    lint_document(Document(data, None), list(BUILT_IN.values()))
    assert thread_time() - began < SOON


def test_schemas_that_refer_to_each_other_in_a_long_chain_do_not_end_the_process():
    schemas: dict[str, Any] = {
        f"S{n}": {"properties": {"next": {"$ref": f"#/components/schemas/S{n + 1}"}}, "default": {}}
        for n in range(3000)
    }
    nested: Any = 1
    for _ in range(90):
        nested = {"next": nested}
    schemas["S0"]["default"] = nested
    data = {"openapi": "3.0.0", "paths": {}, "components": {"schemas": schemas}}
    began = thread_time()
    lint_document(Document(data, None), list(BUILT_IN.values()))
    assert thread_time() - began < SOON
