"""Every language we offer is complete, fits its source, and is compiled as committed.

CONTRIBUTING.md says how to add words. None of this needs gettext installed.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import polib
import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

ROOT = Path(settings.BASE_DIR)
LOCALE = ROOT / "apim" / "locale"
PACKAGES = ("apim", "portal", "analytics", "billing")
LANGUAGES = [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]

# (context, text) of a message; no context is "".
Message = tuple[str, str]

# Functions of django.utils.translation by the place of the context (or None) and of the text.
TRANSLATORS: dict[str, tuple[int | None, int]] = {
    "_": (None, 0),
    "gettext": (None, 0),
    "gettext_lazy": (None, 0),
    "gettext_noop": (None, 0),
    "ngettext": (None, 0),
    "ngettext_lazy": (None, 0),
    "pgettext": (0, 1),
    "pgettext_lazy": (0, 1),
    "npgettext": (0, 1),
    "npgettext_lazy": (0, 1),
}
# What `templatize` makes of a template's marks: calls of those functions amid blanked text.
STRING = r"""u?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
MARK = re.compile(rf"\b(n?p?gettext|_)\(\s*{STRING}(?:\s*,\s*{STRING})?", re.DOTALL)

PYTHON_PLACEHOLDER = re.compile(r"%(?:\([a-z_]+\))?[-+ #0]*\d*(?:\.\d+)?[dfgisrxo]|%%")
HTML_TAG = re.compile(r"</?[a-z][^<>]*>")

# Words that are the same in every language: names, and what a machine reads.
NAMES = {"API", "APIs", "Envoy", "HTML", "ID", "IP", "OpenAPI", "UTC", "curl", "ms", "p95"}
WORD = re.compile(r"[^\W\d_]{2,}")
NOT_READ = {"script", "style", "code", "pre", "kbd", "svg"}
READ_ATTRIBUTES = {"alt", "aria-label", "aria-description", "placeholder", "title"}
READ_ARGUMENTS = re.compile(
    r"""\b(?:title|label|description|hint|term|caption|placeholder|period|legend|confirm)=["']"""
)
# Pages that are addressed to the developer of this program, who reads English.
FOR_US = {"components/gallery.html"}


def _catalogue(language: str) -> polib.POFile:
    return polib.pofile(str(LOCALE / language / "LC_MESSAGES" / "django.po"))


def _forms(entry: polib.POEntry) -> list[tuple[str, str]]:
    """Pairs of source and translation; form 0 of our languages is the singular."""
    if not entry.msgid_plural:
        return [(entry.msgid, entry.msgstr)]
    return [
        (entry.msgid_plural if form else entry.msgid, text)
        for form, text in entry.msgstr_plural.items()
    ]


def _python_messages(path: Path) -> Iterator[Message]:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in TRANSLATORS:
            continue
        context, text = TRANSLATORS[name]
        values = [arg.value if isinstance(arg, ast.Constant) else None for arg in node.args]
        if text < len(values) and isinstance(values[text], str):
            yield ("" if context is None else str(values[context])), str(values[text])


def _template_messages(path: Path) -> Iterator[Message]:
    for name, first, second in MARK.findall(templatize(path.read_text())):
        if name in ("pgettext", "npgettext"):
            yield ast.literal_eval(first), ast.literal_eval(second)
        else:
            yield "", ast.literal_eval(first)


def _templates() -> list[Path]:
    return sorted(p for p in (ROOT / "templates").rglob("*") if p.suffix in (".html", ".txt"))


def _marked() -> set[Message]:
    found: set[Message] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            found.update(_python_messages(path))
    for path in _templates():
        found.update(_template_messages(path))
    return found - {("", "")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_marked_text_has_an_entry(language: str):
    entries = {(entry.msgctxt or "", entry.msgid) for entry in _catalogue(language)}
    assert sorted(_marked() - entries) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_translated(language: str):
    catalogue = _catalogue(language)
    unfinished = [*catalogue.untranslated_entries(), *catalogue.fuzzy_entries()]
    assert [entry.msgid for entry in unfinished] == []
    assert catalogue.obsolete_entries() == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kept", [PYTHON_PLACEHOLDER, HTML_TAG], ids=["placeholders", "tags"])
def test_a_translation_keeps_what_is_not_words(language: str, kept: re.Pattern[str]):
    different = [
        (source, text)
        for entry in _catalogue(language)
        for source, text in _forms(entry)
        if Counter(kept.findall(source)) != Counter(kept.findall(text))
    ]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_space_around_it(language: str):
    different = [
        (source, text)
        for entry in _catalogue(language)
        for source, text in _forms(entry)
        if (source[:1].isspace(), source[-1:].isspace())
        != (text[:1].isspace(), text[-1:].isspace())
    ]
    assert different == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_says_the_same(language: str):
    def content(entries: polib.POFile | polib.MOFile) -> dict[object, object]:
        return {
            (e.msgctxt, e.msgid, e.msgid_plural or ""): e.msgstr or dict(e.msgstr_plural)
            for e in entries
        }

    compiled = polib.mofile(str(LOCALE / language / "LC_MESSAGES" / "django.mo"))
    source = _catalogue(language)
    assert content(compiled) == content(source)
    for field in ("Plural-Forms", "Content-Type", "Language"):
        assert compiled.metadata[field] == source.metadata[field]


class _Reader(HTMLParser):
    """Collects the words that a person would see or hear."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_READ:
            self._silent.append(tag)
        for name, value in attrs:
            if name in READ_ATTRIBUTES and value:
                self.words += WORD.findall(value)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and tag == self._silent[-1]:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words += WORD.findall(data)


def _unmarked(source: str) -> Iterator[str]:
    """Words of a template outside gettext, in its text and in what it hands to components."""
    text: list[str] = []
    closing = ""  # the tag that ends the block in which nothing is ours to mark
    for token in Lexer(source).tokenize():
        words = token.contents.split() or [""]
        name = words[0]
        if closing:
            closing = "" if token.token_type == TokenType.BLOCK and name == closing else closing
        elif token.token_type == TokenType.TEXT:
            text.append(token.contents)
        elif token.token_type == TokenType.BLOCK:
            closing = _closing_of(words)
            if READ_ARGUMENTS.search(token.contents):
                yield token.contents
    reader = _Reader()
    reader.feed("".join(text))
    yield from (word for word in reader.words if word not in NAMES)


def _closing_of(words: list[str]) -> str:
    is_class = words[0] == "block" and words[1].endswith("_class")
    is_ours = words[0] in ("blocktranslate", "blocktrans", "comment") or is_class
    return f"end{words[0]}" if is_ours else ""


@pytest.mark.parametrize("path", _templates(), ids=lambda p: str(p.relative_to(ROOT / "templates")))
def test_a_template_says_nothing_outside_gettext(path: Path):
    if str(path.relative_to(ROOT / "templates")) in FOR_US:
        pytest.skip("for developers of this program")
    assert list(_unmarked(path.read_text())) == []
