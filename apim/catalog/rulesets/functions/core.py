"""Spectral's core functions but `schema` (docs.stoplight.io/docs/spectral, core functions)."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.functions.orphans import orphans
from apim.catalog.rulesets.javascript import UNDEFINED, is_deeply_equal, is_true, number_of, printed
from apim.catalog.rulesets.patterns import BadPattern, delimited, pattern

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.rulesets.functions.contract import Context, Options

_PROPERTY = '#{{print("property")}}'
_VALUE = '#{{print("value")}}'
_DIGITS = "{digits}"
_CASES = {
    "flat": "[a-z][a-z{digits}]*",
    "camel": "[a-z][a-z{digits}]*(?:[A-Z{digits}](?:[a-z{digits}]+|$))*",
    "pascal": "[A-Z][a-z{digits}]*(?:[A-Z{digits}](?:[a-z{digits}]+|$))*",
    "kebab": "[a-z][a-z{digits}]*(?:-[a-z{digits}]+)*",
    "cobol": "[A-Z][A-Z{digits}]*(?:-[A-Z{digits}]+)*",
    "snake": "[a-z][a-z{digits}]*(?:_[a-z{digits}]+)*",
    "macro": "[A-Z][A-Z{digits}]*(?:_[A-Z{digits}]+)*",
}
# More properties than these are not all named in a message.
_MOST_NAMED = 4


def truthy(value: Any, _options: Options, _context: Context) -> Iterator[Result]:
    if not is_true(value):
        yield Result(f"{_PROPERTY}must be truthy")


def falsy(value: Any, _options: Options, _context: Context) -> Iterator[Result]:
    if is_true(value):
        yield Result(f"{_PROPERTY}must be falsy")


def defined(value: Any, _options: Options, _context: Context) -> Iterator[Result]:
    if value is UNDEFINED:
        yield Result(f"{_PROPERTY}must be defined")


def undefined(value: Any, _options: Options, _context: Context) -> Iterator[Result]:
    if value is not UNDEFINED:
        yield Result(f"{_PROPERTY}must be undefined")


def enumeration(value: Any, options: Options, _context: Context) -> Iterator[Result]:
    if not any(is_deeply_equal(value, one) for one in options["values"]):
        shown = ", ".join(printed(one) for one in options["values"])
        yield Result(f"{_VALUE} must be equal to one of the allowed values: {shown}")


def length(value: Any, options: Options, _context: Context) -> Iterator[Result]:
    size = value if isinstance(value, int | float) else len(value)
    if "min" in options and size < options["min"]:
        yield Result(f"{_PROPERTY}must be longer than {printed(options['min'])}")
    if "max" in options and size > options["max"]:
        yield Result(f"{_PROPERTY}must be shorter than {printed(options['max'])}")


def match_pattern(value: Any, options: Options, context: Context) -> Iterator[Result]:
    if "match" in options and not delimited(options["match"]).search(value, context.budget):
        yield Result(f"{_VALUE} must match the pattern {printed(options['match'])}")
    if "notMatch" in options and delimited(options["notMatch"]).search(value, context.budget):
        yield Result(f"{_VALUE} must not match the pattern {printed(options['notMatch'])}")


def casing(value: Any, options: Options, context: Context) -> Iterator[Result]:
    separator = options.get("separator")
    if not value or (
        separator and separator.get("allowLeading") is True and value == separator["char"]
    ):
        return
    digits = "" if options.get("disallowDigits") is True else "0-9"
    words = _CASES[options["type"]].replace(_DIGITS, digits)
    source = f"^{words}$"
    if separator:
        between = "[" + re.escape(separator["char"]) + "]"
        leading = f"{between}?" if separator.get("allowLeading") is True else ""
        source = f"^{leading}{words}(?:{between}{words})*$"
    if not pattern(source).search(value, context.budget):
        yield Result(f"must be {options['type']} case")


def alphabetical(value: Any, options: Options, context: Context) -> Iterator[Result]:
    keyed_by = options.get("keyedBy")
    items = list(value)
    if len(items) < 2:
        return
    if keyed_by is not None:
        if not all(isinstance(one, dict | list) for one in items):
            yield Result(f"{_PROPERTY}must be an object")
            return
        items = [one.get(keyed_by) if isinstance(one, dict) else None for one in items]
    if not all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in items):
        yield Result(f"{_PROPERTY}must be one of the allowed types: number, string")
        return
    for index in range(len(items) - 1):
        first, second = items[index], items[index + 1]
        if _is_after(first, second):
            if keyed_by is not None:
                yield Result("properties must follow the alphabetical order")
            else:
                token = index if isinstance(value, list) else first
                text = f"{printed(first)} must be placed after {printed(second)}"
                yield Result(text, (*context.path, token))
            return


def _is_after(first: Any, second: Any) -> bool:
    a, b = number_of(first), number_of(second)
    if not isinstance(first, str) and not isinstance(second, str):
        return a > b
    if not isinstance(first, str) and not math.isnan(b):
        return a > b
    if isinstance(first, str) and isinstance(second, str):
        return _collation(first) > _collation(second)
    return False


def _collation(text: str) -> tuple[list[tuple[int, str]], str]:
    """About the order of localeCompare: punctuation, digits, letters; small before capital."""
    primary = [(2 if c.isalpha() else 1 if c.isdigit() else 0, c.casefold()) for c in text]
    return primary, text.swapcase()


def either(value: Any, options: Options, _context: Context) -> Iterator[Result]:
    """`or`: at least one of the properties."""
    if not any(name in value for name in options["properties"]):
        yield Result(_none_of(options["properties"]))


def exclusive(value: Any, options: Options, _context: Context) -> Iterator[Result]:
    """`xor`: exactly one of the properties."""
    present = [name for name in value if name in options["properties"]]
    if not present:
        yield Result(_none_of(options["properties"]))
    elif len(present) > 1:
        yield Result('Just one of "' + '" and "'.join(present) + '" must be defined')


def _none_of(names: list[str]) -> str:
    if len(names) <= _MOST_NAMED:
        return 'At least one of "' + '" or "'.join(names) + '" must be defined'
    shown = '" or "'.join(names[:3])
    return f'At least one of "{shown}" or {len(names) - 3} other properties must be defined'


_TYPE_NAMES = {"string": str, "boolean": bool, "null": type(None), "array": list, "object": dict}


def typed_enum(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Each value of `enum` has the `type` beside it, null included if that is allowed."""
    entries, declared = value.get("enum"), value.get("type")
    names = [declared] if isinstance(declared, str) else declared
    if not isinstance(entries, list) or not isinstance(names, list):
        return
    formats = context.document.formats
    if (value.get("nullable") is True and "oas3_0" in formats) or (
        value.get("x-nullable") is True and "oas2" in formats
    ):
        names = [*names, "null"]
    for index, entry in enumerate(entries):
        if not any(_has_type(entry, name, names) for name in names):
            text = f'Enum value {printed(entry)} must be "{",".join(map(str, names))}".'
            yield Result(text, (*context.path, "enum", index))


