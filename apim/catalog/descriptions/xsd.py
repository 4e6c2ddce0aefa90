"""XML Schema as JSON Schema, as far as one has a counterpart for the other.

Sources: XML Schema 1.0 parts 1 and 2 (structures, datatypes). Attributes become properties that
begin with `@`, the text of an element that has attributes `#text`. What a choice offers becomes
optional properties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.openapi.refusals import MAX_DEPTH, refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.descriptions.xml_tree import Element, QName

XSD = "http://www.w3.org/2001/XMLSchema"
Schema = dict[str, Any]
_INTEGERS = {
    "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger",
    "unsignedInt", "unsignedLong", "unsignedShort", "unsignedByte", "nonPositiveInteger",
    "negativeInteger",
}  # fmt: skip
_BUILT_IN: dict[str, Schema] = {
    "boolean": {"type": "boolean"},
    "decimal": {"type": "number"},
    "float": {"type": "number", "format": "float"},
    "double": {"type": "number", "format": "double"},
    "date": {"type": "string", "format": "date"},
    "dateTime": {"type": "string", "format": "date-time"},
    "time": {"type": "string", "format": "time"},
    "duration": {"type": "string", "format": "duration"},
    "anyURI": {"type": "string", "format": "uri"},
    "base64Binary": {"type": "string", "contentEncoding": "base64"},
    "anyType": {},
    "anySimpleType": {},
}
_BOUNDS = {
    "minInclusive": "minimum",
    "maxInclusive": "maximum",
    "minExclusive": "exclusiveMinimum",
    "maxExclusive": "exclusiveMaximum",
}
_LENGTHS = {"minLength": "minLength", "maxLength": "maxLength"}
_MANY = 2
# Real schemas have some hundreds.
MAX_EXPANDED = 20_000


class SchemaSet:
    """All schemas of an upload; `schemas` holds their global elements and types."""

    def __init__(self) -> None:
        # Global components by kind ("element" or "type") and name.
        self._global: dict[tuple[str, QName], Element] = {}
        self._target: dict[int, str] = {}
        self._named: dict[tuple[str, QName], str] = {}
        self._taken: set[str] = set()
        # Groups that were put in place of references to them, and how many lie in one another now.
        self._expanded = 0
        self._nested = 0
        self._groups: dict[tuple[str, QName], Element] = {}

    def add(self, schema: Element, *, target: str | None = None) -> None:
        """Take a schema element; `target` where an include gives it its namespace."""
        namespace = schema.get("targetNamespace") or target or ""
        kinds = {"element": "element", "complexType": "type", "simpleType": "type"}
        for child in schema.children:
            if child.namespace != XSD or not child.get("name"):
                continue
            name = (namespace, child.get("name"))
            if child.name in kinds:
                self._global.setdefault((kinds[child.name], name), child)
            elif child.name in {"group", "attributeGroup", "attribute"}:
                self._groups.setdefault((child.name, name), child)

    def schemas(self) -> dict[str, Schema]:
        """JSON Schemas by the names that references use."""
        for key in self._global:
            self._name(key)
        return {
            self._named[kind, name]: (
                self._element_schema(element) if kind == "element" else self._type(element)
            )
            for (kind, name), element in self._global.items()
        }

    def elements(self) -> dict[str, Element]:
        """Where each of `schemas` stands."""
        return {self._name(key): element for key, element in self._global.items()}

    def reference(self, kind: str, name: QName | None) -> Schema:
        """A schema for the element or type of that name; by its name only where it is unknown."""
        if name is None:
            return {}
        namespace, local = name
        if namespace == XSD and kind == "type":
            return built_in(local)
        if (kind, name) in self._global:
            token = self._name((kind, name)).replace("~", "~0").replace("/", "~1")
            return {"$ref": f"#/schemas/{token}"}
        return {"title": local}

    def _name(self, key: tuple[str, QName]) -> str:
        known = self._named.get(key)
        if known is not None:
            return known
        kind, (namespace, local) = key
        taken = self._taken
        name = local if local not in taken else f"{{{namespace}}}{local}"
        if name in taken or (kind == "type" and ("element", (namespace, local)) in self._global):
            name = f"{local} (type)" if f"{local} (type)" not in taken else f"{name} (type)"
        self._named[key] = name
        self._taken.add(name)
        return name

    # Elements

    def _element_schema(self, element: Element) -> Schema:
        """Of one occurrence."""
        if element.get("ref"):
            made = self.reference("element", element.qname("ref"))
        elif element.get("type"):
            made = self.reference("type", element.qname("type"))
        else:
            inline = element.first(XSD, "complexType", "simpleType")
            made = self._type(inline) if inline is not None else {}
        made = {**made, **_annotation(element)}
        for name, key in (("default", "default"), ("fixed", "const")):
            if element.get(name):
                made[key] = element.get(name)
        if element.get("nillable") in {"true", "1"}:
            made = {"anyOf": [made, {"type": "null"}]}
        return made

    def _type(self, element: Element) -> Schema:
        if element.name == "simpleType":
            return {**self._simple(element), **_annotation(element)}
        made: Schema = {"type": "object", **_annotation(element)}
        content = element.first(XSD, "simpleContent", "complexContent")
        if content is None:
            self._particles(element, made, is_optional=False)
            return _tidy(made)
        derived = content.first(XSD, "extension", "restriction")
        if derived is None:
            return made
        base = self.reference("type", derived.qname("base"))
        if content.name == "simpleContent":
            made["properties"] = {"#text": {**base, **_facets(derived)}}
            self._particles(derived, made, is_optional=False)
            return _tidy(made)
        self._particles(derived, made, is_optional=False)
        if derived.name == "restriction" or not base:
            return _tidy(made)
        description = _annotation(element)
        made.pop("description", None)
        own = _tidy(made)
        return {"allOf": [base, own] if "properties" in own else [base], **description}

    def _simple(self, element: Element) -> Schema:
        restriction = element.first(XSD, "restriction")
        if restriction is not None:
            inline = restriction.first(XSD, "simpleType")
            base = (
                self._simple(inline)
                if inline is not None
                else self.reference("type", restriction.qname("base"))
            )
            return {**base, **_facets(restriction)}
        listed = element.first(XSD, "list")
        if listed is not None:
            return {"type": "array", "items": self.reference("type", listed.qname("itemType"))}
        union = element.first(XSD, "union")
        if union is not None:
            names = [n for n in union.get("memberTypes").split() if n]
            parts = [self.reference("type", _resolved(union, name)) for name in names]
            parts += [self._simple(one) for one in union.all(XSD, "simpleType")]
            return {"anyOf": parts} if parts else {}
        return {"type": "string"}

    def _particles(
        self, holder: Element, made: Schema, *, is_optional: bool, is_many: bool = False
    ) -> None:
        """Add the properties of a content model."""
        for child in holder.children:
            if child.namespace != XSD:
                continue
            optional = is_optional or child.get("minOccurs") == "0"
            many = is_many or _is_many(child)
            if child.name == "element":
                self._property(child, made, is_optional=optional, is_many=many)
            elif child.name in {"sequence", "all"}:
                self._particles(child, made, is_optional=optional, is_many=many)
            elif child.name == "choice":
                self._particles(child, made, is_optional=True, is_many=many)
            elif child.name in {"group", "attributeGroup"} and child.get("ref"):
                self._group(child, made, is_optional=optional, is_many=many)
            elif child.name == "attribute":
                self._attribute(child, made)
            elif child.name in {"any", "anyAttribute"}:
                made["additionalProperties"] = True

    def _group(self, child: Element, made: Schema, *, is_optional: bool, is_many: bool) -> None:
        name = child.qname("ref")
        group = self._groups.pop((child.name, name), None) if name else None
        if group is None or name is None:
            return
        self._expanded += 1
        self._nested += 1
        if self._expanded > MAX_EXPANDED or self._nested > MAX_DEPTH:
            refuse_at(
                child.line,
                child.column,
                _("The groups of this schema contain one another too often."),
                _("Make types of them."),
            )
        self._particles(group, made, is_optional=is_optional, is_many=is_many)
        self._nested -= 1
        self._groups[child.name, name] = group  # back again: a group must not hold itself

    def _property(
        self, element: Element, made: Schema, *, is_optional: bool, is_many: bool
    ) -> None:
        target = element.qname("ref")
        name = target[1] if target else element.get("name")
        if not name:
            return
        one = self._element_schema(element)
        if is_many:
            one = {"type": "array", "items": one}
            for key, limit in (("minOccurs", "minItems"), ("maxOccurs", "maxItems")):
                count = element.get(key)
                if count.isdigit() and len(count) < 10 and int(count) > (limit == "minItems"):
                    one[limit] = int(count)
        made.setdefault("properties", {})[name] = one
        if not is_optional:
            made.setdefault("required", []).append(name)

    def _attribute(self, element: Element, made: Schema) -> None:
        name = element.qname("ref")
        declared = self._groups.get(("attribute", name)) if name else element
        local = name[1] if name else element.get("name")
        if not local or element.get("use") == "prohibited":
            return
        one = self._element_schema(declared) if declared is not None else {}
        made.setdefault("properties", {})["@" + local] = one or {"type": "string"}
        if element.get("use") == "required":
            made.setdefault("required", []).append("@" + local)


def built_in(name: str) -> Schema:
    """Of XML Schema's own types."""
    if name in _INTEGERS:
        made: Schema = {"type": "integer"}
        if name.startswith(("unsigned", "nonNegative")):
            made["minimum"] = 0
        elif name == "positiveInteger":
            made["minimum"] = 1
        elif name in {"int", "long"}:
            made["format"] = "int32" if name == "int" else "int64"
        return made
    return dict(_BUILT_IN.get(name, {"type": "string"}))


