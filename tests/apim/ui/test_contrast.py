"""Text and control colours keep WCAG's contrast in both themes, measured from tokens.css itself."""

import re
from pathlib import Path

import pytest

CSS = Path(__file__).resolve().parents[3] / "static" / "css"
TOKENS = {
    name: (light, dark)
    for name, light, dark in re.findall(
        r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);",
        (CSS / "tokens.css").read_text(),
    )
}
BACKGROUNDS = ("canvas", "surface", "raised", "sunken", "hover")
TONES = ("accent", "ok", "warn", "danger", "info", "neutral")
TEXT_PAIRS = [
    *((ink, back) for ink in ("text", "muted", "accent-ink", "danger-ink") for back in BACKGROUNDS),
    *((f"{tone}-ink", f"{tone}-surface") for tone in TONES),
    *((f"{tone}-ink", "surface") for tone in TONES),
    *(("text", f"{tone}-surface") for tone in TONES),
    ("accent-text", "accent"),
    ("accent-text", "accent-hover"),
    ("danger-text", "danger"),
    ("danger-text", "danger-hover"),
]
EDGE_PAIRS = [
    *(("edge", back) for back in ("canvas", "surface", "raised")),
    *(("focus", back) for back in (*BACKGROUNDS, "warn-surface")),
    *((f"series-{number}", "surface") for number in range(1, 7)),
    ("danger", "surface"),
]


def luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2 definition."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "back"), TEXT_PAIRS)
def test_text_has_four_and_a_half_to_one(ink, back, theme):
    assert contrast(TOKENS[ink][theme], TOKENS[back][theme]) >= 4.5


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "back"), EDGE_PAIRS)
def test_edges_focus_and_series_have_three_to_one(ink, back, theme):
    assert contrast(TOKENS[ink][theme], TOKENS[back][theme]) >= 3


def test_components_use_roles_and_no_colours_of_their_own():
    for path in [*CSS.glob("components/*.css"), *CSS.glob("layout/*.css")]:
        literal = re.findall(r"#[0-9a-fA-F]{3,8}\b", path.read_text())
        assert not literal, f"{path.name} names colours: {literal}"


def test_every_token_that_is_used_exists():
    defined = set(re.findall(r"(--[\w-]+):", (CSS / "tokens.css").read_text()))
    for path in CSS.rglob("*.css"):
        unknown = set(re.findall(r"var\((--[\w-]+)", path.read_text())) - defined
        assert not unknown, f"{path.name} uses {unknown}"


def test_every_stylesheet_is_imported_once():
    imported = re.findall(r'@import url\("([^"]+)"\)', (CSS / "app.css").read_text())
    present = {path.relative_to(CSS).as_posix() for path in CSS.rglob("*.css")} - {"app.css"}
    assert sorted(imported) == sorted(present)
