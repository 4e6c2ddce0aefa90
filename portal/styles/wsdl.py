"""The reference of a WSDL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from django.utils.translation import gettext as _

from apim.catalog.descriptions.wsdl import ports_of
from apim.ui.components.actions import Sample
from portal.styles.model import Anchors, Entry, Part, Reference, Row, Section
from portal.styles.schemas import SchemaTrees, type_words

if TYPE_CHECKING:
    from apim.catalog.descriptions import Description

_ENVELOPES = {
    "SOAP 1.1": ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml; charset=utf-8"),
    "SOAP 1.2": ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml; charset=utf-8"),
}


def make(description: Description, url: str) -> Reference:
    """The operations of each port type that a service offers, then the types."""
    return _Maker(description.data, url).make(description.description)


class _Maker:
    def __init__(self, tree: dict[str, Any], url: str) -> None:
        self._tree = tree
        self._url = url
        self._anchors = Anchors()
        self._trees = SchemaTrees(tree)

    def make(self, text: str) -> Reference:
        sections: dict[str, Section] = {}
        for service, port_name, port, binding in ports_of(self._tree):
            if not port["protocol"].startswith("SOAP"):
                continue
            key = f"{service} {binding.get('port_type', '')}"
            if key not in sections:
                sections[key] = self._section(service, port_name, port, binding)
        if not sections:
            for name in self._tree["port_types"]:
                sections[name] = self._section(name, name, {}, {"port_type": name})
        types = tuple(self._type(name, one) for name, one in self._tree["schemas"].items())
        found = (*sections.values(), Section("types", _("Types"), types))
        # Not the addresses of the ports: calls go to the gateway.
        protocols = dict.fromkeys(
            port["protocol"] for _service, _name, port, _binding in ports_of(self._tree)
        )
        facts = (
            (_("Namespace"), self._tree["target_namespace"]),
            (_("Protocols"), ", ".join(filter(None, protocols))),
        )
        return Reference(tuple(s for s in found if s.entries), text, facts)

    def _section(
        self, service: str, port_name: str, port: dict[str, Any], binding: dict[str, Any]
    ) -> Section:
        # A binding in a file that was not uploaded names no port type.
        port_type = binding.get("port_type", "")
        declared = self._tree["port_types"].get(port_type, {})
        entries = tuple(
            self._operation(port_name, port, binding, name, one)
            for name, one in declared.get("operations", {}).items()
        )
        anchor = self._anchors.of("service", f"{service} {port_type}")
        return Section(anchor, service, entries, declared.get("description", ""))

    def _operation(
        self,
        port_name: str,
        port: dict[str, Any],
        binding: dict[str, Any],
        name: str,
        one: dict[str, Any],
    ) -> Entry:
        bound = binding.get("operations", {}).get(name, {})
        facts = []
        if bound.get("action"):
            facts.append((_("SOAP action"), bound["action"]))
        if one.get("input") and not one.get("output"):
            facts.append((_("Kind"), _("no answer")))
        parts = []
        messages = [(_("Request"), one.get("input")), (_("Answer"), one.get("output"))]
        messages += [
            (_("Fault: %(name)s") % {"name": fault}, message)
            for fault, message in one.get("faults", {}).items()
        ]
        for title, message in messages:
            rows = self._message(message) if message else ()
            if rows:
                parts.append(Part(title, rows))
        sample = self._sample(port, binding, name, one, bound.get("action", ""))
        return Entry(
            anchor=self._anchors.of("operation", f"{port_name}.{name}"),
            label="soap",
            name=name,
            description=one.get("description", ""),
            facts=tuple(facts),
            parts=tuple(parts),
            samples=(Sample("curl", sample),) if sample else (),
        )

    def _message(self, name: str) -> tuple[Row, ...]:
        parts = self._tree["messages"].get(name, {}).get("parts", {})
        return tuple(
            Row(
                part,
                type_words({}, str(schema.get("$ref", ""))) or schema.get("title", ""),
                self._target(schema),
                rows=self._trees.rows(schema) if "$ref" in schema else (),
            )
            for part, schema in parts.items()
        )

    def _target(self, schema: dict[str, Any]) -> str:
        ref = str(schema.get("$ref", ""))
        name = ref.removeprefix("#/schemas/").replace("~1", "/").replace("~0", "~")
        return self._anchors.of("type", name) if name in self._tree["schemas"] else ""

    def _type(self, name: str, one: dict[str, Any]) -> Entry:
        token = name.replace("~", "~0").replace("/", "~1")
        rows = self._trees.rows({"$ref": f"#/schemas/{token}"})
        return Entry(
            anchor=self._anchors.of("type", name),
            label="type",
            name=name,
            description=str(one.get("description", "")),
            parts=(Part(_("Content"), rows),) if rows else (),
        )

    def _sample(
        self,
        port: dict[str, Any],
        binding: dict[str, Any],
        name: str,
        one: dict[str, Any],
        action: str,
    ) -> str:
        envelope = _ENVELOPES.get(port.get("protocol", ""))
        if envelope is None or not self._url:
            return ""
        namespace, content_type = envelope
        parts = self._tree["messages"].get(one.get("input", ""), {}).get("parts", {})
        inner = ""
        for part, schema in parts.items():
            ref = str(schema.get("$ref", "")).rpartition("/")[2]
            element = (ref if binding.get("style") == "document" and ref else part).partition(" (")[
                0
            ]
            rows = self._trees.rows(schema)
            fields = "".join(
                f"<m:{row.name}>?</m:{row.name}>" for row in rows[:12] if row.name[0] not in "@#"
            )
            inner += f"<m:{element}>{fields}</m:{element}>"
        if binding.get("style") == "rpc":
            inner = f"<m:{name}>{inner}</m:{name}>"
        body = (
            f'<s:Envelope xmlns:s="{namespace}" xmlns:m="{escape(self._tree["target_namespace"])}">'
            f"<s:Body>{inner}</s:Body></s:Envelope>"
        )
        path = urlsplit(port.get("address", "")).path.rstrip("/")
        lines = [f"curl '{self._url}{path}'", '  -H "X-API-Key: $API_KEY"']
        lines.append(f"  -H 'Content-Type: {content_type}'")
        if action and port["protocol"] == "SOAP 1.1":
            lines.append(f"  -H 'SOAPAction: \"{action}\"'")
        return " \\\n".join([*lines, f"  -d '{body.replace(chr(39), '&apos;')}'"])
