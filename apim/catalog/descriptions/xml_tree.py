"""XML as a small tree, with no document type, no entities and bounds on everything.

Entities of a document type are how a few lines become gigabytes ("billion laughs") or the server's
files; WSDL and XML Schema need none, so the declaration itself is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn
from xml.parsers import expat

from django.utils.translation import gettext as _

from apim.catalog.openapi.refusals import MAX_DEPTH, MAX_VALUES, refuse_at

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEPARATOR = "\n"
_MAX_ATTRIBUTES = 1000
_MAX_NAMESPACES = 1000
QName = tuple[str, str]


@dataclass(slots=True)
class Element:
    """`prefixes` are the namespaces in force, for names in attributes' values."""

    namespace: str
    name: str
    attributes: dict[str, str]
    prefixes: dict[str, str]
    line: int
    column: int
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The text in it and below, its lines without indentation."""
        gathered = "".join(self._texts_below())
        return "\n".join(line.strip() for line in gathered.strip().splitlines())

    def _texts_below(self) -> Iterator[str]:
        yield from self.texts
        for child in self.children:
            yield from child._texts_below()  # noqa: SLF001 - its own kind

    def all(self, namespace: str, *names: str) -> Iterator[Element]:
        """Children of these names."""
        return (c for c in self.children if c.namespace == namespace and c.name in names)

    def first(self, namespace: str, *names: str) -> Element | None:
        return next(self.all(namespace, *names), None)

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default).strip()

    def qname(self, name: str) -> QName | None:
        """The attribute's value with its prefix resolved; without one, the default namespace."""
        value = self.get(name)
        if not value:
            return None
        prefix, colon, local = value.rpartition(":")
        return self.prefixes.get(prefix, "") if colon else self.prefixes.get("", ""), local


def parse_xml(raw: bytes, file: str = "") -> Element:
    """The root element. Raises InvalidSpecification."""
    return _Builder(file).parse(raw)


class _Builder:
    def __init__(self, file: str) -> None:
        self._file = file
        self._parser = expat.ParserCreate(namespace_separator=_SEPARATOR)
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartNamespaceDeclHandler = self._namespace
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._root: Element | None = None
        self._open: list[Element] = []
        self._declared: dict[str, str] = {}
        self._count = 0

    def parse(self, raw: bytes) -> Element:
        try:
            self._parser.Parse(raw, True)
        except expat.ExpatError as error:
            self._refuse_at(
                error.lineno,
                error.offset + 1,
                _("The XML cannot be read: %(reason)s.")
                % {"reason": expat.ErrorString(error.code)},
            )
        except (LookupError, ValueError):
            self._refuse(_("The XML names an encoding that is not known."), _("Save it as UTF-8."))
        if self._root is None:
            self._refuse(_("The document is empty."))
        return self._root

    def _refuse(self, message: str, hint: str = "") -> NoReturn:
        parser = self._parser
        self._refuse_at(parser.CurrentLineNumber, parser.CurrentColumnNumber + 1, message, hint)

    def _refuse_at(self, line: int, column: int, message: str, hint: str = "") -> NoReturn:
        refuse_at(line, column, message, hint, self._file)

    def _doctype(self, *_arguments: object) -> None:
        self._refuse(
            _("The document declares a document type or entities, which are not read."),
            _("Remove <!DOCTYPE …>; WSDL and XML Schema need none."),
        )

    def _namespace(self, prefix: str | None, uri: str | None) -> None:
        if len(self._declared) >= _MAX_NAMESPACES:
            self._refuse(_("More namespaces are declared than anybody uses."))
        self._declared[prefix or ""] = uri or ""

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1 + len(attributes)
        if self._count > MAX_VALUES or len(attributes) > _MAX_ATTRIBUTES:
            self._refuse(_("The document has more elements than can be read."))
        if len(self._open) >= MAX_DEPTH:
            self._refuse(_("Elements are nested more than %(max)d deep.") % {"max": MAX_DEPTH})
        namespace, _separator, name = tag.rpartition(_SEPARATOR)
        prefixes = self._open[-1].prefixes if self._open else {}
        if self._declared:
            prefixes = {**prefixes, **self._declared}
            self._count += len(prefixes)
            self._declared = {}
        element = Element(
            namespace,
            name,
            {key.rpartition(_SEPARATOR)[2]: value for key, value in attributes.items()},
            prefixes,
            self._parser.CurrentLineNumber,
            self._parser.CurrentColumnNumber + 1,
        )
        if self._open:
            self._open[-1].children.append(element)
        else:
            self._root = element
        self._open.append(element)

    def _end(self, _tag: str) -> None:
        self._open.pop()

    def _characters(self, text: str) -> None:
        self._open[-1].texts.append(text)
