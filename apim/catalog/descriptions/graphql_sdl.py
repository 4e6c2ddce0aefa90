"""The grammar of GraphQL's schema language.

Source: GraphQL specification, October 2021, appendix B.3 (and the draft's descriptions of
executable parts, which are none here). Own parser: the reference implementation recurses as deep
as the text says, and is an order of magnitude slower on large schemas.
"""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.tokens import Cursor, Spots, Text, tokenize
from apim.catalog.openapi.refusals import MAX_DEPTH

_TOKENS = re.compile(
    r"""
    (?P<blank>[\s,\ufeff]+|\#[^\n\r]*)
    |(?P<string>\"\"\"(?:[^"\\]|\\\"\"\"|\\|"(?!""))*\"\"\"|"(?:[^"\\\n\r]|\\.)*")
    |(?P<name>[_A-Za-z][_0-9A-Za-z]*)
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
    |(?P<mark>\.\.\.|[!$&()\[\]:=@{|}])
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(?:u\{([0-9a-fA-F]{1,6})\}|u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
KINDS = {
    "type": "object",
    "interface": "interface",
    "input": "input",
    "enum": "enum",
    "union": "union",
    "scalar": "scalar",
}
ROOTS = ("query", "mutation", "subscription")
Tree = dict[str, Any]


class Schema:
    """What is gathered from one text after the other; `tree` is told in docs/descriptions.md."""

    def __init__(self) -> None:
        self.types: Tree = {}
        self.directives: Tree = {}
        self.roots: dict[str, str] = {}
        self.description = ""
        self.spots = Spots()
        # Members that stand twice and are the same, as some are in GitHub's published schema.
        self.repeated: list[tuple[str, ...]] = []
        # Extensions, merged when everything is known.
        self._later: list[tuple[str, Tree, Text, int]] = []

    def add(self, text: Text) -> None:
        """Raises InvalidSpecification at the first word that does not fit."""
        _Parser(text, self, self._later).document()

    def merge(self) -> None:
        """Bring extensions to what they extend. Raises InvalidSpecification."""
        for name, extension, text, start in self._later:
            known = self.types.get(name)
            if known is None:
                # A schema put together elsewhere (federation) extends what it does not hold.
                self.types[name] = extension
                self.spots.put(("types", name), text, start)
                continue
            if known["kind"] != extension["kind"]:
                text.refuse(
                    start,
                    _("“%(name)s” is not extended as what it is, but as another kind of type.")
                    % {"name": name},
                )
            for key in ("fields", "values"):
                for member, value in extension.get(key, {}).items():
                    known.setdefault(key, {}).setdefault(member, value)
            for key in ("interfaces", "members", "directives"):
                if extension.get(key):
                    known[key] = [*known.get(key, []), *extension[key]]


class _Parser:
    def __init__(self, text: Text, schema: Schema, later: list[Any]) -> None:
        self._text = text
        self._schema = schema
        self._later = later
        self._cursor = Cursor(text, tokenize(text, _TOKENS, frozenset({"blank"})))

    def document(self) -> None:
        cursor = self._cursor
        while cursor.token.kind != "end":
            description = self._description()
            is_extension = not description and cursor.skip("extend")
            start = cursor.token
            word = start.text
            if word == "schema":
                self._schema_definition(description)
            elif word in KINDS:
                self._type(description, is_extension=is_extension)
            elif word == "directive" and not is_extension:
                self._directive_definition(description)
            elif word in {"query", "mutation", "subscription", "fragment", "{"}:
                cursor.refuse(
                    _("This is a query, not a schema."),
                    _("Upload the schema: what `print-schema` or introspection gives."),
                )
            else:
                cursor.refuse(_("A definition such as “type Query {…}” is expected here."))

    def _description(self) -> str:
        return string_value(self._cursor.next().text) if self._cursor.token.kind == "string" else ""

    def _schema_definition(self, description: str) -> None:
        cursor = self._cursor
        cursor.next()
        self._schema.description = self._schema.description or description
        self._directives()
        if not cursor.skip("{"):
            return
        while not cursor.skip("}"):
            self._description()
            root = cursor.name()
            if root.text not in ROOTS:
                cursor.refuse(_("One of query, mutation and subscription is expected."), at=root)
            cursor.expect(":")
            self._schema.roots[root.text] = cursor.name().text
            self._directives()

    def _type(self, description: str, *, is_extension: bool) -> None:
        cursor = self._cursor
        kind = KINDS[cursor.next().text]
        name = cursor.name()
        made: Tree = {"kind": kind}
        if description:
            made["description"] = description
        path = ("types", name.text)
        if is_extension:
            self._later.append((name.text, made, self._text, name.start))
        elif name.text in self._schema.types:
            self._text.refuse(
                name.start,
                _("The type “%(name)s” is defined twice.") % {"name": name.text},
                _("Rename or remove one of the two; add to a type with `extend`."),
            )
        else:
            self._schema.types[name.text] = made
            self._schema.spots.put(path, self._text, name.start)
        if kind in {"object", "interface"} and cursor.skip("implements"):
            made["interfaces"] = self._names("&")
        self._put_directives(made)
        self._body(made, kind, path)

    def _body(self, made: Tree, kind: str, path: tuple[str, ...]) -> None:
        cursor = self._cursor
        if kind == "union":
            if cursor.skip("="):
                made["members"] = self._names("|")
        elif kind == "enum":
            if cursor.token.text == "{":
                made["values"] = self._block("{", "}", self._value, (*path, "values"))
        elif kind != "scalar" and cursor.token.text == "{":
            member = self._argument if kind == "input" else self._field
            made["fields"] = self._block("{", "}", member, (*path, "fields"))

    def _names(self, separator: str) -> list[str]:
        self._cursor.skip(separator)
        names = [self._cursor.name().text]
        while self._cursor.skip(separator) or (
            # Before 2018 interfaces stood one after another.
            separator == "&" and self._cursor.token.kind == "name" and self._is_old_list()
        ):
            names.append(self._cursor.name().text)
        return names

    def _is_old_list(self) -> bool:
        following = self._cursor.peek()
        return following.text in {"{", "@"} or (
            following.kind == "name"
            and (self._cursor.token.text not in {*KINDS, "schema", "extend", "directive"})
        )

    def _block(self, opening: str, closing: str, member: Any, path: tuple[str, ...]) -> Tree:
        cursor = self._cursor
        cursor.expect(opening)
        members: Tree = {}
        while not cursor.skip(closing):
            description = self._description()
            name = cursor.name()
            here = (*path, name.text)
            self._schema.spots.put(here, self._text, name.start)
            made: Tree = {"description": description} if description else {}
            member(made, here)
            if members.setdefault(name.text, made) is made:
                continue
            if not _is_same(members[name.text], made):
                cursor.refuse(
                    _("“%(name)s” stands here twice.") % {"name": name.text},
                    _("Rename or remove one of the two."),
                    at=name,
                )
            self._schema.repeated.append(here)
        return members

    def _field(self, made: Tree, path: tuple[str, ...]) -> None:
        cursor = self._cursor
        if cursor.token.text == "(":
            made["arguments"] = self._block("(", ")", self._argument, (*path, "arguments"))
        cursor.expect(":")
        made["type"] = self._type_name()
        self._put_directives(made)

    def _argument(self, made: Tree, path: tuple[str, ...]) -> None:  # noqa: ARG002
        cursor = self._cursor
        cursor.expect(":")
        made["type"] = self._type_name()
        if cursor.skip("="):
            made["default"] = self._literal()
        self._put_directives(made)

    def _value(self, made: Tree, path: tuple[str, ...]) -> None:  # noqa: ARG002
        self._put_directives(made)

    def _type_name(self) -> str:
        """Such as `[User!]!`."""
        cursor = self._cursor
        depth = 0
        while cursor.skip("["):
            depth += 1
            if depth > MAX_DEPTH:
                cursor.refuse(_("Lists are nested more than %(max)d deep.") % {"max": MAX_DEPTH})
        written = "[" * depth + cursor.name().text
        for _level in range(depth):
            written += "!" if cursor.skip("!") else ""
            cursor.expect("]")
            written += "]"
        return written + ("!" if cursor.skip("!") else "")

    def _directive_definition(self, description: str) -> None:
        cursor = self._cursor
        cursor.next()
        cursor.expect("@")
        name = cursor.name()
        made: Tree = {"description": description} if description else {}
        path = ("directives", name.text)
        self._schema.spots.put(path, self._text, name.start)
        if cursor.token.text == "(":
            made["arguments"] = self._block("(", ")", self._argument, (*path, "arguments"))
        if cursor.skip("repeatable"):
            made["repeatable"] = True
        cursor.expect("on")
        made["locations"] = self._names("|")
        self._schema.directives[name.text] = made

    def _put_directives(self, made: Tree) -> None:
        used = self._directives()
        for one in used:
            if one["name"] == "deprecated":
                reason = one.get("arguments", {}).get("reason", '"No longer supported"')
                made["deprecated"] = string_value(reason) if reason[:1] == '"' else reason
        if used:
            made["directives"] = [*made.get("directives", []), *used]

    def _directives(self) -> list[Tree]:
        cursor = self._cursor
        used: list[Tree] = []
        while cursor.skip("@"):
            one: Tree = {"name": cursor.name().text}
            if cursor.skip("("):
                one["arguments"] = {}
                while not cursor.skip(")"):
                    name = cursor.name().text
                    cursor.expect(":")
                    one["arguments"][name] = self._literal()
            used.append(one)
        return used

    def _literal(self) -> str:
        """A value as it is written; brackets must match."""
        cursor = self._cursor
        open_brackets: list[str] = []
        written: list[str] = []
        while True:
            token = cursor.token
            if token.kind == "end" or (token.text in "!&|=(" and token.kind == "mark"):
                cursor.refuse(_("A value is expected here."))
            cursor.next()
            written.append(token.text)
            if token.kind == "mark":
                if token.text in "[{":
                    open_brackets.append("]" if token.text == "[" else "}")
                elif token.text in "]}" and (
                    not open_brackets or open_brackets.pop() != token.text
                ):
                    cursor.refuse(_("The brackets of this value do not match."), at=token)
                elif token.text == "$":
                    cursor.refuse(_("A schema has no variables."), at=token)
            if len(open_brackets) > MAX_DEPTH:
                cursor.refuse(_("Values are nested more than %(max)d deep.") % {"max": MAX_DEPTH})
            if not open_brackets:
                return _joined(written)


def _is_same(one: Tree, other: Tree) -> bool:
    """Whether two members differ in what is said of them at most."""
    return {**one, "description": ""} == {**other, "description": ""}


def _joined(words: list[str]) -> str:
    """On one line, as people write values."""
    text = ""
    for word in words:
        needs_space = text and text[-1] not in "[{" and word not in "]}:"
        comma = "," if needs_space and text[-1] != ":" else ""
        text += f"{comma} {word}" if needs_space else word
    return text


def string_value(token: str) -> str:
    """What a string or block string stands for (specification, section 2.9.4)."""
    if token.startswith('"""'):
        return _block_value(token[3:-3].replace('\\"""', '"""'))

    def unescaped(match: re.Match[str]) -> str:
        number = match[1] or match[2]
        if number:
            code = int(number, 16)
            return chr(code) if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else "�"
        return _ESCAPED.get(match[3], match[3])

    return _ESCAPE.sub(unescaped, token[1:-1])


def _block_value(text: str) -> str:
    """Without the indentation that all lines but the first share."""
    lines = text.splitlines()
    indents = [len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()]
    common = min(indents, default=0)
    lines = [line if index == 0 else line[common:] for index, line in enumerate(lines)]
    return "\n".join(lines).strip("\n\r \t")
