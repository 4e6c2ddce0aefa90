"""apim:default: how things are named."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

NAMES: dict[str, Any] = {
    "apim-path-kebab-case": {
        "message": _("A part of the path is not in lower-case words joined by hyphens."),
        "extensions": {"remedy": _("Write /sales-orders, not /salesOrders or /sales_orders.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#129",
        "severity": "info",
        "given": "$.paths",
        "then": {
            "field": "@key",
            "function": "pattern",
            "functionOptions": {
                "match": r"^(/|(/([a-z0-9]+([-.][a-z0-9]+)*|[^/{}]*\{[^/{}]+\}[^/]*)(:[a-zA-Z]+)?)+/?)$"
            },
        },
    },
    "apim-path-no-trailing-slash": {
        "message": _("The path ends with a slash."),
        "extensions": {
            "remedy": _("Leave the last slash out: to many programs it is another path.")
        },
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#136",
        "severity": "warn",
        "given": "$.paths",
        "then": {
            "field": "@key",
            "function": "pattern",
            "functionOptions": {"notMatch": "./$"},
        },
    },
    "apim-path-no-verbs": {
        "message": _("The path says what is done; the method should."),
        "extensions": {
            "remedy": _("Name the thing, as in POST /orders instead of POST /createOrder.")
        },
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#141",
        "severity": "info",
        "given": "$.paths",
        "then": {
            "field": "@key",
            "function": "pattern",
            "functionOptions": {
                "notMatch": "/(get|create|update|delete|list|fetch|add|remove|insert)([-_A-Z][^/]*)?(/|$)"
            },
        },
    },
    "apim-collection-plural": {
        "message": _("A collection of things is named in the singular."),
        "extensions": {"remedy": _("Use the plural before an identifier: /orders/{id}.")},
        "documentationUrl": "https://google.aip.dev/122",
        "severity": "hint",
        "given": "$.paths",
        "then": {
            "field": "@key",
            "function": "pattern",
            "functionOptions": {
                "notMatch": r"/(?!v[0-9])[a-z-]*[a-rt-z]/\{[^}]*([iI][dD]|key|number|code)\}"
            },
        },
    },
    "apim-operation-id": {
        "message": _("The operation has no operationId."),
        "extensions": {
            "remedy": _("Add a unique operationId: clients name their functions after it.")
        },
        "documentationUrl": "https://swagger.io/docs/specification/v3_0/paths-and-operations/#operationid",
        "severity": "warn",
        "given": "#Operation",
        "then": {"field": "operationId", "function": "truthy"},
    },
    "apim-operation-id-case": {
        "message": _("The operationId has characters that no function name can have."),
        "extensions": {"remedy": _("Use letters, digits and underscores, such as listOrders.")},
        "documentationUrl": "https://swagger.io/docs/specification/v3_0/paths-and-operations/#operationid",
        "severity": "info",
        "given": "#Operation.operationId",
        "then": {
            "function": "pattern",
            "functionOptions": {"match": "^[A-Za-z_][A-Za-z0-9_.-]*$"},
        },
    },
    "apim-query-parameter-case": {
        "message": _("The name of the query parameter is not in one of the usual cases."),
        "extensions": {"remedy": _("Begin in lower case, and use snake_case or camelCase.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#130",
        "severity": "info",
        "given": "#Parameter[?(@property === 'in' && @ === 'query')]^",
        "then": {
            "field": "name",
            "function": "pattern",
            "functionOptions": {"match": r"^[$_]?[a-z][A-Za-z0-9_.]*(\[[^\]]*\])*$"},
        },
    },
    "apim-property-case": {
        "message": _("The property is not in the case that most others are in."),
        "extensions": {"remedy": _("Name all properties in one case, snake_case or camelCase.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#118",
        "severity": "info",
        "given": "$",
        "then": {"function": "consistentCase"},
    },
    "apim-header-no-x-prefix": {
        "message": _("The header begins with X-, which RFC 6648 advises against."),
        "extensions": {"remedy": _("Name new headers without X-; keep those that clients use.")},
        "documentationUrl": "https://www.rfc-editor.org/rfc/rfc6648",
        "severity": "hint",
        "given": "#Parameter[?(@property === 'in' && @ === 'header')]^",
        "then": {
            "field": "name",
            "function": "pattern",
            "functionOptions": {"notMatch": "^[Xx]-"},
        },
    },
    "apim-time-format": {
        "message": _("The property is a time by its name, but has no format."),
        "extensions": {"remedy": _("Add format: date-time or format: date (RFC 3339).")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#169",
        "severity": "info",
        "given": "$..properties[?(@ && @.type === 'string' && @property.match(/(_at|[a-z]At|_date|[a-z]Date|_time|[a-z]Time)$/))]",
        "then": {"field": "format", "function": "truthy"},
    },
}
