"""The shapes of OpenAPI's smaller objects (OpenAPI 3.1.1, section 4.8; 3.0 and 3.2 where named)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from apim.catalog.openapi.rules import (
    Rule,
    Shape,
    anything,
    choice,
    flag,
    list_of,
    map_of,
    or_reference,
    text,
)
from apim.catalog.openapi.schemas import schema

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.openapi.rules import Check

_VARIABLE = re.compile(r"\{([^{}]*)\}")
SCHEMES = {"http", "https", "ws", "wss"}


def _check_server(check: Check, value: Any, path: Path) -> None:
    url, variables = value.get("url"), value.get("variables")
    if not isinstance(url, str):
        return
    known = variables if isinstance(variables, dict) else {}
    for name in _VARIABLE.findall(url):
        if name not in known:
            check.warning(
                (*path, "url"),
                _("The server URL uses {%(name)s}, which “variables” does not define.")
                % {"name": name},
            )
    reason = why_not_a_url(substituted(url, known))
    if reason:
        check.warning(
            (*path, "url"),
            _("“%(url)s” is not a server URL: %(reason)s.") % {"url": url[:200], "reason": reason},
            _("For example https://api.example.com/v1; until then this server is left out."),
        )


def substituted(url: str, variables: dict[str, Any]) -> str:
    """The URL with each variable's default."""

    def default(match: re.Match[str]) -> str:
        variable = variables.get(match[1])
        return str(variable.get("default", "x")) if isinstance(variable, dict) else "x"

    return _VARIABLE.sub(default, url)


def server_url(server: dict[str, Any]) -> str:
    """Its URL with each variable's default, or nothing when that is none."""
    variables = server.get("variables", {})
    url = substituted(server["url"], variables)
    is_known = all(name in variables for name in _VARIABLE.findall(server["url"]))
    return url if is_known and not why_not_a_url(url) else ""


def why_not_a_url(url: str) -> str:  # noqa: PLR0911 - a list of reasons
    """What is wrong with an absolute or relative server URL; empty if nothing is."""
    if not url:
        return _("it is empty")
    if any(c.isspace() or ord(c) < 32 for c in url):
        return _("it contains white space")
    if "{" in url or "}" in url:
        return _("its braces do not match")
    try:
        parts = urlsplit(url)
        port_is_bad = parts.port == 0
    except ValueError:
        return _("its host or port is malformed")
    if parts.scheme and parts.scheme.lower() not in SCHEMES:
        return _("the scheme is %(scheme)s, not http or https") % {"scheme": parts.scheme}
    if (parts.scheme and not parts.hostname) or port_is_bad:
        return _("it names no host")
    if parts.query or parts.fragment:
        return _("it has a query or fragment")
    return ""


server_variable = Shape(
    "server variable",
    {"enum": list_of(text), "default": text, "description": text},
    expected=("default",),
)
server = Shape(
    "server",
    {"url": text, "description": text, "name": text, "variables": map_of(server_variable)},
    required=("url",),
    also=_check_server,
)
contact = Shape("contact", {"name": text, "url": text, "email": text})
license_ = Shape("license", {"name": text, "identifier": text, "url": text}, expected=("name",))
info = Shape(
    "info object",
    {
        "title": text,
        "summary": text,
        "description": text,
        "termsOfService": text,
        "contact": contact,
        "license": license_,
        "version": text,
    },
    required=("title", "version"),
)
external_docs = Shape(
    "external documentation", {"description": text, "url": text}, expected=("url",)
)
tag = Shape(
    "tag",
    {
        "name": text,
        "summary": text,
        "description": text,
        "externalDocs": external_docs,
        "parent": text,
        "kind": text,
    },
    required=("name",),
)

example = Shape(
    "example",
    {
        "summary": text,
        "description": text,
        "value": anything,
        "externalValue": text,
        "dataValue": anything,
        "serializedValue": text,
    },
)
examples = map_of(or_reference(example))


def _late_header(check: Check, value: Any, path: Path) -> None:
    header(check, value, path)


