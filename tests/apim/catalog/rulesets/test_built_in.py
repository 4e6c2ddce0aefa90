"""The sets that come with the platform. What spectral:oas and spectral:asyncapi find here is what
Spectral 6.16 (stoplightio/spectral, Apache-2.0) found in the same documents: rule, severity, line.
"""

import json
from pathlib import Path
from time import thread_time

import pytest

from apim.catalog.descriptions import read_description
from apim.catalog.rulesets import BUILT_IN, Severity, lint
from apim.catalog.rulesets.functions.structure import SCHEMAS
from apim.catalog.rulesets.json_schema import Compiler
from apim.catalog.rulesets.lint import lint_document
from tests.apim.catalog.rulesets.reading import document, told

SPECS = Path("/work/shared/specs")

SWAGGER = """\
swagger: "2.0"
info:
  title: Pets
  version: "1"
  description: "see <script>alert(1)</script> eval('x')"
host: example.com/
tags: [{name: b}, {name: a}, {name: a}]
securityDefinitions:
  oauth: {type: oauth2, flow: implicit, authorizationUrl: "https://a.b/c", scopes: {read: r}}
security:
  - nokey: []
paths:
  /pets/{id}/:
    parameters: [{name: id, in: path, type: string, required: true}]
    get:
      operationId: get pets
      tags: [c]
      security: [{oauth: [write]}]
      parameters:
        - {name: q, in: query, type: array}
        - {name: q, in: query, type: string}
        - {name: f, in: formData, type: string}
      consumes: [application/json]
      responses:
        "400": {description: no, schema: {$ref: '#/definitions/Pet'}}
definitions:
  Pet:
    type: object
    discriminator: kind
    properties:
      name: {type: string, example: 5}
      n: {type: integer, enum: [1, 2.5, 1]}
  Unused: {oneOf: [{type: string}], type: object}
"""

SWAGGER_FOUND = {
    ("array-items", "error", 20),
    ("duplicated-entry-in-enum", "warn", 32),
    ("info-contact", "warn", 2),
    ("no-eval-in-markdown", "warn", 5),
    ("no-script-tags-in-markdown", "warn", 5),
    ("oas2-api-schemes", "warn", 1),
    ("oas2-discriminator", "error", 27),
    ("oas2-discriminator", "error", 30),
    ("oas2-host-trailing-slash", "warn", 6),
    ("oas2-oneOf", "warn", 33),
    ("oas2-operation-formData-consume-check", "warn", 15),
    ("oas2-operation-security-defined", "warn", 11),
    ("oas2-operation-security-defined", "warn", 18),
    ("oas2-schema", "error", 6),
    ("oas2-schema", "error", 7),
    ("oas2-schema", "error", 32),
    ("oas2-unused-definition", "warn", 33),
    ("oas2-valid-schema-example", "error", 31),
    ("openapi-tags-uniqueness", "error", 7),
    ("operation-description", "warn", 15),
    ("operation-operationId-valid-in-url", "warn", 16),
    ("operation-parameters", "warn", 21),
    ("operation-success-response", "warn", 24),
    ("operation-tag-defined", "warn", 17),
    ("path-keys-no-trailing-slash", "warn", 13),
    ("typed-enum", "warn", 32),
}

