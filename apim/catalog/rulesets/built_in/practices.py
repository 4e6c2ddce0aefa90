"""apim:default: common practice in publishing APIs, each rule with what to do and where it is told.

From Zalando's RESTful API guidelines, Google's API improvement proposals (AIP), Microsoft's REST
API guidelines, OWASP's API security top ten, and the RFCs named. In Spectral's form, but in
Python, so that its sentences are translated.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

from apim.catalog.rulesets.built_in.practices_of_calls import CALLS
from apim.catalog.rulesets.built_in.practices_of_names import NAMES

_OAS3 = ["oas3"]

_DOCUMENTATION: dict[str, Any] = {
    "apim-info-description": {
        "message": _("The API does not say what it is for."),
        "extensions": {"remedy": _("Add info.description: a paragraph for a first-time reader.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#218",
        "formats": ["oas2", "oas3", "asyncapi2", "asyncapi3"],
        "severity": "warn",
        "given": "$",
        "then": {"field": "info.description", "function": "truthy"},
    },
    "apim-info-contact": {
        "message": _("The API names nobody to turn to."),
        "extensions": {"remedy": _("Add info.contact with an email address or a URL.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#218",
        "formats": ["oas2", "oas3", "asyncapi2", "asyncapi3"],
        "severity": "info",
        "given": "$",
        "then": {"field": "info.contact", "function": "truthy"},
    },
    "apim-operation-summary": {
        "message": _("The operation has no summary."),
        "extensions": {"remedy": _("Add a summary of a few words; it is what lists show.")},
        "documentationUrl": "https://google.aip.dev/192",
        "severity": "warn",
        "given": "#Operation",
        "then": {"field": "summary", "function": "truthy"},
    },
    "apim-operation-summary-short": {
        "message": _("The summary is longer than 120 characters."),
        "extensions": {"remedy": _("Keep the summary to one line; tell the rest in description.")},
        "documentationUrl": "https://google.aip.dev/192",
        "severity": "hint",
        "given": "#Operation.summary",
        "then": {"function": "length", "functionOptions": {"max": 120}},
    },
    "apim-operation-description": {
        "message": _("The operation has no description."),
        "extensions": {"remedy": _("Say what it does, what it needs and what can go wrong.")},
        "documentationUrl": "https://google.aip.dev/192",
        "severity": "info",
        "given": "#Operation",
        "then": {"field": "description", "function": "truthy"},
    },
    "apim-parameter-description": {
        "message": _("The parameter has no description."),
        "extensions": {"remedy": _("Say what the parameter does, and what happens without it.")},
        "documentationUrl": "https://google.aip.dev/192",
        "severity": "info",
        "given": "#Parameter",
        "then": {"field": "description", "function": "truthy"},
    },
    "apim-response-example": {
        "message": _("The response of a successful call has no example."),
        "extensions": {"remedy": _("Add an example: most readers look at it first.")},
        "documentationUrl": "https://swagger.io/docs/specification/v3_0/adding-examples/",
        "formats": _OAS3,
        "severity": "hint",
        "given": "#Operation.responses[?(@property.match(/^2/))].content[*]",
        "then": {"function": "hasExample"},
    },
    "apim-tag-description": {
        "message": _("The tag has no description."),
        "extensions": {"remedy": _("Say what the operations of the tag have in common.")},
        "documentationUrl": "https://swagger.io/docs/specification/v3_0/grouping-operations-with-tags/",
        "severity": "info",
        "given": "$.tags[*]",
        "then": {"field": "description", "function": "truthy"},
    },
    "apim-operation-tags": {
        "message": _("The operation belongs to no group."),
        "extensions": {"remedy": _("Give it one tag of those declared under tags.")},
        "documentationUrl": "https://swagger.io/docs/specification/v3_0/grouping-operations-with-tags/",
        "severity": "warn",
        "given": "#Operation",
        "then": {"field": "tags", "function": "hasItems"},
    },
}

_VERSIONS: dict[str, Any] = {
    "apim-semantic-version": {
        "message": _("The version is neither semantic (1.4.0) nor a date (2026-05-01)."),
        "extensions": {"remedy": _("Write info.version as MAJOR.MINOR.PATCH, or as a date.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#116",
        "formats": ["oas2", "oas3", "asyncapi2", "asyncapi3"],
        "severity": "info",
        "given": "$.info.version",
        "then": {
            "function": "pattern",
            "functionOptions": {
                "match": r"^v?[0-9]+(\.[0-9]+){0,2}([-+.][0-9A-Za-z.-]+)?$|^[0-9]{4}-[0-9]{2}-[0-9]{2}"
            },
        },
    },
    "apim-no-minor-version-in-path": {
        "message": _("The path names a minor version."),
        "extensions": {
            "remedy": _("Name only the major version, as in /v1: minor ones do not break.")
        },
        "documentationUrl": "https://google.aip.dev/185",
        "severity": "warn",
        "given": "$.paths",
        "then": {
            "field": "@key",
            "function": "pattern",
            "functionOptions": {"notMatch": r"/v[0-9]+\.[0-9]+(/|$)"},
        },
    },
    "apim-deprecation-sunset": {
        "message": _("The operation is deprecated, but nothing says until when it works."),
        "extensions": {"remedy": _("Add x-sunset with the date on which it will stop (RFC 8594).")},
        "documentationUrl": "https://www.rfc-editor.org/rfc/rfc8594",
        "severity": "warn",
        "given": "#Operation[?(@property === 'deprecated' && @ === true)]^",
        "then": {"field": "x-sunset", "function": "truthy"},
    },
}

PRACTICES: dict[str, Any] = {
    "formats": ["oas2", "oas3"],
    "aliases": {
        "Operation": ["$.paths[*][get,put,post,delete,options,head,patch,trace,query]"],
        "Parameter": [
            "#Operation.parameters[?(@ && @.in)]",
            "$.paths[*].parameters[?(@ && @.in)]",
        ],
        "Property": ["$..properties[*]"],
    },
    "rules": {**_DOCUMENTATION, **NAMES, **_VERSIONS, **CALLS},
}
