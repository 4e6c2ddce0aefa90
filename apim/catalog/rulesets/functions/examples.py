"""Examples and defaults fit the schema they stand with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function
from apim.catalog.rulesets.functions.schema import check_value, schema
from apim.catalog.rulesets.javascript import UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.functions.contract import Context, Options, Result

_OWN_FIELDS = {2: ("example", "x-example", "default"), 3: ("example", "default")}
_NOTHING: frozenset[str] = frozenset()


def openapi_example(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """In a media type, parameter or header (`media`), or in a schema itself (`schema`)."""
    version = options["oasVersion"]
    if options["type"] == "schema":
        items = [
            (value[name], (*context.path, name)) for name in _OWN_FIELDS[version] if name in value
        ]
        found: Any = value
        if version == 2 and isinstance(value.get("required"), bool):
            found = _without_required(value, context)
        relaxed = _NOTHING
    else:
        items = _media_items(value, version, context)
        found = context.document.plain(value.get(options["schemaField"]))
        relaxed = _relaxed(context.path)
    if not isinstance(found, dict):
        return
    for example, path in items:
        yield from check_value(example, path, found, context, relaxed=relaxed)


def _without_required(value: dict[str, Any], context: Context) -> dict[str, Any]:
    """A parameter of OpenAPI 2 is its own schema, but its `required` is a boolean."""
    known = context.document.memory.setdefault("parameters", {})
    return known.setdefault(  # type: ignore[no-any-return]
        id(value), {name: below for name, below in value.items() if name != "required"}
    )


def _media_items(value: dict[str, Any], version: int, context: Context) -> list[tuple[Any, Path]]:
    if version == 3 and "example" in value:
        return [(value["example"], (*context.path, "example"))]
    examples, path = value.get("examples"), (*context.path, "examples")
    if not isinstance(examples, dict):
        return []
    if version == 2:
        return [(one, (*path, name)) for name, one in examples.items()]
    items: list[tuple[Any, Path]] = []
    for name, written in examples.items():
        one, at = context.document.resolve(written, path, name)
        if isinstance(one, dict) and "externalValue" not in one:
            items.append((one.get("value", UNDEFINED), (*at, "value")))
    return items


def _relaxed(path: Path) -> frozenset[str]:
    """What may be missing here though required: readOnly in a request, writeOnly in a response."""
    texts = [str(token) for token in path]
    if texts[:2] == ["components", "requestBodies"] or texts[3:4] == ["requestBody"]:
        return frozenset({"readOnly"})
    if "responses" in (texts[1:2] + texts[3:4] + texts[:1]):
        return frozenset({"writeOnly"})
    return _NOTHING


def unique_entries(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """`oasSchema`: as `schema`, in the draft that the document's version means."""
    return schema(value, options, context)


def asyncapi_example(value: Any, options: Options, context: Context) -> Iterator[Result]:
    """`default` or `examples` of a schema."""
    if options["type"] == "default":
        items = [(value["default"], (*context.path, "default"))] if "default" in value else []
    else:
        examples = value.get("examples")
        items = [
            (one, (*context.path, "examples", index))
            for index, one in enumerate(examples if isinstance(examples, list) else ())
        ]
    for example, path in items:
        if not isinstance(example, str):
            yield from check_value(example, path, value, context, is_all=True)


def message_examples(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    """Payload and headers of a message's examples fit its schemas, traits merged in."""
    merged = merge_traits(value, context)
    examples = merged.get("examples")
    for index, example in enumerate(examples if isinstance(examples, list) else ()):
        for part in ("payload", "headers"):
            if isinstance(example, dict) and part in example:
                path = (*context.path, "examples", index, part)
                found = merged.get(part, {})
                if isinstance(found, dict):
                    yield from check_value(example[part], path, found, context, is_all=True)


def merge_traits(value: dict[str, Any], context: Context) -> dict[str, Any]:
    """A message as its traits complete it (AsyncAPI 2.6, traits merge mechanism)."""
    known = context.document.memory.setdefault("traits", {})
    if id(value) not in known:
        merged = value
        traits = value.get("traits")
        for written in traits if isinstance(traits, list) else ():
            trait = context.document.plain(written)
            if isinstance(trait, dict):
                merged = _merged(merged, trait)
        known[id(value)] = merged
    return known[id(value)]  # type: ignore[no-any-return]


def _merged(origin: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(origin) if isinstance(origin, dict) else {}
    for name, below in patch.items():
        if below is None:
            result.pop(name, None)
        else:
            result[name] = _merged(result.get(name), below)
    return result


EXAMPLES: dict[str, Function] = {
    "asyncApi2MessageExamplesValidation": Function(message_examples, (dict,)),
    "asyncApiSchemaValidation": Function(asyncapi_example, (dict,), needs=("type",)),
    "oasExample": Function(openapi_example, (dict,), needs=("oasVersion", "schemaField", "type")),
    "oasSchema": Function(unique_entries, needs=("schema",)),
}
