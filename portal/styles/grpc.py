"""The reference of gRPC services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from apim.ui.components.actions import Sample
from portal.styles.model import Anchors, Entry, Part, Reference, Row, Section

if TYPE_CHECKING:
    from apim.catalog.descriptions import Description

_NUMBERS = {"double", "float"}
MAX_DEPTH = 3


def make(description: Description, url: str) -> Reference:
    """The methods of each service, then messages and enumerations.

    They are called at the gateway's host, without the listen path (ADR 0026).
    """
    return _Maker(description.data, url).make(description.description)


class _Maker:
    def __init__(self, tree: dict[str, Any], url: str) -> None:
        self._tree = tree
        address = urlsplit(url)
        self._is_tls = address.scheme == "https"
        port = address.port or (443 if self._is_tls else 80)
        self._target_host = f"{address.hostname}:{port}" if url else ""
        self._anchors = Anchors()

    def make(self, text: str) -> Reference:
        services = self._tree["services"]
        sections = [
            Section(
                self._anchors.of("service", name),
                name.rpartition(".")[2],
                tuple(self._method(name, n, m) for n, m in service["methods"].items()),
                service.get("description", "") if len(services) > 1 else "",
            )
            for name, service in services.items()
        ]
        messages = tuple(self._message(n, m) for n, m in self._tree["messages"].items())
        enums = tuple(self._enum(n, e) for n, e in self._tree["enums"].items())
        sections += [
            Section("messages", _("Messages"), messages),
            Section("enums", _("Enumerations"), enums),
        ]
        files = ", ".join(
            f"{name} ({file['syntax']})" for name, file in self._tree["files"].items()
        )
        package = self._tree.get("package", "")
        facts = [(_("Package"), package)] if package else []
        return Reference(
            tuple(s for s in sections if s.entries), text, (*facts, (_("Files"), files[:500]))
        )

    def _target(self, name: str) -> str:
        is_known = name in self._tree["messages"] or name in self._tree["enums"]
        return self._anchors.of("type", name) if is_known else ""

    def _method(self, service: str, name: str, one: dict[str, Any]) -> Entry:
        kinds = {
            (False, False): _("one request, one answer"),
            (True, False): _("a stream of requests, one answer"),
            (False, True): _("one request, a stream of answers"),
            (True, True): _("streams both ways"),
        }
        streams = (bool(one.get("client_streaming")), bool(one.get("server_streaming")))
        facts = [(_("Path"), f"/{service}/{name}"), (_("Kind"), kinds[streams])]
        if one.get("http"):
            facts.append(("HTTP", one["http"]))
        parts = tuple(
            Part(title, (Row(one[key].rpartition(".")[2], one[key], self._target(one[key])),))
            for key, title in (("request", _("Request")), ("response", _("Answer")))
        )
        return Entry(
            anchor=self._anchors.of("method", f"{service}.{name}"),
            label="stream" if any(streams) else "rpc",
            name=name,
            description=one.get("description", ""),
            is_deprecated=bool(one.get("deprecated")),
            facts=tuple(facts),
            parts=parts if self._target_host else (*parts, self._example(one)),
            samples=self._samples(service, name, one) if self._target_host else (),
        )

    def _example(self, one: dict[str, Any]) -> Part:
        message = json.dumps(self._value(one["request"], 0), indent=2, ensure_ascii=False)
        return Part(_("Request as JSON"), code=message)

    def _samples(self, service: str, name: str, one: dict[str, Any]) -> tuple[Sample, ...]:
        message = json.dumps(self._value(one["request"], 0), indent=2, ensure_ascii=False)
        file = self._tree["services"][service].get("file", "api.proto")
        options = ["" if self._is_tls else "-plaintext ", f"-proto {file} " if file else ""]
        data = message.replace("'", "'\\''")
        grpcurl = (
            f'grpcurl {"".join(options)}-H "x-api-key: $API_KEY" \\\n'
            f"  -d '{data}' \\\n  {self._target_host} {service}/{name}"
        )
        return (
            Sample("grpcurl", grpcurl),
            Sample("Python", self._python(service, name, one, file)),
        )

    def _python(self, service: str, name: str, one: dict[str, Any], file: str) -> str:
        """With the modules that protoc generates."""
        module = file.rpartition("/")[2].removesuffix(".proto").replace("-", "_")
        request, stub = one["request"].rpartition(".")[2], f"{service.rpartition('.')[2]}Stub"
        channel = (
            f'grpc.secure_channel("{self._target_host}", grpc.ssl_channel_credentials())'
            if self._is_tls
            else f'grpc.insecure_channel("{self._target_host}")'
        )
        argument = f"iter([{request}()])" if one.get("client_streaming") else f"{request}()"
        star = "*" if one.get("server_streaming") else ""
        lines = [
            "import os",
            "",
            "import grpc",
            f"from {module}_pb2 import {request}",
            f"from {module}_pb2_grpc import {stub}",
            "",
            f"stub = {stub}({channel})",
            'metadata = [("x-api-key", os.environ["API_KEY"])]',
            f"print({star}stub.{name}({argument}, metadata=metadata))",
        ]
        return "\n".join(lines)

    def _value(self, name: str, depth: int) -> Any:
        """A message with the first of its fields, as JSON."""
        fields = self._tree["messages"].get(name, {}).get("fields", {})
        made: dict[str, Any] = {}
        for field, one in list(fields.items())[:4]:
            value: Any
            if one["type"] in self._tree["messages"]:
                if depth + 1 >= MAX_DEPTH:
                    continue
                value = self._value(one["type"], depth + 1)
            elif one["type"] in self._tree["enums"]:
                value = next(iter(self._tree["enums"][one["type"]]["values"]), "")
            elif one["type"] == "bool":
                value = True
            else:
                is_number = (
                    one["type"] in _NUMBERS or "int" in one["type"] or "fixed" in one["type"]
                )
                value = 1 if is_number else "example"
            if one.get("key"):
                value = {"key": value}
            made[field] = [value] if one.get("label") == "repeated" else value
        return made

    def _message(self, name: str, one: dict[str, Any]) -> Entry:
        rows = tuple(self._field(n, f) for n, f in one.get("fields", {}).items())
        parts = (Part(_("Fields"), rows),) if rows else ()
        reserved = one.get("reserved", {})
        words = [f"{a}" if a == b else f"{a}-{b}" for a, b in reserved.get("ranges", ())]
        words += reserved.get("names", ())
        return Entry(
            anchor=self._anchors.of("type", name),
            label="message",
            name=name,
            description=one.get("description", ""),
            is_deprecated=bool(one.get("deprecated")),
            facts=((_("Reserved"), ", ".join(words)),) if words else (),
            parts=parts,
        )

    def _field(self, name: str, one: dict[str, Any]) -> Row:
        written = one["type"].rpartition(".")[2] if "." in one["type"] else one["type"]
        if one.get("key"):
            written = f"map<{one['key']}, {written}>"
        facts = [_("number %(number)d") % {"number": one["number"]}]
        if one.get("label") in {"repeated", "optional"}:
            facts.append(one["label"])
        if one.get("oneof"):
            facts.append(_("one of %(name)s") % {"name": one["oneof"]})
        if one.get("default"):
            facts.append(_("default %(value)s") % {"value": one["default"]})
        return Row(
            name=name,
            type=written,
            target=self._target(one["type"]),
            description=one.get("description", ""),
            facts=tuple(facts),
            is_required=one.get("label") == "required",
            is_deprecated=bool(one.get("deprecated")),
        )

    def _enum(self, name: str, one: dict[str, Any]) -> Entry:
        rows = tuple(
            Row(
                value,
                str(told["number"]),
                description=told.get("description", ""),
                is_deprecated=bool(told.get("deprecated")),
            )
            for value, told in one["values"].items()
        )
        return Entry(
            anchor=self._anchors.of("type", name),
            label="enum",
            name=name,
            description=one.get("description", ""),
            parts=(Part(_("Values"), rows),) if rows else (),
        )