OPENAPI = """\
openapi: 3.0.3
info: {title: T, version: '1'}
servers:
  - url: https://{env}.example.com/{v}/
    variables:
      env: {enum: [a, b], default: c}
      zzz: {default: x}
security: [{oa: [x]}]
tags: [{name: zoo}]
paths:
  /things/{id}:
    parameters: [{$ref: '#/components/parameters/Id'}]
    get:
      operationId: same
      tags: [zoo, nope]
      parameters:
        - {name: limit, in: query, schema: {type: integer, default: "x"}}
        - {name: nope, in: path, required: false, schema: {type: string}}
      responses: {default: {description: d}}
    put:
      operationId: same
      requestBody:
        content:
          application/json:
            schema: {$ref: '#/components/schemas/Thing'}
            example: {name: 1}
          text/plain:
            schema: {type: string}
            examples: {b: {externalValue: 'http://x', value: x}}
      responses:
        '200':
          description: ok
          content: {application/json: {schema: {$ref: '#/components/schemas/Thing'}, example: {}}}
  /things/{other}: {get: {responses: {'200': {}}}}
components:
  securitySchemes:
    oa: {type: oauth2, flows: {implicit: {authorizationUrl: 'https://a.b', scopes: {}}}}
  parameters:
    Id: {name: id, in: path, required: true, schema: {type: string}}
  schemas:
    Thing:
      type: object
      required: [name, ro]
      properties:
        name: {type: string, nullable: true, example: 4}
        ro: {type: string, readOnly: true}
        size: {$ref: '#/components/schemas/Size', description: sibling}
    Size: {type: integer}
    Orphan: {type: object, properties: {a: {tipe: string}}}
"""

OPENAPI_FOUND = {
    ("info-contact", "warn", 2),
    ("info-description", "warn", 2),
    ("no-$ref-siblings", "error", 47),
    ("oas3-examples-value-or-externalValue", "warn", 29),
    ("oas3-operation-security-defined", "warn", 8),
    ("oas3-schema", "error", 18),
    ("oas3-schema", "error", 34),
    ("oas3-schema", "error", 49),
    ("oas3-server-trailing-slash", "warn", 4),
    ("oas3-server-variables", "error", 5),
    ("oas3-server-variables", "error", 6),
    ("oas3-server-variables", "error", 7),
    ("oas3-unused-component", "warn", 49),
    ("oas3-valid-media-example", "error", 26),
    ("oas3-valid-media-example", "error", 33),
    ("oas3-valid-schema-example", "error", 17),
    ("oas3-valid-schema-example", "error", 45),
    ("operation-description", "warn", 13),
    ("operation-description", "warn", 20),
    ("operation-description", "warn", 34),
    ("operation-operationId", "warn", 34),
    ("operation-operationId-unique", "error", 21),
    ("operation-success-response", "warn", 19),
    ("operation-tag-defined", "warn", 15),
    ("operation-tags", "warn", 20),
    ("operation-tags", "warn", 34),
    ("path-params", "error", 18),
    ("path-params", "error", 34),
}

ASYNCAPI = """\
asyncapi: 2.4.0
info: {title: x, version: '1'}
tags: [{name: b}, {name: b}]
servers:
  s: {url: 'mqtt://{h}.example.com/', protocol: mqtt, variables: {q: {default: x}}, security: [{nope: []}]}
channels:
  a/{b}:
    servers: [s, missing]
    parameters: {c: {schema: {type: string}}}
    publish:
      operationId: one
      message:
        messageId: m
        headers: {type: string}
        payload: {type: object, properties: {a: {type: integer}}, examples: [{a: x}], default: {a: 1.5}}
        examples: [{payload: {a: s}}]
    subscribe:
      operationId: one
      message: {$ref: '#/components/messages/M'}
components:
  messages:
    M: {messageId: m, payload: {type: object}}
  schemas: {Unused: {type: object, default: 3}}
"""

ASYNCAPI_FOUND = {
    ("asyncapi-channel-parameters", "error", 9),
    ("asyncapi-channel-servers", "error", 8),
    ("asyncapi-headers-schema-type-object", "error", 14),
    ("asyncapi-info-contact", "warn", 2),
    ("asyncapi-info-description", "warn", 2),
    ("asyncapi-info-license", "warn", 2),
    ("asyncapi-latest-version", "info", 1),
    ("asyncapi-message-examples", "error", 16),
    ("asyncapi-message-messageId-uniqueness", "error", 13),
    ("asyncapi-operation-description", "warn", 10),
    ("asyncapi-operation-description", "warn", 17),
    ("asyncapi-operation-operationId-uniqueness", "error", 11),
    ("asyncapi-payload-default", "error", 15),
    ("asyncapi-payload-examples", "error", 15),
    ("asyncapi-schema", "error", 3),
    ("asyncapi-schema", "error", 12),
    ("asyncapi-schema", "error", 13),
    ("asyncapi-schema", "error", 14),
    ("asyncapi-schema", "error", 15),
    ("asyncapi-schema", "error", 16),
    ("asyncapi-schema-default", "error", 23),
    ("asyncapi-server-no-trailing-slash", "warn", 5),
    ("asyncapi-server-security", "error", 5),
    ("asyncapi-server-variables", "error", 5),
    ("asyncapi-tags-uniqueness", "error", 3),
    ("asyncapi-unused-components-schema", "warn", 23),
}