def _has_type(value: Any, name: str, names: list[str]) -> bool:
    if name in {"number", "integer"}:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        is_whole = is_number and value == int(value)
        return (
            is_whole
            if name == "integer"
            else is_number and ("integer" not in names or not is_whole)
        )
    wanted = _TYPE_NAMES.get(name)
    return wanted is not None and isinstance(value, wanted)


def unreferenced(value: Any, options: Options, context: Context) -> Iterator[Result]:
    yield from orphans(value, options["reusableObjectsLocation"], context)


def _check_properties(options: Options) -> str:
    names = options["properties"]
    if isinstance(names, list) and len(names) > 1 and all(isinstance(one, str) for one in names):
        return ""
    return "“properties” lists at least two names, for example [default, example]"


def _check_patterns(options: Options) -> str:
    for text in options.values():
        if not isinstance(text, str):
            return "“match” and “notMatch” are regular expressions in quotes"
        try:
            delimited(text)
        except BadPattern as error:
            return f"“{text[:60]}” is not a regular expression: {error}"
    return ""


def _check_casing(options: Options) -> str:
    if options["type"] not in _CASES:
        return f"“type” is one of {', '.join(_CASES)}"
    separator = options.get("separator")
    if separator is None:
        return ""
    char = separator.get("char") if isinstance(separator, dict) else None
    if not isinstance(char, str) or len(char) != 1 or set(separator) - {"char", "allowLeading"}:
        return "“separator” has “char”, one character, and perhaps “allowLeading”"
    return ""


def _check_length(options: Options) -> str:
    if all(isinstance(v, int | float) and not isinstance(v, bool) for v in options.values()):
        return ""
    return "“min” and “max” are numbers"


def _check_values(options: Options) -> str:
    values = options["values"]
    if isinstance(values, list) and not any(isinstance(one, dict | list) for one in values):
        return ""
    return "“values” is a list of plain values, for example [red, green]"


def _check_location(options: Options) -> str:
    location = options["reusableObjectsLocation"]
    if isinstance(location, str) and location.startswith("#"):
        return ""
    return "“reusableObjectsLocation” is a pointer such as #/components/schemas"


def _check_keyed_by(options: Options) -> str:
    return "" if isinstance(options.get("keyedBy", ""), str) else "“keyedBy” is a name"


CORE: dict[str, Function] = {
    "alphabetical": Function(alphabetical, (dict, list), takes=("keyedBy",), check=_check_keyed_by),
    "casing": Function(
        casing,
        (str,),
        needs=("type",),
        takes=("disallowDigits", "separator"),
        check=_check_casing,
    ),
    "defined": Function(defined),
    "enumeration": Function(
        enumeration, (str, int, float, bool, type(None)), needs=("values",), check=_check_values
    ),
    "falsy": Function(falsy),
    "length": Function(
        length,
        (list, dict, str, int, float),
        takes=("min", "max"),
        check=_check_length,
        needs_any=True,
    ),
    "or": Function(either, (dict,), needs=("properties",), check=_check_properties),
    "pattern": Function(
        match_pattern, (str,), takes=("match", "notMatch"), check=_check_patterns, needs_any=True
    ),
    "truthy": Function(truthy),
    "typedEnum": Function(typed_enum, (dict,)),
    "undefined": Function(undefined),
    "unreferencedReusableObject": Function(
        unreferenced, (dict,), needs=("reusableObjectsLocation",), check=_check_location
    ),
    "xor": Function(exclusive, (dict,), needs=("properties",), check=_check_properties),
}
