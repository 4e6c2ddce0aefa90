"""The grammar of protocol buffers' source files.

Source: Protocol Buffers language specifications (proto2, proto3, editions), protobuf.dev. Comments
belong to what they stand before, or behind on the same line, as protoc tells them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.descriptions.tokens import Cursor, Text, Token, tokenize
from apim.catalog.openapi.refusals import MAX_DEPTH

if TYPE_CHECKING:
    from apim.catalog.descriptions.proto_files import ProtoFiles
    from apim.catalog.openapi.positions import Path

Tree = dict[str, Any]
_TOKENS = re.compile(
    r"""
    (?P<blank>\s+)
    |(?P<comment>//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    |(?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*')
    |(?P<number>[-+]?(?:0[xX][0-9a-fA-F]+|(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[fF]?)
    |(?P<name>\.?[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
    |(?P<mark>[{}()\[\]<>;:=,/.+\-])
    """,
    re.VERBOSE,
)
_HTTP_METHODS = {"get", "put", "post", "delete", "patch"}
_LABELS = {"optional", "required", "repeated"}
_STARS = re.compile(r"^[ \t]*\*? ?", re.MULTILINE)


def read_proto(text: Text, name: str, files: ProtoFiles) -> None:
    """Add what one source file defines. Raises InvalidSpecification at what does not fit."""
    _Parser(text, name, files).file()


class _Parser:
    def __init__(self, text: Text, name: str, files: ProtoFiles) -> None:
        self._text = text
        self._name = name
        self._files = files
        tokens, self._leading, self._trailing = _with_comments(
            text, tokenize(text, _TOKENS, frozenset({"blank"}))
        )
        self._cursor = Cursor(text, tokens)
        self._package = ""
        self._depth = 0

    def file(self) -> None:
        cursor = self._cursor
        file: Tree = {"syntax": "proto2", "package": "", "imports": []}
        self._files.files[self._name] = file
        while cursor.token.kind != "end":
            start, word = cursor.token, cursor.token.text
            if word in {"syntax", "edition"}:
                cursor.next()
                cursor.expect("=")
                value = _string(cursor.name("string"))
                file["syntax"] = value if word == "syntax" else "editions"
                cursor.expect(";")
            elif word == "package":
                cursor.next()
                self._package = file["package"] = cursor.name().text
                cursor.expect(";")
            elif word == "import":
                cursor.next()
                if cursor.token.kind == "name":
                    cursor.next()
                file["imports"].append(_string(cursor.name("string")))
                cursor.expect(";")
            elif word == "service":
                self._service()
            elif not self._definition(self._package) and not cursor.skip(";"):
                cursor.refuse(
                    _("A definition such as “message” or “service” is expected."), at=start
                )

    def _definition(self, scope: str) -> bool:
        """Whether there was one of those that stand in files and in messages alike."""
        word = self._cursor.token.text
        if self._cursor.token.kind != "name":
            return False
        if word == "message" and self._cursor.peek().kind == "name":
            self._message(scope)
        elif word == "enum" and self._cursor.peek().kind == "name":
            self._enum(scope)
        elif word == "extend":
            self._cursor.next()
            self._cursor.name()
            self._members({}, scope, ())
        elif word == "option":
            self._option()
        else:
            return False
        return True

    def _described(self, start: Token, made: Tree) -> Tree:
        comment = self._leading.get(start.start) or self._trailing.get(start.start, "")
        if comment:
            made["description"] = comment
        return made

    def _message(self, scope: str) -> None:
        cursor = self._cursor
        start = cursor.next()
        self._body_of_message(cursor.name(), scope, start)

    def _body_of_message(self, name: Token, scope: str, start: Token) -> str:
        full = _joined(scope, name.text)
        path = ("messages", full)
        made = self._described(start, {"file": self._name})
        self._files.define("messages", full, made, self._text, name.start)
        self._members(made, full, path)
        return full

    def _members(self, made: Tree, scope: str, path: Path) -> None:
        """Of a message, or of `extend`, whose fields belong to nothing told here."""
        cursor = self._cursor
        self._depth += 1
        if self._depth > MAX_DEPTH:
            cursor.refuse(_("Messages are nested more than %(max)d deep.") % {"max": MAX_DEPTH})
        cursor.expect("{")
        while not cursor.skip("}"):
            word = cursor.token.text
            following = cursor.peek()
            if cursor.skip(";"):
                continue
            if word == "oneof" and following.kind == "name":
                self._oneof(made, scope, path)
            elif word in {"reserved", "extensions"} and following.text != "=":
                self._reserved(made if word == "reserved" else {})
            elif self._is_field() or not self._definition(scope):
                self._field(made, scope, path)
        self._depth -= 1

    def _is_field(self) -> bool:
        """Whether what begins like `option` or `extend` is a field of a message so named."""
        following = self._cursor.peek()
        return following.kind == "name" and self._cursor.token.text in _LABELS

    def _oneof(self, made: Tree, scope: str, path: Path) -> None:
        cursor = self._cursor
        cursor.next()
        name = cursor.name().text
        made.setdefault("oneofs", []).append(name)
        cursor.expect("{")
        while not cursor.skip("}"):
            if cursor.token.text == "option" and cursor.peek().text != "=":
                self._option()
            elif not cursor.skip(";"):
                self._field(made, scope, path, oneof=name)

    def _field(self, made: Tree, scope: str, path: Path, oneof: str = "") -> None:
        cursor = self._cursor
        start = cursor.token
        one: Tree = {}
        if cursor.token.text in _LABELS and cursor.peek().kind == "name":
            one["label"] = cursor.next().text
        is_group = cursor.token.text == "group" and cursor.peek().kind == "name"
        if cursor.token.text == "map" and cursor.peek().text == "<":
            cursor.next()
            cursor.expect("<")
            one["key"] = cursor.name().text
            cursor.expect(",")
            one["type"] = cursor.name().text
            cursor.expect(">")
        elif is_group:
            cursor.next()
        else:
            one["type"] = cursor.name().text
        name = cursor.name()
        if "." in name.text:
            cursor.refuse(_("A field's name has no dot."), at=name)
        cursor.expect("=")
        one["number"] = self._number()
        self._options_in_brackets(one)
        self._described(start, one)
        if oneof:
            one["oneof"] = oneof
        if is_group:
            one["type"] = "." + self._body_of_message(name, scope, start)
        else:
            end = cursor.expect(";")
            self._trailing_of(one, end)
        if path:
            field = name.text.lower() if is_group else name.text
            self._files.put_field(made, path, field, one, scope, self._text, name.start)

    def _trailing_of(self, one: Tree, end: Token) -> None:
        comment = self._trailing.get(end.start)
        if comment and "description" not in one:
            one["description"] = comment

    def _number(self) -> int:
        token = self._cursor.token
        if token.kind != "number" or "." in token.text or len(token.text) > 12:
            self._cursor.refuse(_("A whole number is expected here."))
        self._cursor.next()
        try:
            return int(token.text, 0) if not token.text.lstrip("-+").isdigit() else int(token.text)
        except ValueError:
            return self._cursor.refuse(_("A whole number is expected here."), at=token)

    def _reserved(self, made: Tree) -> None:
        """`reserved 2, 9 to 11, max;` or names."""
        cursor = self._cursor
        cursor.next()
        reserved = made.setdefault("reserved", {})
        while not cursor.skip(";"):
            token = cursor.token
            if token.kind == "number":
                first = last = self._number()
                if cursor.skip("to"):
                    last = 536870911 if cursor.skip("max") else self._number()
                reserved.setdefault("ranges", []).append([first, last])
            elif token.kind in {"string", "name"}:
                cursor.next()
                name = _string(token) if token.kind == "string" else token.text
                reserved.setdefault("names", []).append(name)
            elif token.text == "[":
                self._options_in_brackets({})
            elif not cursor.skip(","):
                cursor.refuse(_("A number or a name is expected here."))

    def _enum(self, scope: str) -> None:
        cursor = self._cursor
        start = cursor.next()
        name = cursor.name()
        full = _joined(scope, name.text)
        made = self._described(start, {"file": self._name, "values": {}})
        self._files.define("enums", full, made, self._text, name.start)
        cursor.expect("{")
        while not cursor.skip("}"):
            word, following = cursor.token.text, cursor.peek().text
            if cursor.skip(";"):
                continue
            if word == "option" and following != "=":
                made.update(self._option())
            elif word == "reserved" and following != "=":
                self._reserved(made)
            else:
                first = cursor.name()
                cursor.expect("=")
                value: Tree = {"number": self._number()}
                self._options_in_brackets(value)
                self._described(first, value)
                self._trailing_of(value, cursor.expect(";"))
                made["values"][first.text] = value
                place = ("enums", full, "values", first.text)
                self._files.spots.put(place, self._text, first.start)

    def _service(self) -> None:
        cursor = self._cursor
        start = cursor.next()
        name = cursor.name()
        full = _joined(self._package, name.text)
        made = self._described(start, {"file": self._name, "methods": {}})
        self._files.define("services", full, made, self._text, name.start)
        cursor.expect("{")
        while not cursor.skip("}"):
            if cursor.token.text == "option":
                made.update(self._option())
            elif cursor.token.text == "rpc":
                self._method(made, full)
            elif not cursor.skip(";"):
                cursor.refuse(_("“rpc” is expected here."))

    def _method(self, service: Tree, full: str) -> None:
        cursor = self._cursor
        start = cursor.next()
        name = cursor.name()
        made: Tree = {}
        for key, streams in (("request", "client_streaming"), ("response", "server_streaming")):
            if key == "response":
                cursor.expect("returns")
            cursor.expect("(")
            if cursor.token.text == "stream" and cursor.peek().text != ")":
                cursor.next()
                made[streams] = True
            made[key] = cursor.name().text
            cursor.expect(")")
        self._described(start, made)
        if cursor.skip("{"):
            while not cursor.skip("}"):
                if cursor.token.text == "option":
                    made.update(self._option())
                elif not cursor.skip(";"):
                    cursor.refuse(_("“option” is expected here."))
        else:
            cursor.expect(";")
        self._files.put_method(
            service, full, name.text, made, self._package, self._text, name.start
        )

    # Options: only those that are told

    def _option(self) -> Tree:
        cursor = self._cursor
        cursor.next()
        told = self._assigned()
        cursor.expect(";")
        return told

    def _options_in_brackets(self, made: Tree) -> None:
        cursor = self._cursor
        if not cursor.skip("["):
            return
        while not cursor.skip("]"):
            made.update(self._assigned())
            if cursor.token.text != "]":
                cursor.expect(",")

    def _assigned(self) -> Tree:
        """`name = value`; told are deprecated, default, json_name and google.api.http."""
        cursor = self._cursor
        name = ""
        while cursor.token.text != "=":
            token = cursor.next()
            if token.kind not in {"name", "mark"} or token.text in "{};":
                cursor.refuse(_("The name of an option is expected here."), at=token)
            name += token.text
        cursor.expect("=")
        value = cursor.token
        if value.text == "{" and value.kind == "mark":
            rule = self._aggregate()
            return {"http": rule} if name == "(google.api.http)" and rule else {}
        cursor.next()
        if value.text in {"-", "+"}:
            value = Token(value.kind, value.text + cursor.next().text, value.start)
        texts = [_string(value) if value.kind == "string" else value.text]
        while cursor.token.kind == "string":
            texts.append(_string(cursor.next()))
        written = "".join(texts)
        if name == "deprecated":
            return {"deprecated": True} if written == "true" else {}
        return {name: written} if name in {"default", "json_name"} else {}

    def _aggregate(self) -> str:
        """Past a message in text format; the first HTTP rule in it, such as `GET /v1/tides`."""
        cursor = self._cursor
        depth, rule = 0, ""
        while True:
            token = cursor.next()
            if token.kind == "end":
                cursor.refuse(_("“}” is expected here."))
            if token.kind == "mark" and token.text in "{[<":
                depth += 1
            elif token.kind == "mark" and token.text in "}]>":
                depth -= 1
                if depth <= 0:
                    return rule
            elif depth == 1 and not rule and token.text in _HTTP_METHODS:
                cursor.skip(":")
                if cursor.token.kind == "string":
                    rule = f"{token.text.upper()} {_string(cursor.token)}"


def _joined(scope: str, name: str) -> str:
    return f"{scope}.{name}" if scope else name


def _string(token: Token) -> str:
    """Escapes stay: what is told are names and paths."""
    return token.text[1:-1]


def _with_comments(
    text: Text, found: list[Token]
) -> tuple[list[Token], dict[int, str], dict[int, str]]:
    """The tokens without comments; comments before a token, and behind one, by its start."""
    tokens: list[Token] = []
    leading: dict[int, str] = {}
    trailing: dict[int, str] = {}
    pending: list[Token] = []
    for token in found:
        if token.kind != "comment":
            if pending:
                leading[token.start] = _comment(_attached(text, pending, token))
                pending = []
            tokens.append(token)
        elif not pending and tokens and _line(text, tokens[-1].start) == _line(text, token.start):
            trailing[tokens[-1].start] = _comment([token])
        else:
            pending.append(token)
    return tokens, leading, trailing


def _attached(text: Text, pending: list[Token], token: Token) -> list[Token]:
    """The comments without an empty line between them and the token."""
    kept: list[Token] = []
    line = _line(text, token.start)
    for one in reversed(pending):
        if _line(text, one.start + len(one.text)) < line - 1:
            break
        kept.insert(0, one)
        line = _line(text, one.start)
    return kept


def _line(text: Text, start: int) -> int:
    return text.spot(start)[0]


def _comment(tokens: list[Token]) -> str:
    lines = []
    for token in tokens:
        if token.text.startswith("//"):
            lines.append(token.text.lstrip("/").removeprefix(" ").rstrip())
        else:
            lines += _STARS.sub("", token.text[2:-2].lstrip("*")).strip().splitlines()
    return "\n".join(lines).strip()
