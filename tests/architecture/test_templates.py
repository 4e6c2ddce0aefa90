"""A strict content security policy holds only if no template breaks it."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.loader import get_template

ROOT = Path(settings.BASE_DIR) / "templates"
TEMPLATES = sorted(ROOT.rglob("*.html"))
# Mail clients know no style sheets.
PAGES = [t for t in TEMPLATES if "emails" not in t.parts and "email" not in t.name]

INLINE = re.compile(
    r"""<script(?![^>]*\bsrc=)|<style\b|\sstyle=["']|\son[a-z]+=["']|javascript:""", re.IGNORECASE
)
OUTSIDE = re.compile(r"""(?:src|href)=["'](?:https?:)?//[^"']+\.(?:js|css|woff2?)""", re.IGNORECASE)


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_template_has_no_inline_script_style_or_handler(path: Path):
    assert not INLINE.findall(path.read_text())


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_template_loads_nothing_from_elsewhere(path: Path):
    assert not OUTSIDE.findall(path.read_text())


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_compiles(path: Path):
    assert get_template(_name(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_opens_with_a_comment_or_an_extends(path: Path):
    assert path.read_text().lstrip().startswith(("{#", "{% comment", "{% extends"))
