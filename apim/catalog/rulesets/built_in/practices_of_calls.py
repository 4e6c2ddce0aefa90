"""apim:default: how calls are protected, answered and paged through."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _

_OAS3 = ["oas3"]

CALLS: dict[str, Any] = {
    "apim-https-servers": {
        "message": _("The server is not called over HTTPS."),
        "extensions": {
            "remedy": _("Write https://; keys and data can be read on the way otherwise.")
        },
        "documentationUrl": "https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#https",
        "formats": _OAS3,
        "severity": "error",
        "given": "$.servers[*].url",
        "then": {
            "function": "pattern",
            "functionOptions": {"notMatch": r"^(http|ws)://(?!localhost|127\.0\.0\.1|\[::1\])"},
        },
    },
    "apim-https-schemes": {
        "message": _("The API may be called without HTTPS."),
        "extensions": {"remedy": _("List only https and wss under schemes.")},
        "documentationUrl": "https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#https",
        "formats": ["oas2"],
        "severity": "error",
        "given": "$.schemes[*]",
        "then": {"function": "enumeration", "functionOptions": {"values": ["https", "wss"]}},
    },
    "apim-operation-security": {
        "message": _("Nothing says how callers of the operation prove who they are."),
        "extensions": {
            "remedy": _("Add security to the operation or the document; [] says that it is open.")
        },
        "documentationUrl": "https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/",
        "severity": "warn",
        "given": "#Operation",
        "then": {"function": "hasSecurity"},
    },
    "apim-no-key-in-query": {
        "message": _("The key is sent in the URL, which logs and browsers keep."),
        "extensions": {"remedy": _("Take the key in a header: in: header.")},
        "documentationUrl": "https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#sensitive-information-in-http-requests",
        "severity": "error",
        "given": [
            "$.components.securitySchemes[*][?(@property === 'in' && @ === 'query')]",
            "$.securityDefinitions[*][?(@property === 'in' && @ === 'query')]",
        ],
        "then": {"function": "undefined"},
    },
    "apim-no-secret-in-query": {
        "message": _("The query parameter holds a secret, which logs and browsers keep."),
        "extensions": {"remedy": _("Send it in a header or in the body.")},
        "documentationUrl": "https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#sensitive-information-in-http-requests",
        "severity": "error",
        "given": "#Parameter[?(@property === 'in' && @ === 'query')]^",
        "then": {
            "field": "name",
            "function": "pattern",
            "functionOptions": {
                "notMatch": "/^(password|passwd|secret|client_secret|access_?token|api_?key|authorization)$/i"
            },
        },
    },
    "apim-no-basic-authentication": {
        "message": _("Basic authentication sends the password with every call."),
        "extensions": {"remedy": _("Use API keys, bearer tokens or OAuth 2.")},
        "documentationUrl": "https://owasp.org/API-Security/editions/2023/en/0xa2-broken-authentication/",
        "severity": "warn",
        "given": [
            "$.components.securitySchemes[*][?(@property === 'scheme' && @.match(/^basic$/i))]",
            "$.securityDefinitions[*][?(@property === 'type' && @ === 'basic')]",
        ],
        "then": {"function": "undefined"},
    },
    "apim-error-response": {
        "message": _("The operation does not say how it fails."),
        "extensions": {"remedy": _("Describe its 4xx responses, or a default response.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#151",
        "severity": "warn",
        "given": "#Operation.responses",
        "then": {"function": "hasResponse", "functionOptions": {"match": "^(4..|default)$"}},
    },
    "apim-error-problem-json": {
        "message": _("The error is not told as application/problem+json."),
        "extensions": {"remedy": _("Answer errors as RFC 9457 says: type, title, status, detail.")},
        "documentationUrl": "https://www.rfc-editor.org/rfc/rfc9457",
        "formats": _OAS3,
        "severity": "info",
        "given": "#Operation.responses[?(@property.match(/^[45]|^default$/))].content",
        "then": {
            "function": "hasResponse",
            "functionOptions": {"match": r"^application/problem\+(json|xml)"},
        },
    },
    "apim-limit-response": {
        "message": _("The operation does not describe 429, which callers beyond a limit get."),
        "extensions": {"remedy": _("Describe 429 with its Retry-After header.")},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#153",
        "severity": "hint",
        "given": "#Operation.responses",
        "then": {"function": "hasResponse", "functionOptions": {"match": "^(429|4XX|default)$"}},
    },
    "apim-no-request-body": {
        "message": _("GET, HEAD and DELETE have no request body that everyone passes on."),
        "extensions": {"remedy": _("Use query parameters, or POST.")},
        "documentationUrl": "https://www.rfc-editor.org/rfc/rfc9110#section-9.3.1",
        "formats": _OAS3,
        "severity": "warn",
        "given": "$.paths[*][get,head,delete].requestBody",
        "then": {"function": "undefined"},
    },
    "apim-created-location": {
        "message": _("A response 201 does not name the place of what was created."),
        "extensions": {"remedy": _("Add a Location header to the 201 response.")},
        "documentationUrl": "https://www.rfc-editor.org/rfc/rfc9110#section-15.3.2",
        "formats": _OAS3,
        "severity": "hint",
        "given": "$.paths[*].post.responses['201']",
        "then": {
            "field": "headers",
            "function": "hasResponse",
            "functionOptions": {"match": "^[Ll]ocation$"},
        },
    },
    "apim-response-object": {
        "message": _("The response is a bare list, to which nothing can ever be added."),
        "extensions": {"remedy": _('Put the list in an object, as in {"items": [...]}.')},
        "documentationUrl": "https://opensource.zalando.com/restful-api-guidelines/#110",
        "formats": _OAS3,
        "severity": "info",
        "given": "#Operation.responses[?(@property.match(/^2/))].content[*].schema[?(@property === 'type' && @ === 'array')]^",
        "then": {
            "field": "type",
            "function": "enumeration",
            "functionOptions": {"values": ["object"]},
        },
    },
    "apim-collection-paging": {
        "message": _("The operation answers with a list, but gives no way to get it in pages."),
        "extensions": {"remedy": _("Take a limit and a cursor (or page) as query parameters.")},
        "documentationUrl": "https://google.aip.dev/158",
        "severity": "info",
        "given": "$.paths",
        "then": {"function": "hasPaging"},
    },
}
