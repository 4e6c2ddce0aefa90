"""Walks raw JSON against the annotations of the SDK's resource classes."""

import importlib
import inspect
import typing
from decimal import Decimal, InvalidOperation

import typing_extensions
from stripe._list_object import ListObject
from stripe._object_classes import OBJECT_CLASSES, V2_OBJECT_CLASSES
from stripe._stripe_object import StripeObject, UntypedStripeObject

LITERALS = (typing.Literal, typing_extensions.Literal)


def class_of(kind):
    found = OBJECT_CLASSES.get(kind) or V2_OBJECT_CLASSES.get(kind)
    return getattr(importlib.import_module(found[0]), found[1]) if found else None


def problems(raw, cls=None, path=""):
    """Return what the SDK's class of an object does not expect: missing, wrong, or unknown fields."""
    cls = cls or class_of(raw.get("object", ""))
    path = path or raw.get("object", "?")
    if cls is None:
        return [f"{path}: the SDK knows no such object"]
    if raw.get("deleted") is True:
        return []
    hints = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, StripeObject) and base is not StripeObject:
            hints |= vars(base).get("__annotations__", {})
    hints = {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_") and typing.get_origin(hint) is not typing.ClassVar
    }
    found = [f"{path}.{name}: unknown to the SDK" for name in raw if name not in hints]
    for name, hint in hints.items():
        if name in raw:
            found += _mismatches(raw[name], hint, f"{path}.{name}")
        elif type(None) not in typing.get_args(hint) and name != "OBJECT_NAME":
            found.append(f"{path}.{name}: missing")
    return found


def _mismatches(value, hint, path):  # noqa: C901, PLR0911  one case for each kind of type
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, str | typing.ForwardRef):
        return problems(value, path=path) if isinstance(value, dict) else [f"{path}: {value!r}"]
    if origin is typing.Union:
        return _any_of(value, arguments, path)
    if origin in LITERALS:
        return [] if value in arguments else [f"{path}: {value!r} is none of {arguments}"]
    if hint is typing.Any:
        return []
    if hint is UntypedStripeObject or origin is UntypedStripeObject:
        return [] if isinstance(value, dict) else [f"{path}: {value!r} is no object"]
    if origin is list:
        if not isinstance(value, list):
            return [f"{path}: {value!r} is no list"]
        return [
            p for i, v in enumerate(value) for p in _mismatches(v, arguments[0], f"{path}[{i}]")
        ]
    if hint is ListObject or origin is ListObject:
        if not isinstance(value, dict) or value.get("object") != "list":
            return [f"{path}: no list object"]
        return [
            p for i, v in enumerate(value["data"]) for p in problems(v, path=f"{path}.data[{i}]")
        ]
    if inspect.isclass(hint) and issubclass(hint, StripeObject):
        return problems(value, hint, path) if isinstance(value, dict) else [f"{path}: {value!r}"]
    return [] if _is_a(value, hint) else [f"{path}: {value!r} is no {hint}"]


def _any_of(value, hints, path):
    if value is None:
        return [] if type(None) in hints else [f"{path}: null"]
    hints = [hint for hint in hints if hint is not type(None)]
    if any(typing.get_origin(hint) in LITERALS for hint in hints):
        hints = [hint for hint in hints if hint is not str]  # `|str` is for values to come
    results = [_mismatches(value, hint, path) for hint in hints]
    return min(results, key=len)


def _is_a(value, hint):
    if hint is Decimal:
        try:
            return isinstance(value, str) and Decimal(value).is_finite()
        except InvalidOperation:
            return False
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, hint)
