"""AsyncAPI 2.0 to 2.6 and 3.x: channels, the messages on them, and who sends them.

Sources: AsyncAPI specification 2.6.0 and 3.0.0, and its migration guide to 3.0 for the direction:
what an application's clients may *subscribe* to in version 2 is what it *sends* in version 3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.told import distinct, operation
from apim.catalog.openapi import rules
from apim.catalog.openapi.load import JSON
from apim.catalog.openapi.objects import substituted
from apim.catalog.openapi.parse import Server, Tag
from apim.catalog.openapi.problems import InvalidSpecification, Severity
from apim.catalog.openapi.references import References

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from apim.catalog.openapi.load import Loaded
    from apim.catalog.openapi.operations import OperationSpec
    from apim.catalog.openapi.positions import Path

VERSION = re.compile(r"(?:2\.[0-6]|3\.[0-9])\.[0-9]{1,4}\Z")
# What the application does, by what its clients do in version 2.
_ACTIONS = {"publish": "receive", "subscribe": "send"}
_NO_REFERENCES_IN = {"example", "examples", "default", "const", "enum"}
_NAMES_IN = {
    "properties", "patternProperties", "$defs", "definitions", "schemas", "messages", "channels",
    "parameters", "operations", "servers", "headers",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Message:
    """`payload` and `headers` are schemas, or None; `payload_format` is empty for JSON Schema."""

    name: str
    title: str
    summary: str
    description: str
    content_type: str
    payload: Any
    payload_format: str
    headers: Any
    examples: tuple[Any, ...]
    is_deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """What the application does on a channel: `send` or `receive`."""

    action: str
    address: str
    channel_id: str
    operation_id: str
    channel: dict[str, Any]
    value: dict[str, Any]
    path: Path
    messages: tuple[Message, ...]
    parameters: dict[str, Any] = field(default_factory=dict)


def read_asyncapi(loaded: Loaded, sha256: str) -> Description:
    """Raises InvalidSpecification."""
    data = loaded.data
    check = rules.Check(data, loaded.positions, (3, 1))
    _check(check, data)
    problems = check.findings.problems(loaded.positions)
    if any(p.severity is Severity.ERROR for p in problems):
        raise InvalidSpecification(problems)
    info = data["info"]
    actions = actions_of(data)
    return Description(
        style=Style.ASYNCAPI,
        style_version=str(data["asyncapi"]),
        format=loaded.format,
        media_type="application/json" if loaded.format == JSON else "application/yaml",
        title=info["title"],
        version=info["version"],
        summary="",
        description=_text(info.get("description")),
        servers=tuple(_servers(data)),
        tags=tuple(_tags(data, actions)),
        operations=distinct(_specs(data, actions)),
        data=data,
        uploaded=data,
        positions=loaded.positions,
        warnings=problems,
        sha256=sha256,
    )


def _check(check: rules.Check, data: dict[str, Any]) -> None:
    """What the catalog depends on: a name, channels that can be listed, references that lead on."""
    version = data.get("asyncapi")
    if not isinstance(version, str) or not VERSION.match(version):
        check.error(
            ("asyncapi",),
            _("“%(version)s” is not a version that can be imported.")
            % {"version": str(version)[:40]},
            _("Versions 2.0 to 2.6 and 3.x can; write it in full, for example '3.0.0'."),
        )
    info = data.get("info")
    if isinstance(info, dict):
        for name in ("title", "version"):
            if not isinstance(info.get(name), str) or not info[name].strip():
                message = _("The info object needs “%(field)s” as text.") % {"field": name}
                check.error(("info", name), message)
    else:
        check.error((), _("Add “info” with a title and a version."))
    for name in ("channels", "operations", "servers", "components"):
        if name in data:
            _check_members(check, data[name], (name,))
    if not data.get("channels"):
        check.error(
            (),
            _("The document names no channel, so there is nothing to tell of."),
            _("Add one under “channels”."),
        )
    _check_references(check, data)


def _check_members(check: rules.Check, value: Any, path: Path) -> None:
    if rules.is_mapping(check, value, path):
        for name, below in value.items():
            if not name.startswith("x-"):
                rules.is_mapping(check, below, (*path, name))


def _check_references(check: rules.Check, data: Any) -> None:
    for value, path in references_in(data):
        check.reference(value, path)


def references_in(data: Any) -> Iterator[tuple[str, Path]]:
    """Each $ref and its path, except in examples and where `$ref` is a property's name."""
    pending: list[tuple[Any, Path, bool]] = [(data, (), False)]
    while pending:
        value, path, holds_names = pending.pop()
        if isinstance(value, list):
            pending.extend((below, (*path, i), False) for i, below in enumerate(value))
        elif isinstance(value, dict):
            ref = value.get("$ref")
            if isinstance(ref, str) and not holds_names:
                yield ref, (*path, "$ref")
            pending.extend(
                (below, (*path, key), not holds_names and key in _NAMES_IN)
                for key, below in value.items()
                if holds_names or not (key in _NO_REFERENCES_IN or key.startswith("x-"))
            )


