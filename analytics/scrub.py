"""Takes credentials out of text before it is stored: a key is a secret, wherever it stands."""

from __future__ import annotations

import re
from functools import lru_cache

import msgspec

MASK = "[removed]"

# Our own key text (apim.keys.secrets): <brand>_<live|test>_<36 base62>; a longer or shorter tail
# is a mistyped key and just as secret. Access tokens and gateway tokens likewise.
_OWN_KEY = re.compile(
    r"\b((?:[A-Za-z][A-Za-z0-9]{0,15}_(?:live|test)|apim_pat|gwt)_)[0-9A-Za-z]{12,}"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic|token|splunk|apikey|hmac)\s{1,8}[A-Za-z0-9._~+/=-]{8,}")
# The last words of names of headers, parameters and fields that hold credentials: X-API-Key,
# accessToken, Ocp-Apim-Subscription-Key, user_key, security-token. What stands before them does
# not matter, so the pattern needs no repetition in front and stays linear.
_CREDENTIAL_NAME = (
    r"(?:api[_-]?keys?|(?:subscription|user|app|provider|access|consumer|private)[_-]?key|"
    r"token|auth|jwt|secret|passwd|password|authorization|cookie|signature|assertion|"
    r"session[_-]?id|credentials)"
)
_IS_CREDENTIAL_NAME = re.compile(rf"(?i){_CREDENTIAL_NAME}\Z")
# name=value, name: value and "name": "value" or ["value", …], quotes escaped or not.
_NAMED = re.compile(
    rf"(?i)({_CREDENTIAL_NAME}\\{{0,4}}[\"']?\s{{0,8}}[=:]\s{{0,8}}\[?\s{{0,8}}\\{{0,4}}[\"']?)"
    r"(?:(?<=[\"'])[^\"'\\]+|[^\"'\\&\s,;}\]]+)"
)
# The whole message as the caller sent it, Base64 or not: headers are in it (Tyk).
_WHOLE_MESSAGES = frozenset({"raw_request", "raw_response", "rawrequest", "rawresponse"})
_CONTROL = dict.fromkeys((*range(32), 127), "�")


def without_secrets(text: str) -> str:
    """The text with every credential masked that can be told from ordinary text."""
    masked = _SCHEME.sub(rf"\1 {MASK}", text)
    masked = _OWN_KEY.sub(rf"\1{MASK}", masked)
    return _NAMED.sub(rf"\1{MASK}", masked)


def record_without_secrets(raw: bytes) -> str:
    """A record fit to be kept: credentials masked by the names they stand under, then by form.

    A JSON record stays JSON, so that it can be read again.
    """
    text = raw.decode("utf-8", "replace").replace("\x00", "�")
    try:
        record = msgspec.json.decode(text)
        return msgspec.json.encode(_masked(record)).decode("utf-8", "replace")
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return without_secrets(text)


def _masked(value: object) -> object:
    if isinstance(value, dict):
        if _is_secret_pair(value):
            return {**value, "value": MASK}
        return {_without_nul(name): _masked_field(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return without_secrets(_without_nul(value)) if isinstance(value, str) else value


def _without_nul(text: str) -> str:
    """PostgreSQL's jsonb would refuse it even when it is escaped."""
    return text.replace("\x00", "�")


def _masked_field(name: str, value: object) -> object:
    if name.lower() in _WHOLE_MESSAGES:
        return MASK if value else value
    # An object under such a name has fields of its own (Kong's authenticated_entity, an OTLP value).
    is_secret = value and not isinstance(value, dict) and is_secret_name(name)
    return MASK if is_secret else _masked(value)


def _is_secret_pair(value: dict[str, object]) -> bool:
    """{"key": "x-api-key", "value": …}, as OTLP and Azure write headers."""
    name = value.get("key", value.get("name"))
    return "value" in value and isinstance(name, str) and is_secret_name(name)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a credential."""
    return _IS_CREDENTIAL_NAME.search(name[-100:]) is not None


def is_key_text(text: str) -> bool:
    """Whether one of our own keys or tokens stands in the text."""
    return _OWN_KEY.search(text) is not None


def without_controls(text: str) -> str:
    """Control characters, which PostgreSQL or a terminal would choke on, become U+FFFD."""
    return text if text.isprintable() else text.translate(_CONTROL)


@lru_cache(maxsize=16384)
def clean_path(path: str) -> str:
    """A path fit to be stored, at most 500 characters. The caller has cut off the query."""
    masked = without_secrets(path) if "=" in path else _OWN_KEY.sub(rf"\1{MASK}", path)
    return without_controls(masked)[:500]


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Chrome", "Chrome"), ("Firefox", "Firefox"),
             ("Safari", "Safari"))  # fmt: skip
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._ -]{0,38}")


@lru_cache(maxsize=4096)
def user_agent_family(user_agent: str) -> str:
    """`curl` of `curl/8.5.0`, the browser's name for browsers, empty when there is none."""
    if user_agent.startswith("Mozilla/"):
        return next((name for mark, name in _BROWSERS if mark in user_agent), "Mozilla")
    product = _PRODUCT.match(without_secrets(user_agent[:200]))
    return product.group().strip() if product else ""