def _facets(restriction: Element) -> Schema:
    made: Schema = {}
    values = [one.get("value") for one in restriction.all(XSD, "enumeration")]
    if values:
        made["enum"] = values
    for child in restriction.children:
        value = child.get("value")
        if child.namespace != XSD or not value:
            continue
        if child.name == "pattern":
            made["pattern"] = value
        elif child.name in _BOUNDS:
            made[_BOUNDS[child.name]] = _number(value)
        elif value.isdigit() and len(value) < 10:
            if child.name in _LENGTHS:
                made[_LENGTHS[child.name]] = int(value)
            elif child.name == "length":
                made["minLength"] = made["maxLength"] = int(value)
    return made


def _number(value: str) -> int | float | str:
    """A date or time stays text."""
    try:
        return int(value) if value.lstrip("+-").isdigit() and len(value) < 40 else float(value)
    except ValueError:
        return value


def _is_many(element: Element) -> bool:
    count = element.get("maxOccurs", "1")
    return count == "unbounded" or (count.isdigit() and (len(count) > 1 or int(count) >= _MANY))


def _annotation(element: Element) -> Schema:
    texts = documentation(
        one for note in element.all(XSD, "annotation") for one in note.all(XSD, "documentation")
    )
    return {"description": texts} if texts else {}


def documentation(elements: Iterable[Element]) -> str:
    return "\n\n".join(filter(None, (one.text for one in elements)))


def _resolved(element: Element, name: str) -> QName:
    prefix, colon, local = name.rpartition(":")
    return element.prefixes.get(prefix if colon else "", ""), local


def _tidy(made: Schema) -> Schema:
    """Once each: a choice may name a property several times."""
    if "required" in made:
        made["required"] = list(dict.fromkeys(made["required"]))
    return made