def actions_of(data: dict[str, Any]) -> tuple[Action, ...]:
    """What the application sends and receives, in the document's order, from both versions."""
    reader = _Reader(data)
    return tuple(reader.version_3() if str(data["asyncapi"])[0] == "3" else reader.version_2())


class _Reader:
    """Follows the document's references; what is malformed inside an operation is left out."""

    def __init__(self, data: dict[str, Any]) -> None:
        self._data = data
        self._references = References(data)

    def version_2(self) -> Iterator[Action]:
        for address, item in _members(self._data, "channels"):
            channel = self._follow(item)
            for verb, action in _ACTIONS.items():
                if isinstance(channel.get(verb), dict):
                    value = self._with_traits(channel[verb])
                    yield Action(
                        action=action,
                        address=address,
                        channel_id=address,
                        operation_id=_text(value.get("operationId")) or f"{action} {address}",
                        channel=channel,
                        value=value,
                        path=("channels", address, verb),
                        messages=tuple(self._messages_2(value.get("message"))),
                        parameters=self._parameters(channel),
                    )

    def version_3(self) -> Iterator[Action]:
        for name, item in _members(self._data, "operations"):
            value = self._with_traits(self._follow(item))
            action = value.get("action")
            if action not in {"send", "receive"}:
                continue
            named = value.get("channel")
            channel = self._follow(named)
            ref = named.get("$ref", "") if isinstance(named, dict) else ""
            channel_id = ref.rpartition("/")[2].replace("~1", "/").replace("~0", "~")
            yield Action(
                action=action,
                # Unknown until it runs: a reply to wherever the request says.
                address=_text(channel.get("address")) or channel_id,
                channel_id=channel_id,
                operation_id=name,
                channel=channel,
                value=value,
                path=("operations", name),
                messages=tuple(self._messages_3(value, channel)),
                parameters=self._parameters(channel),
            )

    def _messages_2(self, value: Any) -> Iterator[Message]:
        several = value.get("oneOf") if isinstance(value, dict) else None
        for one in several if isinstance(several, list) else [value]:
            if isinstance(one, dict):
                yield self._message(one, "")

    def _messages_3(self, operation: dict[str, Any], channel: dict[str, Any]) -> Iterator[Message]:
        listed = operation.get("messages")
        if isinstance(listed, list):
            for one in listed:
                name = one.get("$ref", "").rpartition("/")[2] if isinstance(one, dict) else ""
                yield self._message(one, name)
            return
        for name, one in _members(channel, "messages"):
            yield self._message(one, name)

    def _message(self, value: Any, name: str) -> Message:
        ref = value.get("$ref") if isinstance(value, dict) else None
        if isinstance(ref, str) and not name:
            name = ref.rpartition("/")[2]
        message = self._with_traits(self._follow(value))
        payload, form = message.get("payload"), _text(message.get("schemaFormat"))
        if isinstance(payload, dict) and "schemaFormat" in payload and "schema" in payload:
            payload, form = payload["schema"], _text(payload["schemaFormat"])
        return Message(
            name=_text(message.get("name")) or _text(message.get("messageId")) or name,
            title=_text(message.get("title")),
            summary=_text(message.get("summary")),
            description=_text(message.get("description")),
            content_type=_text(message.get("contentType"))
            or _text(self._data.get("defaultContentType")),
            payload=payload,
            payload_format="" if "asyncapi" in form or "schema+json" in form else form,
            headers=message.get("headers"),
            examples=tuple(_listed(message, "examples")),
            is_deprecated=message.get("deprecated") is True or message.get("x-deprecated") is True,
        )

    def _parameters(self, channel: dict[str, Any]) -> dict[str, Any]:
        return {name: self._follow(one) for name, one in _members(channel, "parameters")}

    def _with_traits(self, value: dict[str, Any]) -> dict[str, Any]:
        """What stands in the object itself wins over its traits."""
        merged: dict[str, Any] = {}
        for trait in _listed(value, "traits"):
            merged.update(self._follow(trait))
        return {**merged, **value}

    def _follow(self, value: Any) -> dict[str, Any]:
        target = self._references.follow(value, ()).value
        return target if isinstance(target, dict) else {}


def _members(holder: Any, name: str) -> Iterable[tuple[str, Any]]:
    value = holder.get(name) if isinstance(holder, dict) else None
    return (
        [(key, one) for key, one in value.items() if not key.startswith("x-")]
        if isinstance(value, dict)
        else []
    )


def _specs(data: dict[str, Any], actions: tuple[Action, ...]) -> Iterator[OperationSpec]:
    for one in actions:
        value = one.value
        types = dict.fromkeys(m.content_type for m in one.messages if m.content_type)
        titles = [m.title or m.summary for m in one.messages if m.title or m.summary]
        yield operation(
            one.action,
            one.address,
            one.operation_id,
            summary=_text(value.get("summary")) or _text(value.get("title")) or ", ".join(titles),
            description=_text(value.get("description")) or _text(one.channel.get("description")),
            tags=tag_names(value) or tag_names(one.channel),
            is_deprecated=any(
                holder.get(name) is True
                for holder in (value, one.channel)
                for name in ("deprecated", "x-deprecated")
            ),
            is_secured=_is_secured(data, value),
            parameter_count=len(one.parameters),
            request_types=types if one.action == "receive" else (),
            response_types=types if one.action == "send" else (),
        )


def _is_secured(data: dict[str, Any], value: dict[str, Any]) -> bool:
    servers = [server for _name, server in _members(data, "servers")]
    return bool(value.get("security")) or any(
        isinstance(one, dict) and bool(one.get("security")) for one in servers
    )


def tag_names(value: dict[str, Any]) -> list[str]:
    """Of an operation or channel; a tag is an object with a name."""
    names = [tag.get("name") for tag in _listed(value, "tags") if isinstance(tag, dict)]
    return [name for name in dict.fromkeys(names) if isinstance(name, str)]


def _tags(data: dict[str, Any], actions: tuple[Action, ...]) -> Iterator[Tag]:
    """Those that the document describes (version 3: in info), then those only used."""
    info = data["info"]
    declared = {
        tag["name"]: _text(tag.get("description"))
        for holder in (data, info)
        for tag in _listed(holder, "tags")
        if isinstance(tag, dict) and isinstance(tag.get("name"), str)
    }
    for one in actions:
        for name in tag_names(one.value) or tag_names(one.channel):
            declared.setdefault(name, "")
    return (Tag(name, description) for name, description in declared.items())


def _servers(data: dict[str, Any]) -> Iterator[Server]:
    """Addresses with their protocol: `mqtt://host:1883/path`."""
    references = References(data)
    for _name, one in _members(data, "servers"):
        server = references.follow(one, ()).value
        server = server if isinstance(server, dict) else {}
        url = _text(server.get("url"))
        if "host" in server:
            url = f"{_text(server['host'])}{_text(server.get('pathname'))}"
        variables = server.get("variables")
        url = substituted(url, variables if isinstance(variables, dict) else {})
        protocol = _text(server.get("protocol"))
        if "://" not in url and protocol:
            url = f"{protocol}://{url}"
        if url:
            yield Server(url, _text(server.get("description")))


def _listed(holder: dict[str, Any], name: str) -> list[Any]:
    value = holder.get(name)
    return value if isinstance(value, list) else []


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
