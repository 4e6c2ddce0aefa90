"""Takes credentials out of text before it is stored: a key is a secret, wherever it stands."""

from __future__ import annotations

import re
from functools import lru_cache

MASK = "[removed]"

# Our own key text (apim.keys.secrets): <brand>_<live|test>_<36 base62>; a longer or shorter tail
# is a mistyped key and just as secret. Access tokens and gateway tokens likewise.
_OWN_KEY = re.compile(
    r"\b((?:[A-Za-z][A-Za-z0-9]{0,15}_(?:live|test)|apim_pat|gwt)_)[0-9A-Za-z]{12,}"
)
_SCHEME = re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}")
# name=value and "name": "value", for names that hold credentials.
_NAMED = re.compile(
    r"(?i)([\"']?\b(?:x-)?(?:api[_-]?key|apikey|access[_-]?token|auth[_-]?token|token|secret|"
    r"client[_-]?secret|password|authorization|cookie|set-cookie|signature)[\"']?\s*[=:]\s*[\"']?)"
    r"(?:[^\"'&\s,}]+)"
)
_CONTROL = dict.fromkeys((*range(32), 127), "�")


def without_secrets(text: str) -> str:
    """The text with every credential masked that can be told from ordinary text."""
    masked = _SCHEME.sub(rf"\1 {MASK}", text)
    masked = _OWN_KEY.sub(rf"\1{MASK}", masked)
    return _NAMED.sub(rf"\1{MASK}", masked)


def without_controls(text: str) -> str:
    """Control characters, which PostgreSQL or a terminal would choke on, become U+FFFD."""
    return text if text.isprintable() else text.translate(_CONTROL)


@lru_cache(maxsize=16384)
def clean_path(path: str) -> str:
    """A path fit to be stored, at most 500 characters. The caller has cut off the query."""
    return without_controls(_OWN_KEY.sub(rf"\1{MASK}", path))[:500]


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
