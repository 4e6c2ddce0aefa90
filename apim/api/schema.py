"""How the management API describes itself (drf-spectacular)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema

from apim.accounts.scopes import SCOPES_BY_NAME
from apim.api.idempotency import HEADER
from apim.api.problems import MEDIA_TYPE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Method = TypeVar("Method", bound="Callable[..., Any]")

# First part of the path -> how readers call the group, in the order of the reference.
_GROUPS = {
    "me": "Yourself",
    "access-tokens": "Access tokens",
    "users": "People",
    "organizations": "Organizations",
    "applications": "Applications",
    "api-keys": "API keys",
    "leak-reports": "API keys",
    "subscriptions": "Subscriptions",
    "checkouts": "Subscriptions",
    "payment-method": "Invoices",
    "invoice-lines": "Invoices",
    "apis": "APIs",
    "api-versions": "API versions",
    "lint": "Descriptions and rules",
    "diff": "Descriptions and rules",
    "rulesets": "Descriptions and rules",
    "gates": "Descriptions and rules",
    "products": "Products",
    "plans": "Plans",
    "plan-versions": "Plans",
    "meters": "Meters and add-ons",
    "add-ons": "Meters and add-ons",
    "subscription-add-ons": "Subscriptions",
    "invoices": "Invoices",
    "credits": "Credit and discounts",
    "discounts": "Credit and discounts",
    "stripe-events": "Stripe",
    "reconciliations": "Stripe",
    "billing-periods": "Stripe",
    "gateways": "Gateways",
    "foreign-mappings": "Gateways",
    "quarantined-records": "Gateways",
    "usage": "Usage",
    "charges": "Charges",
    "audit-events": "Audit log",
    "jobs": "Background jobs",
}
_INTRODUCTION = """\
Everything that the dashboard and the portal can do, a script can.

## Access

Send an access token: `Authorization: Bearer apim_pat_…`. A token has the rights of the person who \
made it, narrowed to its scopes. A token of an organization sees that organization only; a token \
of staff sees all of them. What you may not see answers `404`, like what does not exist.

## Lists

A list answers `results` with the addresses of the `next` and the `previous` page. `limit` sets the \
rows per page (50, at most 200), `ordering` is `-created_at` or `created_at`. A parameter that the \
list does not know is refused.

## Sending a request again

A `POST` with an `Idempotency-Key` header can be sent again: it changes nothing a second time and \
gets the first answer, with `Idempotency-Replayed: true`. The same key with another request is \
refused with `422`. Keys are remembered for 24 hours. Secrets are shown once: in a repeated answer \
they are null.

## Refusals

Every refusal is `application/problem+json` (RFC 9457). Decide by `code`, which is stable; show \
`detail`; `errors` names each field by a JSON pointer or each query parameter. Quote `request_id` \
when you ask us for help.
"""

_METHODS = ("get", "post", "put", "patch", "delete")
# Status -> name of the shared response, and what it means.
_REFUSALS = {
    "401": ("Unauthenticated", "No access token, or one that is unknown, expired or revoked."),
    "403": ("ScopeMissing", "The access token lacks the scope."),
    "404": ("NotFound", "Missing, or not yours to see."),
    "409": ("Conflict", "The object is not in a state that allows this."),
    "422": ("InvalidInput", "Some of the input is not valid; `errors` says which."),
    "429": ("TooManyRequests", "Too many requests; wait for `Retry-After` seconds."),
    "500": ("InternalError", "Something went wrong on our side."),
}
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457 problem details. Decide by `code`, which is stable.",
    "required": ["type", "title", "status", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "examples": ["key_not_active"]},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "Name of a query parameter."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_IDEMPOTENCY_PARAMETER = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "description": (
        "Any text of your choice, such as a UUID. The same request with the same key changes "
        "nothing and gets the first answer again (for 24 hours; secrets are then null)."
    ),
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


class AccessTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "apim.api.authentication.AccessTokenAuthentication"
    name = "accessToken"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        del auto_schema
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An access token from your profile, bound to scopes.",
        }


class ScopedSchema(AutoSchema):
    """Says of each operation which scope it needs."""

    def get_description(self) -> str:  # type: ignore[override]  # as AutoSchema has it
        return ""  # a view's docstring is for readers of the code

    def get_tags(self) -> list[str]:
        return [_GROUPS[name] for name in super().get_tags()]

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        described: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if described is None:
            return None
        scope = SCOPES_BY_NAME.get(getattr(self.view, "scopes", {}).get(self.method, ""))
        needs = f"Needs the scope `{scope.name}`." if scope else "Needs any access token."
        described["description"] = "\n\n".join(filter(None, [described.get("description"), needs]))
        return described


def operation(
    name: str,
    summary: str,
    answer: Any = None,
    *,
    body: Any = None,
    status: int = 200,
    description: str = "",
    parameters: Sequence[Any] = (),
) -> Callable[[Method], Method]:
    """Describe one method: its stable operation id, what it takes and what it answers."""
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description or None,
        request=body,
        responses={status: answer},
        parameters=list(parameters),
    )


def add_conventions(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Add to every operation what all have in common: refusals, and the header of a POST."""
    result["info"]["description"] = _INTRODUCTION
    result["tags"] = [{"name": name} for name in _GROUPS.values()]
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = _PROBLEM
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        name: {"description": description, "content": content}
        for name, description in _REFUSALS.values()
    }
    components["parameters"] = {"IdempotencyKey": _IDEMPOTENCY_PARAMETER}
    for path in result["paths"].values():
        for method in _METHODS:
            if method in path:
                _add_to(path[method], method)
    return result


def _add_to(described: dict[str, Any], method: str) -> None:
    for status, (name, _description) in _REFUSALS.items():
        if status == "409" and method == "get":
            continue
        described["responses"].setdefault(status, {"$ref": f"#/components/responses/{name}"})
    if method == "post":
        reference = {"$ref": "#/components/parameters/IdempotencyKey"}
        described.setdefault("parameters", []).append(reference)
