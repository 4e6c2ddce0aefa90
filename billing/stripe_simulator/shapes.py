"""Parameters held to what the SDK declares (sdk.json), and objects completed with its nulls."""

import re
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from billing.stripe_simulator.errors import StripeProblem, not_simulated, required, wrong

WHOLE = re.compile(r"-?\d{1,18}$")
MAX_DECIMAL_PLACES = 12
SHOWN_MEMBERS = 20
Shape = Any


class _Mismatch(Exception):
    """A value is not of the shape; the text says what was expected."""

    def __init__(self, expected: str, param: str) -> None:
        super().__init__(expected)
        self.param = param


@cache
def sdk() -> dict[str, Any]:
    """Return the data file, written from the installed SDK by the tests' sdk_shapes."""
    data: dict[str, Any] = msgspec.json.decode(Path(__file__).with_name("sdk.json").read_bytes())
    return data


def api_version() -> str:
    return str(sdk()["api_version"])


def checked(endpoint: str, given: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters in their types. Raises StripeProblem naming the wrong one."""
    shape = sdk()["endpoints"][endpoint]
    for name in given:
        if name in shape["unsupported"]:
            raise not_simulated(f"{name} at {endpoint}", name)
        if name not in shape["fields"]:
            raise _unknown(name)
    for name in shape["required"]:
        if name not in given:
            raise required(name)
    return {name: _value(shape["fields"][name], value, name) for name, value in given.items()}


def completed(found: dict[str, Any]) -> dict[str, Any]:
    """Add the fields that Stripe answers as null, so that reading them is no error."""
    for name in sdk()["nullable"].get(found.get("object"), ()):
        found.setdefault(name, None)
    return found


def _unknown(param: str) -> StripeProblem:
    return StripeProblem(
        f"Received unknown parameter: {param}", code="parameter_unknown", param=param
    )


def _value(shape: Shape, value: Any, param: str) -> Any:
    try:
        return _converted(shape, value, param)
    except _Mismatch as mismatch:
        raise wrong(f"Invalid {mismatch.param}: {mismatch}", mismatch.param) from None


def _converted(shape: Shape, value: Any, param: str) -> Any:  # noqa: PLR0911  one for each kind
    if isinstance(shape, str):
        return _scalar(shape, value, param)
    (kind, inner), *_ = shape.items()
    if kind == "any_of":
        return _first_that_fits(inner, value, param)
    if kind == "enum":
        return _member(inner, value, param)
    if kind == "list":
        if value == "":
            return []
        if not isinstance(value, list):
            raise _Mismatch("must be an array", param)
        return [_converted(inner, part, f"{param}[{i}]") for i, part in enumerate(value)]
    if not isinstance(value, dict):
        raise _Mismatch("must be an object", param)
    if kind == "map":
        return {name: _converted(inner, part, f"{param}[{name}]") for name, part in value.items()}
    return _object(sdk()["objects"][inner], value, param)


def _object(shape: Shape, value: dict[str, Any], param: str) -> dict[str, Any]:
    for name in value:
        if name not in shape["fields"]:
            raise _unknown(f"{param}[{name}]")
    for name in shape["required"]:
        if name not in value:
            raise required(f"{param}[{name}]")
    return {
        name: _converted(shape["fields"][name], part, f"{param}[{name}]")
        for name, part in value.items()
    }


def _first_that_fits(shapes: list[Shape], value: Any, param: str) -> Any:
    expected = []
    for shape in sorted(shapes, key=lambda s: s == "str"):  # a string fits everything
        try:
            return _converted(shape, value, param)
        except _Mismatch as mismatch:
            expected.append(str(mismatch))
    raise _Mismatch(", or ".join(expected), param)


def _member(members: list[str], value: Any, param: str) -> Any:
    for member in members:
        if value == member or str(value) == str(member):
            return member
    more = ", …" if len(members) > SHOWN_MEMBERS else ""
    known = ", ".join(map(str, members[:SHOWN_MEMBERS]))
    raise _Mismatch(f"must be one of {known}{more}", param)


def _scalar(shape: str, value: Any, param: str) -> Any:
    if shape == "any":
        return value
    if shape == "empty":
        if value != "":
            raise _Mismatch("must be empty", param)
        return ""
    if not isinstance(value, str | int | float):
        raise _Mismatch("must be a single value", param)
    text = str(value)
    if shape == "str":
        return text
    if shape == "int":
        if not WHOLE.match(text):
            raise _Mismatch("must be an integer", param)
        return int(text)
    if shape == "bool":
        if text.lower() not in {"true", "false"}:
            raise _Mismatch("must be true or false", param)
        return text.lower() == "true"
    return _number(shape, text, param)


def _number(shape: str, text: str, param: str) -> Any:
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise _Mismatch("must be a decimal number", param) from None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int):
        raise _Mismatch("must be a finite number", param)
    if shape == "decimal" and -exponent > MAX_DECIMAL_PLACES:
        raise _Mismatch(f"at most {MAX_DECIMAL_PLACES} decimal places", param)
    return number if shape == "decimal" else float(number)
