"""What stands in a filter, `[?( … )]`: JavaScript expressions, as far as rulesets use them.

Nothing is executed but what is listed here. An expression is compiled once to nested functions of
an edge: value, key, and the frame of what contains it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from apim.catalog.rulesets.javascript import (
    UNDEFINED,
    NotApplicable,
    arithmetic,
    call_method,
    call_static,
    compare,
    is_loosely_equal,
    is_same,
    is_true,
    member,
    type_name,
)
from apim.catalog.rulesets.patterns import BadPattern, pattern

if TYPE_CHECKING:
    from collections.abc import Callable

    from apim.catalog.rulesets.frames import Frame

    Evaluate = Callable[[Any, Any, Frame], Any]

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>\d+(?:\.\d+)?)
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
    | (?P<current>@(?:[A-Za-z]\w*\b)?)
    | (?P<name>[A-Za-z_$][\w$]*)
    | (?P<mark>===|!==|==|!=|<=|>=|&&|\|\||\?\?|\?\.(?!\d)|[-+*/%<>!?:.,()\[\]])
    )""",
    re.VERBOSE,
)
_REGEX = re.compile(r"\s*/((?:[^/\\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+)/([a-z]*)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_LITERALS: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": UNDEFINED}
_STATIC = {
    "Object.keys",
    "Object.values",
    "Array.isArray",
    "Number",
    "String",
    "Boolean",
    "parseInt",
    "parseFloat",
    "isNaN",
    "Number.isInteger",
}
# Weakest first.
_BINARY = (
    ("??",),
    ("||",),
    ("&&",),
    ("===", "!==", "==", "!="),
    ("<", ">", "<=", ">=", "in"),
    ("+", "-"),
    ("*", "/", "%"),
)
# Evaluating is as deep as what was parsed, and Python's stack ends somewhere.
_MAX_DEPTH = 60
_MAX_WORDS = 400


# Compiled expressions that are true of mappings and lists only: most of what a document holds is
# neither, and need not be asked. `_CURRENT` is `@` itself.
_HOLDERS_ONLY: WeakSet[Any] = WeakSet()
_CURRENT: WeakSet[Any] = WeakSet()
# Members that text has as well.
_OF_TEXT = {"length", "constructor"}


def is_for_holders(evaluate: Evaluate) -> bool:
    """Whether the compiled expression can only be true of a mapping or list."""
    return evaluate in _HOLDERS_ONLY


class BadScript(ValueError):
    """The filter cannot be understood; the message says what stands in the way."""


def compile_script(text: str, start: int = 0) -> tuple[Evaluate, int]:
    """A function that tells whether an edge passes, and where in `text` the expression ends.

    Raises BadScript.
    """
    parser = _Parser(text, start)
    evaluate = parser.expression()
    end = parser.start

    def passes(value: Any, key: Any, frame: Frame) -> bool:
        try:
            return is_true(evaluate(value, key, frame))
        except NotApplicable:
            return False

    if is_for_holders(evaluate):
        _HOLDERS_ONLY.add(passes)
    return passes, end


