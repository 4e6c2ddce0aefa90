"""What the AsyncAPI set asks beyond the core functions (after @stoplight/spectral-rulesets)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apim.catalog.rulesets.functions.contract import Function, Result
from apim.catalog.rulesets.functions.shared import variables_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apim.catalog.openapi.positions import Path
    from apim.catalog.rulesets.document import Document
    from apim.catalog.rulesets.functions.contract import Context, Options

_FLOWS = ("implicit", "password", "clientCredentials", "authorizationCode")


def _operations(document: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Publish and subscribe of each channel of AsyncAPI 2."""
    channels = document.data.get("channels")
    for name, written in channels.items() if isinstance(channels, dict) else ():
        channel, at = document.resolve(written, ("channels",), name)
        for action in ("subscribe", "publish") if isinstance(channel, dict) else ():
            operation = document.plain(channel.get(action))
            if isinstance(operation, dict):
                yield (*at, action), operation


def _messages(document: Document) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path, operation in _operations(document):
        if "message" not in operation:
            continue
        message, at = document.resolve(operation["message"], path, "message")
        if not isinstance(message, dict):
            continue
        choices = message.get("oneOf")
        if not isinstance(choices, list):
            yield at, message
            continue
        for index, written in enumerate(choices):
            one, where = document.resolve(written, (*at, "oneOf"), index)
            if isinstance(one, dict):
                yield where, one


def _identifier(document: Document, value: dict[str, Any], name: str) -> tuple[str, Path] | None:
    """The last trait's, or its own."""
    traits = value.get("traits")
    for index, written in reversed(list(enumerate(traits if isinstance(traits, list) else ()))):
        trait = document.plain(written)
        if isinstance(trait, dict) and isinstance(trait.get(name), str):
            return trait[name], ("traits", index, name)
    return (value[name], (name,)) if isinstance(value.get(name), str) else None


def _unique(
    document: Document, found: Iterator[tuple[Path, dict[str, Any]]], name: str, nouns: str
) -> Iterator[Result]:
    seen: dict[str, Path] = {}
    for path, value in found:
        identifier = _identifier(document, value, name)
        if identifier is None:
            continue
        text, below = identifier
        if text in seen:
            yield Result(f'"{name}" must be unique across all the {nouns}.', (*path, *below))
        seen.setdefault(text, path)


def unique_operation_ids(_value: Any, _options: Options, context: Context) -> Iterator[Result]:
    yield from _unique(context.document, _operations(context.document), "operationId", "operations")


def unique_message_ids(_value: Any, _options: Options, context: Context) -> Iterator[Result]:
    yield from _unique(context.document, _messages(context.document), "messageId", "messages")


def channel_parameters(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    parameters = value.get("parameters")
    address = value.get("address")
    names = variables_in(context.name if address is None else address)
    if not isinstance(parameters, dict) or not names:
        return
    missing = [name for name in names if name not in parameters]
    if missing:
        yield Result(
            'Not all channel\'s parameters are described with "parameters" object.'
            f" Missed: {', '.join(missing)}.",
            (*context.path, "parameters"),
        )
    for name in parameters:
        if name not in names:
            text = f'Channel\'s "parameters" object has redundant defined "{name}" parameter.'
            yield Result(text, (*context.path, "parameters", name))


def channel_servers(value: Any, _options: Options, context: Context) -> Iterator[Result]:
    servers = value.get("servers") or {}
    channels = value.get("channels") or {}
    if not isinstance(servers, dict) or not isinstance(channels, dict):
        return
    for name, written in channels.items():
        channel, at = context.document.resolve(written, ("channels",), name)
        wanted = channel.get("servers") if isinstance(channel, dict) else None
        for index, server in enumerate(wanted if isinstance(wanted, list) else ()):
            if isinstance(server, str) and server not in servers:
                text = 'Channel contains server that are not defined on the "servers" object.'
                yield Result(text, (*at, "servers", index))


def security(value: Any, options: Options, context: Context) -> Iterator[Result]:
    if not all(isinstance(one, list) for one in value.values()):
        return
    schemes, _, _ = context.document.below(
        context.document.data, (), ("components", "securitySchemes")
    )
    known = schemes if isinstance(schemes, dict) else {}
    for name, wanted in value.items():
        if name not in known:
            subject = options.get("objectType", "Operation")
            text = f"{subject} must not reference an undefined security scheme."
            yield Result(text, (*context.path, name))
            continue
        scheme = context.document.plain(known[name])
        if isinstance(scheme, dict) and scheme.get("type") == "oauth2":
            yield from _scopes(scheme.get("flows"), wanted, (*context.path, name))


def _scopes(flows: Any, wanted: Any, path: Path) -> Iterator[Result]:
    available: dict[str, None] = {}
    for name in _FLOWS:
        flow = flows.get(name) if isinstance(flows, dict) else None
        if isinstance(flow, dict) and isinstance(flow.get("scopes"), dict):
            available.update(dict.fromkeys(flow["scopes"]))
    for index, scope in enumerate(wanted if isinstance(wanted, list) else ()):
        if scope not in available:
            yield Result(
                "Non-existing security scope for the specified security scheme."
                f" Available: [{', '.join(available)}]",
                (*path, index),
            )


ASYNCAPI: dict[str, Function] = {
    "asyncApi2ChannelServers": Function(channel_servers, (dict,)),
    "asyncApi2MessageIdUniqueness": Function(unique_message_ids, (dict,)),
    "asyncApi2OperationIdUniqueness": Function(unique_operation_ids, (dict,)),
    "asyncApiChannelParameters": Function(channel_parameters, (dict,)),
    "asyncApiSecurity": Function(security, (dict,), takes=("objectType",)),
}