@pytest.mark.parametrize(
    ("text", "found"),
    [(SWAGGER, SWAGGER_FOUND), (OPENAPI, OPENAPI_FOUND), (ASYNCAPI, ASYNCAPI_FOUND)],
    ids=["openapi 2", "openapi 3", "asyncapi 2"],
)
def test_the_sets_of_spectral_find_what_spectral_finds(text: str, found: set[tuple[str, str, int]]):
    sets = [BUILT_IN["spectral:oas"], BUILT_IN["spectral:asyncapi"]]
    assert {(r, s, n) for r, s, _, n in told(lint_document(document(text), sets))} == found


def test_every_rule_of_ours_has_a_remedy_and_a_link():
    rules = BUILT_IN["apim:default"].rules
    assert len(rules) >= 25
    for rule in rules.values():
        assert rule.name.startswith("apim-")
        assert rule.message.endswith(".")
        assert rule.remedy.endswith((".", ").", "detail."))
        assert rule.url.startswith("https://")


GOOD = """\
openapi: 3.1.0
info: {title: Ports, version: 1.4.0, description: Ports and their tides., contact: {email: a@b.example}}
servers: [{url: https://api.example.com/v1}]
tags: [{name: ports, description: Where ships lie.}]
security: [{key: []}]
paths:
  /ports:
    get:
      operationId: listPorts
      summary: List ports
      description: All ports, in pages.
      tags: [ports]
      parameters:
        - {name: limit, in: query, description: At most so many., schema: {type: integer}}
      responses:
        '200':
          description: One page.
          content:
            application/json:
              schema: {type: object, properties: {items: {type: array, items: {type: string}}}}
              example: {items: [Rotterdam]}
        default:
          description: What went wrong.
          content: {application/problem+json: {schema: {type: object}}}
components:
  securitySchemes: {key: {type: apiKey, in: header, name: X-Api-Key}}
"""


def test_a_description_that_keeps_to_practice_has_no_findings():
    assert lint_document(document(GOOD), [BUILT_IN["apim:default"]]) == ()


