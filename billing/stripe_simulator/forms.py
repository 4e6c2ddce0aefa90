"""Stripe's form encoding: `items[0][price]=price_1&expand[]=customer` into nested values."""

import re
from typing import Any
from urllib.parse import parse_qsl

from billing.stripe_simulator.errors import wrong

NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)$")
KEY = re.compile(r"\[([^\[\]]*)\]")
MAX_FIELDS = 5_000


def decode(text: str) -> dict[str, Any]:
    """Return the parameters as nested dicts and lists of strings.

    Raises StripeProblem for a name that no brackets make sense of.
    """
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FIELDS)
    except ValueError:
        raise wrong("Too many parameters.") from None
    root: dict[str, Any] = {}
    for name, value in pairs:
        match = NAME.match(name)
        if match is None:
            raise wrong(f"Invalid parameter name: {name}", name, "parameter_unknown")
        path = [match[1], *KEY.findall(match[2])]
        _set(root, path, value, name)
    return {key: _listed(value) for key, value in root.items()}


def _set(root: dict[str, Any], path: list[str], value: str, name: str) -> None:
    place = root
    for key in path[:-1]:
        place = place.setdefault(_index(place, key), {})
        if not isinstance(place, dict):
            raise wrong(f"Invalid object for parameter {name}", name)
    place[_index(place, path[-1])] = value


def _index(place: dict[str, Any], key: str) -> str:
    return key or str(len(place))


def _listed(value: Any) -> Any:
    """Turn {"0": a, "1": b} into a list: that is how a form writes one."""
    if not isinstance(value, dict):
        return value
    inner = {key: _listed(part) for key, part in value.items()}
    if inner and all(key.isdigit() for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner
