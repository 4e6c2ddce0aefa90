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
# What others made and can be told by its form: JSON Web Tokens (RFC 7519), and the keys of GitHub,
# GitLab, Slack, OpenAI, AWS and Google, after the prefixes that they publish for secret scanning.
_FOREIGN_KEY = re.compile(
    r"\b(?:eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?|gh[pousr]_\w{20,}|github_pat_\w{20,}"
    r"|glpat-[\w-]{16,}|xox[abeprs]-[\w-]{10,}|sk-(?:proj-|ant-\w{1,8}-)?\w{20,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{30,})",
    re.ASCII,
)
# https://user:password@host
_USERINFO = re.compile(r"(?<=://)[^/\s:@\"']{0,200}:[^/\s@\"']{1,200}(?=@)")
_SCHEME = re.compile(r"(?i)\b(bearer|basic|token|splunk|apikey|hmac)\s{1,8}[A-Za-z0-9._~+/=-]{8,}")
# The last words of names of headers, parameters and fields that hold credentials: X-API-Key,
# accessToken, Ocp-Apim-Subscription-Key, user_key, security-token. What stands before them does
# not matter, so the pattern needs no repetition in front and stays linear.
_CREDENTIAL_NAME = (
    r"(?:api[_-]?keys?|(?:subscription|user|app|provider|access|consumer|private)[_-]?key|"
    r"token|auth|jwt|secret|passwd|password|authorization|cookie|signature|assertion|"
    r"session(?:[_-]?id)?|credentials|authentication)"
)
_IS_CREDENTIAL_NAME = re.compile(rf"(?i){_CREDENTIAL_NAME}\Z")
# name=value, name: value and "name": "value" or ["value", …], quotes escaped or not.
_NAMED = re.compile(
    rf"(?i)({_CREDENTIAL_NAME}\\{{0,4}}[\"']?\s{{0,8}}[=:]\s{{0,8}}\[?\s{{0,8}}\\{{0,4}}[\"']?)"
    r"(?:(?<=[\"'])[^\"'\\]+|[^\"'\\&\s,;}\]]+)"
)
# The whole message as the caller sent it, Base64 or not: headers are in it (Tyk).
_WHOLE_MESSAGES = frozenset({"raw_request", "raw_response", "rawrequest", "rawresponse"})
# Queries, which nobody counts: any of their parameters may be a credential.
_QUERIES = frozenset({"query", "querystring", "query_string", "request_query", "url.query", "args"})
_QUERY = re.compile(r"(?<=\?)[^\s\"'\\<>]+")
# These tell two events apart, and are no addresses although they may look so.
_IDENTITIES = frozenset({"id", "source"})
# Of headers only these are kept: whatever is called otherwise may be somebody's credential.
_HARMLESS_HEADERS = frozenset(
    {
        "accept", "accept-encoding", "accept-language", "cache-control", "cf-ipcountry", "connection",
        "content-encoding", "content-length", "content-type", "date", "grpc-status", "host", "origin",
        "referer", "retry-after", "server", "traceparent", "transfer-encoding", "user-agent", "vary", "via",
        "x-apim-key", "x-apim-version", "x-correlation-id", "x-forwarded-for", "x-forwarded-host",
        "x-forwarded-port", "x-forwarded-proto", "x-real-ip", "x-request-id",
    }
)  # fmt: skip
# Headers that stand beside other fields, as Traefik, OpenTelemetry, APISIX and NGINX name them.
_HEADER_FIELD = re.compile(
    r"(?:(?:request|origin|downstream)_(?=[A-Z])|http\.(?:request|response)\.header\."
    r"|request_headers_|http_(?=x_))(.+)"
)
_CONTROL = dict.fromkeys((*range(32), 127), "�")


def without_secrets(text: str) -> str:
    """The text with every credential masked that can be told from ordinary text."""
    masked = _SCHEME.sub(rf"\1 {MASK}", text)
    masked = without_keys(masked)
    if "://" in masked:
        masked = _USERINFO.sub(MASK, masked)
    return _NAMED.sub(rf"\1{MASK}", masked)


def without_keys(text: str) -> str:
    """The text without keys and tokens that can be told by their form alone."""
    if "_" in text:
        text = _OWN_KEY.sub(rf"\1{MASK}", text)
    return _FOREIGN_KEY.sub(MASK, text) if _may_hold_foreign_key(text) else text


def _may_hold_foreign_key(text: str) -> bool:
    """Written out, as this is asked for every path: searching for a word is a tenth of the pattern."""
    return (
        "eyJ" in text or "sk-" in text or "gh" in text or "glpat-" in text or "xox" in text
        or "AKIA" in text or "ASIA" in text or "AIza" in text
    )  # fmt: skip