class _Parser:
    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._position = start
        # Where the word that comes next begins.
        self.start = start
        self._depth = 0
        self._count = 0
        self._word = ""
        self._kind = ""
        self._advance()

    def _advance(self) -> None:
        self._count += 1
        if self._count > _MAX_WORDS:
            raise BadScript(f"it has more than {_MAX_WORDS} words and marks")
        match = _TOKEN.match(self._text, self._position)
        if match is None:
            if self._text[self._position :].strip():
                rest = self._text[self._position :].strip()[:20]
                raise BadScript(f"“{rest}” is not understood")
            self._kind, self._word, self.start = "end", "", len(self._text)
            return
        self._kind = match.lastgroup or "end"
        self._word = match[self._kind]
        self.start = match.start(self._kind)
        self._position = match.end()

    def _take(self, word: str) -> bool:
        if self._kind in {"mark", "name"} and self._word == word:
            self._advance()
            return True
        return False

    def _expect(self, word: str) -> None:
        if not self._take(word):
            raise BadScript(f"“{word}” is expected at “{self._word or 'the end'}”")

    def expression(self) -> Evaluate:
        self._deepen()
        condition = self._binary(0)
        if self._take("?"):
            then = self.expression()
            self._expect(":")
            condition = _ternary(condition, then, self.expression())
        self._depth -= 1
        return condition

    def _binary(self, level: int) -> Evaluate:
        if level == len(_BINARY):
            return self._unary()
        left = self._binary(level + 1)
        while self._kind in {"mark", "name"} and self._word in _BINARY[level]:
            operator = self._word
            self._advance()
            left = _operation(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Evaluate:
        self._deepen()
        found = self._operand()
        self._depth -= 1
        return found

    def _deepen(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise BadScript("it is nested too deeply")

    def _operand(self) -> Evaluate:
        if self._take("!"):
            operand = self._unary()
            return lambda v, k, f: not is_true(operand(v, k, f))
        if self._take("-"):
            operand = self._unary()
            return lambda v, k, f: arithmetic("-", 0, operand(v, k, f))
        if self._take("typeof"):
            operand = self._unary()
            return lambda v, k, f: type_name(operand(v, k, f))
        if self._take("void"):
            self._unary()
            return _constant(UNDEFINED)
        return self._postfix(self._primary())

    def _primary(self) -> Evaluate:
        kind, word = self._kind, self._word
        if kind == "mark" and word == "/":
            return self._regex()
        if self._take("("):
            inside = self.expression()
            self._expect(")")
            return inside
        if self._take("["):
            return self._array()
        self._advance()
        return self._name(word) if kind == "name" else _simple(kind, word)

    def _regex(self) -> Evaluate:
        match = _REGEX.match(self._text, self.start)
        if match is None:
            raise BadScript("a regular expression does not end")
        self._position = match.end()
        self._advance()
        try:
            return _constant(pattern(match[1], match[2]))
        except BadPattern as error:
            raise BadScript(f"/{match[1]}/ is not a regular expression: {error}") from error

    def _array(self) -> Evaluate:
        items = self._arguments("]")
        return lambda v, k, f: [item(v, k, f) for item in items]

    def _arguments(self, closing: str) -> tuple[Evaluate, ...]:
        found: list[Evaluate] = []
        while not self._take(closing):
            found.append(self.expression())
            if not self._take(","):
                self._expect(closing)
                break
        return tuple(found)

    def _name(self, name: str) -> Evaluate:
        if name in _LITERALS:
            return _constant(_LITERALS[name])
        if name == "$":
            return lambda _v, _k, f: f.root
        while self._take("."):
            name = f"{name}.{self._word}"
            self._advance()
        if name not in _STATIC or not self._take("("):
            raise BadScript(f"“{name}” is not known here")
        return _static(name, self._arguments(")"))

    def _postfix(self, subject: Evaluate) -> Evaluate:
        while self._kind == "mark":
            is_optional = self._word == "?."
            if self._take("?.") or self._take("."):
                if self._kind != "name":
                    raise BadScript(f"a name is expected after the dot, not “{self._word}”")
                name = self._word
                self._advance()
                subject = self._member(subject, name, is_optional=is_optional)
            elif self._take("["):
                subject = _index(subject, self.expression())
                self._expect("]")
            else:
                break
        return subject

    def _member(self, subject: Evaluate, name: str, *, is_optional: bool) -> Evaluate:
        if self._take("("):
            arguments = self._arguments(")")
            return lambda v, k, f: call_method(
                subject(v, k, f), name, [one(v, k, f) for one in arguments]
            )
        if is_optional:
            return lambda v, k, f: _optional(subject(v, k, f), name)

        def found(v: Any, k: Any, f: Frame) -> Any:
            return member(subject(v, k, f), name)

        if subject in _HOLDERS_ONLY or (subject in _CURRENT and name not in _OF_TEXT):
            _HOLDERS_ONLY.add(found)
        return found


def _simple(kind: str, word: str) -> Evaluate:
    if kind == "number":
        return _constant(float(word) if "." in word else int(word))
    if kind == "string":
        return _constant(unquote(word))
    if kind == "current":
        return _current(word)
    raise BadScript(f"“{word or 'the end'}” is not expected")


def unquote(word: str) -> str:
    """The text of a quoted literal."""

    def character(match: re.Match[str]) -> str:
        code = match[1] or match[2]
        return chr(int(code, 16)) if code else _ESCAPED.get(match[3], match[3])

    return _ESCAPE.sub(character, word[1:-1])


_CONSTANTS: WeakSet[Any] = WeakSet()


def _constant(value: Any) -> Evaluate:
    def constant(_v: Any, _k: Any, _f: Any) -> Any:
        return value

    _CONSTANTS.add(constant)
    return constant


def _current(word: str) -> Evaluate:
    known: dict[str, Evaluate] = {
        "@": lambda v, _k, _f: v,
        "@property": lambda _v, k, _f: k,
        "@parent": lambda _v, _k, f: f.value,
        "@parentProperty": lambda _v, _k, f: f.key,
        "@path": lambda _v, k, f: f.path_text(k),
        "@root": lambda _v, _k, f: f.root,
    }
    if word not in known:
        raise BadScript(f"“{word}” is not known; there are {', '.join(known)}")
    if word == "@":
        _CURRENT.add(known[word])
    return known[word]


def _ternary(condition: Evaluate, then: Evaluate, otherwise: Evaluate) -> Evaluate:
    return lambda v, k, f: then(v, k, f) if is_true(condition(v, k, f)) else otherwise(v, k, f)


def _static(name: str, arguments: tuple[Evaluate, ...]) -> Evaluate:
    return lambda v, k, f: call_static(name, [one(v, k, f) for one in arguments])


def _index(subject: Evaluate, index: Evaluate) -> Evaluate:
    return lambda v, k, f: member(subject(v, k, f), index(v, k, f))


def _optional(value: Any, name: str) -> Any:
    return UNDEFINED if value is None or value is UNDEFINED else member(value, name)


def _operation(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    made = _made(operator, left, right)
    if _needs_holder(operator, left, right):
        _HOLDERS_ONLY.add(made)
    return made


def _needs_holder(operator: str, left: Evaluate, right: Evaluate) -> bool:
    """Of a member of `@`, which is undefined for anything else."""
    if operator == "&&":
        return is_for_holders(left) or is_for_holders(right)
    if operator == "||":
        return is_for_holders(left) and is_for_holders(right)
    if not is_for_holders(left) or right not in _CONSTANTS:
        return False
    value = right(None, None, None)  # type: ignore[arg-type]
    is_nothing = value is None or value is UNDEFINED
    return operator in ({"!=="} if value is UNDEFINED else {"!="} if is_nothing else {"===", "=="})


def _made(operator: str, left: Evaluate, right: Evaluate) -> Evaluate:
    short = _short_circuit(operator, left, right)
    if short is not None:
        return short
    if operator in {"===", "!=="}:
        wanted = operator == "==="
        return lambda v, k, f: is_same(left(v, k, f), right(v, k, f)) is wanted
    if operator in {"==", "!="}:
        wanted = operator == "=="
        return lambda v, k, f: is_loosely_equal(left(v, k, f), right(v, k, f)) is wanted
    if operator in {"<", ">", "<=", ">=", "in"}:
        return lambda v, k, f: compare(operator, left(v, k, f), right(v, k, f))
    return lambda v, k, f: arithmetic(operator, left(v, k, f), right(v, k, f))


def _short_circuit(operator: str, left: Evaluate, right: Evaluate) -> Evaluate | None:
    if operator == "&&":

        def both(v: Any, k: Any, f: Frame) -> Any:
            first = left(v, k, f)
            return right(v, k, f) if is_true(first) else first

        return both
    if operator == "||":

        def either(v: Any, k: Any, f: Frame) -> Any:
            first = left(v, k, f)
            return first if is_true(first) else right(v, k, f)

        return either
    if operator == "??":

        def given(v: Any, k: Any, f: Frame) -> Any:
            first = left(v, k, f)
            return right(v, k, f) if first is None or first is UNDEFINED else first

        return given
    return None