@pytest.mark.parametrize(
    ("old", "new", "rule", "line"),
    [
        ("https://api", "http://api", "apim-https-servers", 3),
        ("in: header", "in: query", "apim-no-key-in-query", 26),
        ("type: apiKey, in: header, name: X-Api-Key", "type: http, scheme: basic",
         "apim-no-basic-authentication", 26),
        ("security: [{key: []}]", "x-none: 1", "apim-operation-security", 8),
        ("name: limit", "name: api_key", "apim-no-secret-in-query", 14),
        ("name: limit", "name: Page-Size", "apim-query-parameter-case", 14),
        ("name: limit, in: query", "name: X-Limit, in: header", "apim-header-no-x-prefix", 14),
        ("name: limit", "name: unit", "apim-collection-paging", 8),
        ("/ports:", "/allPorts:", "apim-path-kebab-case", 7),
        ("/ports:", "/list-ports:", "apim-path-no-verbs", 7),
        ("/ports:", "/ports/:", "apim-path-no-trailing-slash", 7),
        ("/ports:", "/port/{portId}:", "apim-collection-plural", 7),
        ("/ports:", "/v1.2/ports:", "apim-no-minor-version-in-path", 7),
        ("      operationId: listPorts\n", "", "apim-operation-id", 8),
        ("listPorts", "list ports", "apim-operation-id-case", 9),
        ("      summary: List ports\n", "", "apim-operation-summary", 8),
        ("      description: All ports, in pages.\n", "", "apim-operation-description", 8),
        ("      tags: [ports]\n", "", "apim-operation-tags", 8),
        (", description: Where ships lie.", "", "apim-tag-description", 4),
        (", description: At most so many.", "", "apim-parameter-description", 14),
        ("description: Ports and their tides., ", "", "apim-info-description", 2),
        (", contact: {email: a@b.example}", "", "apim-info-contact", 2),
        ("1.4.0", "newest", "apim-semantic-version", 2),
        ("problem+json", "json", "apim-error-problem-json", 24),
        ("default:", "'299':", "apim-error-response", 15),
        ("default:", "'404':", "apim-limit-response", 15),
        ("              example: {items: [Rotterdam]}\n", "", "apim-response-example", 19),
        ("      tags: [ports]\n", "      tags: [ports]\n      deprecated: true\n",
         "apim-deprecation-sunset", 8),
        ("      tags: [ports]\n", "      tags: [ports]\n      requestBody: {}\n",
         "apim-no-request-body", 13),
        ("schema: {type: object, properties: {items: {type: array, items: {type: string}}}}",
         "schema: {type: array, items: {type: string}}", "apim-response-object", 20),
        ("properties: {items:", "properties: {changed_at: {type: string}, items:",
         "apim-time-format", 20),
    ],
)  # fmt: skip
def test_a_departure_from_practice_is_found_at_its_line(old: str, new: str, rule: str, line: int):
    assert old in GOOD
    found = lint_document(document(GOOD.replace(old, new, 1)), [BUILT_IN["apim:default"]])
    assert (rule, line) in {(f.rule, f.line) for f in found}


def test_properties_keep_to_the_case_of_the_others():
    names = "".join(f"        name_{n}_x: {{type: string}}\n" for n in range(12))
    text = f"""\
openapi: 3.0.0
components:
  schemas:
    A:
      properties:
{names}        otherName: {{type: string}}
"""
    found = lint_document(document(text), [BUILT_IN["apim:default"]])
    assert [f.line for f in found if f.rule == "apim-property-case"] == [18]


def test_findings_of_an_upgraded_document_stand_in_the_uploaded_text():
    text = """\
swagger: "2.0"
info: {title: Pets, version: "1"}
host: example.com/
paths:
  /pets: {get: {responses: {"200": {description: ok}}}}
"""
    found = lint(read_description(text.encode()), [BUILT_IN["spectral:oas"]])
    assert ("oas2-host-trailing-slash", 3) in {(f.rule, f.line) for f in found}


@pytest.mark.skipif(not SPECS.exists(), reason="real descriptions are not here")
def test_a_large_real_description_is_judged_quickly():
    description = read_description((SPECS / "adyen_checkout_v69.yaml").read_bytes())
    began = thread_time()
    found = lint(description, list(BUILT_IN.values()))
    # About 0.4 s of CPU on the machine this was written on.
    assert thread_time() - began < 3
    spectral = [f for f in found if not f.rule.startswith("apim-")]
    assert {(f.rule, f.line) for f in spectral if f.severity is Severity.ERROR} == {
        ("oas3-valid-media-example", line) for line in (17833, 17863, 17916, 18492, 18658, 18730)
    }


@pytest.mark.parametrize("name", sorted(path.stem for path in SCHEMAS.glob("*.json")))
def test_every_reference_in_the_standards_schemas_leads_somewhere(name):
    pending = json.loads((SCHEMAS / f"{name}.json").read_text())
    resources = Compiler(*pending)
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if isinstance(value.get("$ref"), str):
                resources.find(value, value["$ref"])
            pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def test_a_schema_of_3_1_with_definitions_is_judged():
    raw = """openapi: 3.1.0
info: {title: T, version: "1"}
paths: {}
components:
  schemas:
    A: {type: object, definitions: {a: {type: string}}, dependencies: {a: [b]}}
"""
    assert "oas3-schema" not in {
        f.rule for f in lint_document(document(raw), [BUILT_IN["spectral:oas"]])
    }
