"""What the installed SDK says about parameters and fields, as the simulator's data file.

`python -m tests.billing.stripe_simulator.sdk_shapes` writes billing/stripe_simulator/sdk.json anew,
after an upgrade of the SDK or a new route; a test holds the file against the SDK.

A type is "str", "int", "bool", "float", "decimal", "empty" (the empty string that unsets), "any",
{"enum": [...]}, {"list": type}, {"map": type}, {"object": name} or {"any_of": [types]}.
"""

import ast
import importlib
import inspect
import json
import re
import types
import typing
from decimal import Decimal
from pathlib import Path

import stripe
import typing_extensions
from stripe._api_version import _ApiVersion
from stripe._object_classes import OBJECT_CLASSES
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from billing.stripe_simulator import registry
from billing.stripe_simulator.routing import ROUTES

assert registry  # importing it registers the routes

SDK = Path(stripe.__file__).parent
FILE = Path("billing/stripe_simulator/sdk.json")
SCALARS = {str: "str", int: "int", bool: "bool", float: "float", Decimal: "decimal"}
# Options of single payment methods: pages of fields that a simulated card has no use for.
OPAQUE = {"payment_method_options", "payment_method_data", "excluded_payment_method_types"}
# Fields that Stripe leaves out unless they are expanded, or the object is deleted.
LEFT_OUT = {
    "*": {"deleted"},
    "customer": {"sources", "subscriptions", "tax_ids", "tax", "cash_balance"}
    | {"invoice_credit_balance"},
    "charge": {"refunds"},
    "checkout.session": {"line_items"},
    "coupon": {"applies_to", "currency_options"},
    "invoice": {"payments", "confirmation_secret"},
    "price": {"tiers", "currency_options"},
    "webhook_endpoint": {"secret"},
}
CARD_ONLY = ("allow_redisplay", "customer", "customer_account", "metadata", "radar_options")


def sdk_shapes():
    found = _endpoints()
    shapes = {}
    endpoints = {}
    for route in sorted(ROUTES.values(), key=lambda r: r.endpoint):
        file, params = found[route.endpoint]
        known = _hints(_find(file, params)) if params else {}
        supported = {name: known[name][0] for name in sorted(known) if name in route.supports}
        endpoints[route.endpoint] = {
            "fields": {name: _shape(hint, shapes) for name, hint in supported.items()},
            "required": sorted(n for n, (_, required) in known.items() if required),
            "unsupported": sorted(set(known) - set(supported)),
        }
    return {
        "sdk": stripe.VERSION,
        "api_version": _ApiVersion.CURRENT,
        "endpoints": endpoints,
        "objects": dict(sorted(shapes.items())),
        "nullable": _nullable(),
    }


def _endpoints():
    """Every call that the SDK makes: "POST /v1/prices/{}" to its module and parameters' class."""
    found = {}
    for file in sorted(SDK.rglob("*_service.py")):
        tree = ast.parse(file.read_text())
        methods = [
            method
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            for method in node.body
            if isinstance(method, ast.FunctionDef)
        ]
        for method in methods:
            params = [a for a in method.args.args if a.arg == "params" and a.annotation]
            names = re.findall(r"\w+Params\b", ast.unparse(params[0].annotation)) if params else []
            for call in ast.walk(method):
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "self._request":
                    path = call.args[1]
                    template = (
                        path.value if isinstance(path, ast.Constant) else path.func.value.value
                    )
                    endpoint = f"{call.args[0].value.upper()} {re.sub(r'{[^}]*}', '{}', template)}"
                    found[endpoint] = (file, names[0] if names else None)
    return found


def _find(service, name):
    """The class of parameters, imported from where the service imports it."""
    module = re.search(rf"from (stripe\.params\S*) import \(?\s*{name}\b", service.read_text())[1]
    return getattr(importlib.import_module(module), name)


def _hints(cls):
    """Field name to (type, is required), without the options that every request takes."""
    module = importlib.import_module(cls.__module__)
    space = {**vars(typing), **vars(module), "StripeContext": object}
    hints = typing_extensions.get_type_hints(cls, globalns=space, include_extras=False)
    options = set(RequestOptions.__annotations__)
    return {
        name: (hint, name in cls.__required_keys__)
        for name, hint in hints.items()
        if name not in options
    }


def _shape(hint, shapes):  # noqa: PLR0911  one return for each kind
    if hint in SCALARS:
        return SCALARS[hint]
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal or origin is typing_extensions.Literal:
        return "empty" if arguments == ("",) else {"enum": list(arguments)}
    if origin in (typing.Union, types.UnionType):
        return _union([_shape(a, shapes) for a in arguments if not _is_untyped(a)])
    if origin is list:
        return {"list": _shape(arguments[0], shapes)}
    if origin is dict:
        return {"map": _shape(arguments[1], shapes)}
    if inspect.isclass(hint) and typing_extensions.is_typeddict(hint):
        if hint.__name__ not in shapes:
            shapes[hint.__name__] = {}
            known = _hints(hint)
            fields = {
                name: "any" if name in OPAQUE else _shape(inner, shapes)
                for name, (inner, _) in sorted(known.items())
            }
            required = sorted(name for name, (_, is_required) in known.items() if is_required)
            shapes[hint.__name__] = {"fields": fields, "required": required}
        return {"object": hint.__name__}
    return "any"


def _is_untyped(hint):
    return hint is UntypedStripeObject or typing.get_origin(hint) is UntypedStripeObject


def _union(shapes):
    """An enumeration that the SDK widens by `|str` for values to come stays an enumeration."""
    if any(isinstance(s, dict) and "enum" in s for s in shapes):
        shapes = [s for s in shapes if s != "str"]
    unique = [s for i, s in enumerate(shapes) if s not in shapes[:i]]
    return unique[0] if len(unique) == 1 else {"any_of": unique}


def _nullable():
    nullable = {}
    for name, (module, class_name) in sorted(OBJECT_CLASSES.items()):
        cls = getattr(importlib.import_module(module), class_name)
        left_out = LEFT_OUT["*"] | LEFT_OUT.get(name, set())
        fields = [
            field
            for field, hint in vars(cls).get("__annotations__", {}).items()
            if type(None) in typing.get_args(hint) and field not in left_out
        ]
        nullable[name] = sorted(CARD_ONLY if name == "payment_method" else fields)
    wanted = _objects_of_the_simulator()
    return {name: fields for name, fields in nullable.items() if name in wanted}


def _objects_of_the_simulator():
    sources = [p.read_text() for p in Path("billing/stripe_simulator").rglob("*.py")]
    return {name for text in sources for name in re.findall(r'"object": "([a-z0-9_.]+)"', text)}


def as_text(shapes):
    """One endpoint or object a line, so that a difference can be read."""
    parts = []
    for key, value in shapes.items():
        if isinstance(value, dict):
            lines = [f"    {json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            parts.append(f"  {json.dumps(key)}: {{\n" + ",\n".join(lines) + "\n  }")
        else:
            parts.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    FILE.write_text(as_text(sdk_shapes()))
