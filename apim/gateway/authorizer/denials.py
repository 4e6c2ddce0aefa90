"""Why a call does not pass."""

from __future__ import annotations

from typing import NamedTuple


class Denial(NamedTuple):
    """`code` is stable; `detail` is for the developer who reads the answer."""

    status: int
    code: str
    title: str
    detail: str


KEY_MISSING = Denial(
    401,
    "key_missing",
    "An API key is needed",
    "Send your key as `Authorization: Bearer <key>` or in the X-API-Key header.",
)
KEY_MALFORMED = Denial(
    401, "key_malformed", "This is not an API key", "The key is incomplete or mistyped."
)
KEY_UNKNOWN = Denial(
    401, "key_unknown", "This API key is not valid", "The key was revoked or never issued."
)
KEY_EXPIRED = Denial(
    401, "key_expired", "This API key has expired", "Create a new key in the developer portal."
)
UNKNOWN_PATH = Denial(404, "unknown_path", "Not found", "No API is served at this path.")
VERSION_RETIRED = Denial(
    410, "version_retired", "Gone", "This version of the API has been retired."
)
APPLICATION_INACTIVE = Denial(
    403,
    "application_inactive",
    "The application is suspended",
    "The key's application or its organization is suspended.",
)
IP_NOT_ALLOWED = Denial(
    403,
    "ip_not_allowed",
    "This address may not use the key",
    "The key works from the networks on its allow-list only; the call came from another address.",
)
ORIGIN_NOT_ALLOWED = Denial(
    403,
    "origin_not_allowed",
    "This origin may not use the key",
    "The key works from the web origins on its allow-list only; see the Origin header.",
)
CANNOT_CHECK = Denial(
    503,
    "check_unavailable",
    "The gateway cannot check keys",
    "The call could not be checked and was not passed on. Try again shortly.",
)
GATEWAY_UNKNOWN = Denial(
    401,
    "gateway_unknown",
    "The gateway is not known",
    "The gateway must send its authorizer token in X-Apim-Authorizer-Token.",
)


def subscription_closed(state: str, product: str, portal_url: str) -> Denial:
    """`state` is pending or suspended."""
    what = "is waiting for approval" if state == "pending" else "is suspended"
    return Denial(
        403,
        f"subscription_{state}",
        f"The subscription {what}",
        f"The application's subscription to {product} {what}; see {portal_url}/apps/.",
    )


def subscription_missing(product: str, api_slug: str, portal_url: str) -> Denial:
    what = product or "a product with this API"
    return Denial(
        403,
        "subscription_missing",
        "A subscription is needed",
        f"The application has no subscription to {what}; "
        f"choose a plan at {portal_url}/apis/{api_slug}/.",
    )


def scope_missing(groups: tuple[str, ...]) -> Denial:
    """`groups` are those of the operation, any of which would do."""
    if not groups:
        detail = "The key is limited to groups of operations, and this one belongs to none of them."
    elif len(groups) == 1:
        detail = f"The key lacks the scope {groups[0]}."
    else:
        detail = f"The key has none of the scopes {', '.join(groups)}."
    return Denial(403, "scope_missing", "The key may not call this operation", detail)
