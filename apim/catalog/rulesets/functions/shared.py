"""What the OpenAPI and AsyncAPI sets both ask."""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from apim.catalog.rulesets.functions.contract import Function, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.rulesets.functions.contract import Context, Options

_VARIABLE = re.compile(r"\{([^{}\n]+)\}")
_VARIABLE_FIELDS = {"enum", "default", "description", "examples"}
_MOST_SHOWN = 5
_MOST_TRIED = 1000


def variables_in(text: Any) -> list[str]:
    """The names in braces."""
    return _VARIABLE.findall(text) if isinstance(text, str) else []


def unique_tags(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    seen: set[str] = set()
    for index, written in enumerate(value):
        tag = context.document.plain(written)
        name = tag.get("name") if isinstance(tag, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            text = f'"tags" object contains duplicate tag name "{name}".'
            yield Result(text, (*context.path, index, "name"))
        seen.add(name)


def server_variables(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """Variables in the URL are described, those described are in it, defaults are allowed."""
    variables: Any = value.get("variables", {}) if isinstance(value, dict) else None
    if not _is_server(value, variables):
        yield Result("Invalid Server Object")
        return
    found, path = variables_in(value["url"]), (*context.path, "variables")
    for name in variables:
        if name not in found:
            text = f'Server\'s "variables" object has unused defined "{name}" url variable.'
            yield Result(text, (*path, name))
    missing = [name for name in found if name not in variables]
    if missing:
        yield Result(
            'Not all server\'s variables are described with "variables" object.'
            f" Missed: {', '.join(missing)}.",
            path,
        )
    used = {name: one for name, one in variables.items() if name in found}
    for name, one in used.items():
        if "enum" in one and "default" in one and one["default"] not in one["enum"]:
            text = f'Server Variable "{name}" has a default not listed in the enum.'
            yield Result(text, (*path, name, "default"))
        if "default" not in one and options.get("requireDefault") is True:
            yield Result(f'Server Variable "{name}" has a missing default.', (*path, name))
    if used and options.get("checkSubstitutions") is True:
        yield from _bad_urls(value["url"], used, context)


def _is_server(value: Any, variables: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("url"), str):
        return False
    return isinstance(variables, dict) and all(
        isinstance(one, dict)
        and all(name in _VARIABLE_FIELDS or name.startswith("x-") for name in one)
        and isinstance(one.get("default", ""), str)
        and isinstance(one.get("enum", []), list)
        and all(isinstance(entry, str) for entry in one.get("enum", []))
        for one in variables.values()
    )


def _bad_urls(url: str, variables: dict[str, Any], context: Context) -> Iterator[Result]:
    bad = [
        one
        for one in islice(_substituted(url, list(variables.items())), _MOST_TRIED)
        if not _is_url(one)
    ][:_MOST_SHOWN]
    if not bad:
        return
    shown = ", ".join(bad)
    text = (
        f"At least 5 substitutions of server variables resulted in invalid URLs: {shown} and more"
        if len(bad) == _MOST_SHOWN
        else f"A few substitutions of server variables resulted in invalid URLs: {shown}"
    )
    yield Result(text, (*context.path, "variables"))


def _substituted(url: str, variables: list[tuple[str, Any]]) -> Iterator[str]:
    if not variables:
        yield url
        return
    (name, one), *others = variables
    default = [one["default"]] if "default" in one else []
    for text in one.get("enum", default):
        yield from _substituted(url.replace(f"{{{name}}}", quote(text, safe="/:?#")), others)


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    return bool(parts.scheme) and bool(parts.netloc or parts.path)


SHARED: dict[str, Function] = {
    "serverVariables": Function(server_variables, takes=("checkSubstitutions", "requireDefault")),
    "uniquenessTags": Function(unique_tags, (list,)),
}
