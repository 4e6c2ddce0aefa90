"""The message of a finding: what the rule or its function says, with names filled in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from django.utils.translation import gettext as _

from apim.catalog.openapi.problems import pointer_of
from apim.catalog.rulesets.javascript import printed, text_of

if TYPE_CHECKING:
    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.ruleset import Rule

_PLACEHOLDER = re.compile(r"#?\{\{([^}\n]+)\}\}")
_PRINT = re.compile(r"""print\(\s*["'](\w+)["']\s*\)\Z""")
# RFC 6901, section 6: a pointer in a URI fragment.
_UNQUOTED = "_.!~*'()/-"
_NUMBER = re.compile(r"\d+\Z")
_MAX_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """What exists of the path, what of it is missing, and the value that is written there."""

    path: Path
    missing: Path
    value: Any

    @property
    def property_name(self) -> str:
        """`contact`; for what is missing, with the way to it: `info.contact`."""
        if self.missing:
            whole = (*self.path, *self.missing)
            return _dotted(whole[len(self.path) - 1 :])
        return str(self.path[-1]) if self.path else ""


def sentence(rule: Rule, said: str, place: Place) -> str:
    """Spectral's order: the rule's message, its description, what the function said."""
    names = {
        "property": place.property_name,
        "path": "#" + quote(pointer_of(place.path), safe=_UNQUOTED),
        "description": rule.description,
        "value": place.value,
    }
    names["error"] = _filled(said, names)
    if rule.message:
        message = _(rule.message) if rule.is_translated else rule.message
        return _filled(message, names).strip()[:_MAX_MESSAGE]
    if rule.description:
        return (_(rule.description) if rule.is_translated else rule.description).strip()
    return str(names["error"]).strip()[:_MAX_MESSAGE]


def _filled(text: str, names: dict[str, Any]) -> str:
    def replacement(match: re.Match[str]) -> str:
        word = match[1].strip()
        if match[0][0] != "#":
            return text_of(names[match[1]]) if match[1] in names else ""
        found = _PRINT.match(word)
        if found is None:
            return text_of(names[word]) if word in names else ""
        return _printed(found[1], names)

    return _PLACEHOLDER.sub(replacement, text)


def _printed(kind: str, names: dict[str, Any]) -> str:
    if kind == "property":
        name = names["property"]
        return f'"{name}" property ' if name != "" else "The document "
    if kind == "value":
        return printed(names["value"])
    return text_of(names[kind]) if kind in names else ""


def _dotted(path: Path) -> str:
    text = ""
    for token in path:
        plain = str(token)
        if isinstance(token, int) or _NUMBER.match(plain):
            text += f"[{plain}]"
        elif not plain or any(c.isspace() for c in plain):
            text += f"['{plain}']"
        else:
            text += f".{plain}" if text else plain
    return text