encoding = Shape(
    "encoding",
    {
        "contentType": text,
        "headers": map_of(or_reference(_late_header)),
        "style": text,
        "explode": flag,
        "allowReserved": flag,
        "encoding": anything,
        "prefixEncoding": anything,
        "itemEncoding": anything,
    },
)
media_type = Shape(
    "media type",
    {
        "schema": schema,
        "itemSchema": schema,
        "example": anything,
        "examples": examples,
        "encoding": map_of(encoding),
        "prefixEncoding": anything,
        "itemEncoding": anything,
        "description": text,
    },
)
content = map_of(or_reference(media_type))

_VALUE_FIELDS: dict[str, Rule] = {
    "description": text,
    "required": flag,
    "deprecated": flag,
    "allowEmptyValue": flag,
    "style": text,
    "explode": flag,
    "allowReserved": flag,
    "schema": schema,
    "example": anything,
    "examples": examples,
    "content": content,
}
header = Shape("header", _VALUE_FIELDS)


def _check_parameter(check: Check, value: Any, path: Path) -> None:
    if value.get("in") == "path" and value.get("required") is not True:
        check.warning(
            path,
            _("A path parameter needs “required: true”; it is taken as required."),
        )
    if "schema" not in value and "content" not in value:
        check.warning(path, _("The parameter has neither “schema” nor “content”."))


parameter = Shape(
    "parameter",
    {
        **_VALUE_FIELDS,
        "name": text,
        "in": choice("path", "query", "header", "cookie", "querystring"),
    },
    required=("name", "in"),
    also=_check_parameter,
)
request_body = Shape(
    "request body",
    {"description": text, "content": content, "required": flag},
    expected=("content",),
)
link = Shape(
    "link",
    {
        "operationRef": text,
        "operationId": text,
        "parameters": map_of(anything),
        "requestBody": anything,
        "description": text,
        "server": server,
    },
)
response = Shape(
    "response",
    {
        "description": text,
        "summary": text,
        "headers": map_of(or_reference(header)),
        "content": content,
        "links": map_of(or_reference(link)),
    },
    expected=("description",),
)

_FLOW: dict[str, Rule] = {
    "authorizationUrl": text,
    "deviceAuthorizationUrl": text,
    "tokenUrl": text,
    "refreshUrl": text,
    "scopes": map_of(text),
}
_flow = Shape("OAuth flow", _FLOW, expected=("scopes",))
_flows = Shape(
    "OAuth flows",
    dict.fromkeys(
        ("implicit", "password", "clientCredentials", "authorizationCode", "deviceAuthorization"),
        _flow,
    ),
)
_SECURITY_NEEDS = {
    "apiKey": ("name", "in"),
    "http": ("scheme",),
    "oauth2": ("flows",),
    "openIdConnect": ("openIdConnectUrl",),
}


def _check_security_scheme(check: Check, value: Any, path: Path) -> None:
    kind = value.get("type")
    for name in _SECURITY_NEEDS.get(kind, ()) if isinstance(kind, str) else ():
        if name not in value:
            check.error(
                path,
                _("A security scheme of type %(type)s needs “%(field)s”.")
                % {"type": kind, "field": name},
            )


security_scheme = Shape(
    "security scheme",
    {
        "type": choice("apiKey", "http", "mutualTLS", "oauth2", "openIdConnect"),
        "description": text,
        "name": text,
        "in": choice("query", "header", "cookie"),
        "scheme": text,
        "bearerFormat": text,
        "flows": _flows,
        "openIdConnectUrl": text,
        "oauth2MetadataUrl": text,
        "deprecated": flag,
    },
    required=("type",),
    also=_check_security_scheme,
)


def security_requirement(check: Check, value: Any, path: Path) -> None:
    """Names of declared schemes, each with a list of scopes."""
    map_of(list_of(text))(check, value, path)
    components = check.document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    for name in value if isinstance(value, dict) else ():
        if not isinstance(schemes, dict) or name not in schemes:
            check.warning(
                (*path, name),
                _("The security scheme “%(name)s” is not declared.") % {"name": name},
                _("Declare it under components.securitySchemes."),
            )
