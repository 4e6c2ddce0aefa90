"""WSDL 1.1: services, ports, bindings, operations, and the schemas of their messages.

Sources: WSDL 1.1 (W3C note), with its SOAP and HTTP bindings; SOAP 1.2 binding for WSDL 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

from apim.catalog.descriptions.description import Description, Style
from apim.catalog.descriptions.tokens import Spots
from apim.catalog.descriptions.told import distinct, operation
from apim.catalog.descriptions.xml_tree import Element, parse_xml
from apim.catalog.descriptions.xsd import XSD, SchemaSet, documentation
from apim.catalog.openapi.parse import Server, Tag
from apim.catalog.openapi.problems import Findings
from apim.catalog.openapi.refusals import refuse_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from apim.catalog.openapi.operations import OperationSpec
    from apim.catalog.openapi.positions import Path

WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_2 = "http://www.w3.org/ns/wsdl"
_PROTOCOLS = {
    "http://schemas.xmlsoap.org/wsdl/soap/": "SOAP 1.1",
    "http://schemas.xmlsoap.org/wsdl/soap12/": "SOAP 1.2",
    "http://schemas.xmlsoap.org/wsdl/http/": "HTTP",
}
_CONTENT_TYPES = {"SOAP 1.1": "text/xml", "SOAP 1.2": "application/soap+xml"}
MAX_FILES = 200
Tree = dict[str, Any]


def read_wsdl(
    raw: bytes,
    *,
    filename: str,
    sha256: str,
    locate: Callable[[str, str], tuple[str, bytes] | None],
) -> Description:
    """`locate` gives name and content of the file at a location, as seen from another.

    Raises InvalidSpecification.
    """
    reader = _Reader(locate)
    root = parse_xml(raw)
    _refuse_other_roots(root)
    reader.take(root, filename)
    tree = reader.tree(root)
    if not tree["services"] and not tree["port_types"]:
        refuse_at(
            root.line,
            root.column,
            _("The document has no service and no port type, so there is nothing to call."),
            _("Is the part that defines them in another file? Upload both together in a zip."),
        )
    positions = reader.spots()
    first = next(iter(tree["services"].items()), None)
    text = documentation(root.all(WSDL, "documentation"))
    return Description(
        style=Style.WSDL,
        style_version="1.1",
        format="wsdl",
        media_type="application/wsdl+xml",
        title=first[0] if first else root.get("name") or next(iter(tree["port_types"])),
        version="",
        summary="",
        description=text or (first[1].get("description", "") if first else ""),
        servers=tuple(_servers(tree)),
        tags=tuple(Tag(name, one.get("description", "")) for name, one in tree["services"].items()),
        operations=distinct(_operations(tree)),
        data=tree,
        uploaded=tree,
        positions=positions,
        warnings=reader.findings.problems(positions),
        sha256=sha256,
    )


def _refuse_other_roots(root: Element) -> None:
    if root.namespace == WSDL and root.name == "definitions":
        return
    if root.namespace == WSDL_2 or (root.name == "description" and "wsdl" in root.namespace):
        refuse_at(
            root.line,
            root.column,
            _("This is WSDL 2.0; WSDL 1.1 can be imported."),
            _("Most servers offer both: look for ?wsdl at the service's address."),
        )
    if root.namespace == XSD:
        refuse_at(
            root.line,
            root.column,
            _("This is an XML Schema without a service."),
            _("Upload it together with the WSDL in a zip."),
        )
    refuse_at(
        root.line,
        root.column,
        _("This is XML, but not WSDL 1.1: its root is <%(name)s>.") % {"name": root.name[:60]},
        _("A WSDL begins with <definitions> of %(namespace)s") % {"namespace": WSDL},
    )


class _Reader:
    """Gathers what stands in a WSDL and in the files that it imports."""

    def __init__(self, locate: Callable[[str, str], tuple[str, bytes] | None]) -> None:
        self._locate = locate
        self._seen: set[str] = set()
        self._types = SchemaSet()
        # Definitions by kind and name, each with the file it stands in.
        self._found: dict[str, dict[str, tuple[Element, str]]] = {
            "service": {}, "binding": {}, "portType": {}, "message": {},
        }  # fmt: skip
        self._places: dict[Path, tuple[Element, str]] = {}
        self.findings = Findings()

    def take(self, root: Element, file: str) -> None:
        for kind, found in self._found.items():
            for one in root.all(WSDL, kind):
                if one.get("name"):
                    found.setdefault(one.get("name"), (one, file))
        for types in root.all(WSDL, "types"):
            for schema in types.all(XSD, "schema"):
                self._take_schema(schema, file, None)
        for one in root.all(WSDL, "import"):
            below = self._file(file, one.get("location"))
            if below is None:
                continue
            imported, name = below
            if imported.namespace == XSD:
                self._take_schema(imported, name, None)
            else:
                self.take(imported, name)

    def _take_schema(self, schema: Element, file: str, target: str | None) -> None:
        self._types.add(schema, target=target)
        namespace = schema.get("targetNamespace") or target
        for one in schema.all(XSD, "import", "include", "redefine"):
            below = self._file(file, one.get("schemaLocation"))
            if below is not None:
                is_import = one.name == "import"
                self._take_schema(below[0], below[1], None if is_import else namespace)

    def _file(self, base: str, location: str) -> tuple[Element, str] | None:
        if not location:
            return None
        found = self._locate(base, location)
        if found is None:
            self.findings.warning(
                (),
                _("“%(file)s” is not in the upload; types from it are shown by name only.")
                % {"file": location[:200]},
                _("Upload all files together in a zip."),
            )
            return None
        name, raw = found
        if name in self._seen or len(self._seen) >= MAX_FILES:
            return None
        self._seen.add(name)
        return parse_xml(raw, name), name

    def spots(self) -> Spots:
        spots = Spots()
        for path, (element, file) in self._places.items():
            spots.put_spot(path, file, (element.line, element.column))
        return spots

    # The tree

    def tree(self, root: Element) -> Tree:
        tree: Tree = {
            "target_namespace": root.get("targetNamespace"),
            "services": self._each("service", "services", self._service),
            "bindings": self._each("binding", "bindings", self._binding),
            "port_types": self._each("portType", "port_types", self._port_type),
            "messages": self._each("message", "messages", self._message),
            "schemas": self._types.schemas(),
        }
        for name, element in self._types.elements().items():
            self._places["schemas", name] = (element, "")
        return tree

    def _each(self, kind: str, group: str, make: Callable[[Element, Path], Tree]) -> Tree:
        made: Tree = {}
        for name, (element, file) in self._found[kind].items():
            path: Path = (group, name)
            self._places[path] = (element, file)
            made[name] = {**_described(element), **make(element, path)}
        return made

    def _service(self, element: Element, path: Path) -> Tree:
        ports: Tree = {}
        for port in element.all(WSDL, "port"):
            address = next((c for c in port.children if c.name == "address"), None)
            ports[port.get("name")] = {
                "binding": _local(port, "binding"),
                "address": address.get("location") if address else "",
                "protocol": _PROTOCOLS.get(address.namespace, "") if address else "",
            }
            self._places[*path, "ports", port.get("name")] = (port, "")
        return {"ports": ports}

    def _binding(self, element: Element, path: Path) -> Tree:
        spec = next((c for c in element.children if c.namespace in _PROTOCOLS), None)
        made: Tree = {
            "port_type": _local(element, "type"),
            "protocol": _PROTOCOLS[spec.namespace] if spec else "",
            "transport": spec.get("transport") if spec else "",
            "style": (spec.get("style") or "document") if spec else "",
            "operations": {},
        }
        if spec is not None and spec.get("verb"):
            made["verb"] = spec.get("verb")
        for one in element.all(WSDL, "operation"):
            inner = next((c for c in one.children if c.namespace in _PROTOCOLS), None)
            told: Tree = _described(one)
            for key, name in (
                ("action", "soapAction"),
                ("style", "style"),
                ("location", "location"),
            ):
                if inner is not None and inner.get(name):
                    told[key] = inner.get(name)
            made["operations"][one.get("name")] = told
            self._places[*path, "operations", one.get("name")] = (one, "")
        return made

    def _port_type(self, element: Element, path: Path) -> Tree:
        operations: Tree = {}
        for one in element.all(WSDL, "operation"):
            name = one.get("name")
            told: Tree = _described(one)
            for kind in ("input", "output"):
                part = one.first(WSDL, kind)
                if part is not None:
                    told[kind] = _local(part, "message")
            faults = {f.get("name"): _local(f, "message") for f in one.all(WSDL, "fault")}
            if faults:
                told["faults"] = faults
            if name in operations:  # overloaded: the same name for several messages
                name = f"{name} ({told.get('input', len(operations))})"
            operations[name] = told
            self._places[*path, "operations", name] = (one, "")
        return {"operations": operations}

    def _message(self, element: Element, _path: Path) -> Tree:
        parts: Tree = {}
        for part in element.all(WSDL, "part"):
            kind = "element" if part.get("element") else "type"
            parts[part.get("name")] = self._types.reference(kind, part.qname(kind))
        return {"parts": parts}


def _described(element: Element) -> Tree:
    text = documentation(element.all(WSDL, "documentation"))
    return {"description": text} if text else {}


def _local(element: Element, name: str) -> str:
    return element.get(name).rpartition(":")[2]


def _servers(tree: Tree) -> Iterator[Server]:
    """Where the services' hosts are; what follows is in the operations' paths."""
    origins: dict[str, str] = {}
    for service in tree["services"].values():
        for port in service["ports"].values():
            origin, _path = _split(port["address"])
            if origin:
                origins.setdefault(origin, service.get("description", ""))
    return (Server(origin) for origin in origins)


def _split(address: str) -> tuple[str, str]:
    """Origin and path of an address over HTTP; empty for another or none."""
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return "", ""
    if parts.scheme not in {"http", "https"} or not parts.netloc or "@" in parts.netloc:
        return "", ""
    return f"{parts.scheme}://{parts.netloc}", parts.path or "/"


def ports_of(tree: Tree) -> Iterator[tuple[str, str, Tree, Tree]]:
    """Service and name of each port, the port, and its binding."""
    for service_name, service in tree["services"].items():
        for name, port in service["ports"].items():
            yield service_name, name, port, tree["bindings"].get(port["binding"], {})


def _operations(tree: Tree) -> Iterator[OperationSpec]:
    """One call per address, and what it can be asked for; HTTP bindings are calls themselves."""
    addresses: dict[str, str] = {}
    told: dict[tuple[str, str], tuple[str, Tree]] = {}
    for service, name, port, binding in ports_of(tree):
        path = _split(port["address"])[1]
        if port["protocol"] in _CONTENT_TYPES:
            if path:
                addresses.setdefault(path, service)
            told.setdefault((service, binding.get("port_type", "")), (name, binding))
        elif port["protocol"] == "HTTP" and path:
            yield from _http_operations(tree, service, path.rstrip("/"), binding)
    for path, service in addresses.items():
        yield operation(
            "POST",
            path,
            f"post_{service}",
            summary=_("Any request of %(service)s, in SOAP") % {"service": service},
            tags=[service],
            request_types=_CONTENT_TYPES.values(),
            response_types=_CONTENT_TYPES.values(),
        )
    for (service, port_type), (port_name, binding) in told.items():
        content_type = _CONTENT_TYPES.get(binding.get("protocol", ""), "text/xml")
        declared = tree["port_types"].get(port_type, {}).get("operations", {})
        for name, one in declared.items():
            bound = binding.get("operations", {}).get(name, {})
            yield operation(
                "soap",
                f"{port_name}/{name}",
                f"{port_name}.{name}",
                description=one.get("description") or bound.get("description", ""),
                tags=[service],
                request_types=[content_type],
                response_types=[content_type],
            )


def _http_operations(tree: Tree, service: str, path: str, binding: Tree) -> Iterator[OperationSpec]:
    declared = tree["port_types"].get(binding.get("port_type", ""), {}).get("operations", {})
    for name, bound in binding.get("operations", {}).items():
        location = bound.get("location", "")
        method = binding.get("verb", "GET").upper()
        if location.startswith("/") and method in {"GET", "POST"}:
            description = declared.get(name, {}).get("description", "")
            yield operation(
                method, path + location, f"{method.lower()}_{name}",
                description=description, tags=[service],
            )  # fmt: skip