def record_without_secrets(raw: bytes) -> str:
    """A record fit to be kept: credentials masked by the names they stand under, then by form.

    Queries, bodies and headers that are not known to be harmless go whatever they hold. A JSON
    record stays JSON, so that it can be read again.
    """
    text = raw.decode("utf-8", "replace").replace("\x00", "�")
    try:
        record = msgspec.json.decode(text)
        return msgspec.json.encode(_masked(record)).decode("utf-8", "replace")
    except (msgspec.DecodeError, UnicodeError, RecursionError, ValueError):
        return _QUERY.sub(MASK, without_secrets(text))


def _masked(value: object) -> object:
    if isinstance(value, dict):
        if _is_secret_pair(value):
            return {**value, "value": MASK}
        return {_masked_name(name): _masked_field(name, one) for name, one in value.items()}
    if isinstance(value, list):
        return [_masked(one) for one in value]
    return _masked_text(value) if isinstance(value, str) else value


def _masked_text(text: str) -> str:
    masked = without_secrets(_without_nul(text))
    return _QUERY.sub(MASK, masked) if "?" in masked and "/" in masked else masked


def _masked_name(name: str) -> str:
    return without_keys(_without_nul(name))


def _without_nul(text: str) -> str:
    """PostgreSQL's jsonb would refuse it even when it is escaped."""
    return text.replace("\x00", "�")


def _masked_field(name: str, value: object) -> object:
    low = name.lower()
    if low in _IDENTITIES and isinstance(value, str):
        return without_secrets(_without_nul(value))
    if low in _WHOLE_MESSAGES or low in _QUERIES or _is_body(low):
        return MASK if value else value
    if low.endswith("headers") and isinstance(value, dict):
        return {_masked_name(one): _masked_header(one, of) for one, of in value.items()}
    if header := _HEADER_FIELD.match(name):
        return _masked_header(header[1], value)
    if low in {"request", "response"} and isinstance(value, dict) and value.get("body"):
        value = {**value, "body": MASK}
    # An object under such a name has fields of its own (Kong's authenticated_entity, an OTLP value).
    is_secret = value and not isinstance(value, dict) and is_secret_name(name)
    return MASK if is_secret else _masked(value)


def _masked_header(name: str, value: object) -> object:
    is_harmless = name.lower().replace("_", "-") in _HARMLESS_HEADERS
    return _masked(value) if is_harmless or not value else MASK


def _is_body(low: str) -> bool:
    """`body` alone is the log line itself where OpenTelemetry writes it."""
    return low.endswith("body") and low != "body"


def _is_secret_pair(value: dict[str, object]) -> bool:
    """{"key": "x-api-key", "value": …}, as OTLP and Azure write headers."""
    name = value.get("key", value.get("name"))
    return "value" in value and isinstance(name, str) and is_secret_name(name)


@lru_cache(maxsize=4096)
def is_secret_name(name: str) -> bool:
    """Whether what stands under this name is a credential."""
    return _IS_CREDENTIAL_NAME.search(name[-100:]) is not None


def is_key_text(text: str) -> bool:
    """Whether a key or token stands in the text that can be told by its form."""
    if "_" in text and _OWN_KEY.search(text) is not None:
        return True
    return _may_hold_foreign_key(text) and _FOREIGN_KEY.search(text) is not None


def without_controls(text: str) -> str:
    """Control characters, which PostgreSQL or a terminal would choke on, become U+FFFD."""
    return text if text.isprintable() else text.translate(_CONTROL)


@lru_cache(maxsize=16384)
def clean_path(path: str) -> str:
    """A path fit to be stored, at most 500 characters. The caller has cut off the query."""
    masked = without_secrets(path) if "=" in path else without_keys(path)
    return without_controls(masked)[:500]


_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Chrome", "Chrome"), ("Firefox", "Firefox"),
             ("Safari", "Safari"))  # fmt: skip
_PRODUCT = re.compile(r"[A-Za-z][A-Za-z0-9._ -]{0,38}")
# Letters and digits mixed at such length are no program's name, but somebody's key.
_RANDOM = re.compile(r"(?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z0-9]{16,}")


@lru_cache(maxsize=4096)
def user_agent_family(user_agent: str) -> str:
    """`curl` of `curl/8.5.0`, the browser's name for browsers, empty when there is none."""
    if user_agent.startswith("Mozilla/"):
        return next((name for mark, name in _BROWSERS if mark in user_agent), "Mozilla")
    product = _PRODUCT.match(without_secrets(user_agent[:200]))
    family = product.group().strip() if product else ""
    return "" if _RANDOM.search(family) else family
