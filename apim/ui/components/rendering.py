"""How a component tag becomes HTML."""

from typing import Any

from django.template.loader import get_template
from django.utils.safestring import SafeString, mark_safe


def trimmed(content: str) -> SafeString:
    """Block content without outer whitespace, so that an empty block is false."""
    return mark_safe(content.strip())  # noqa: S308 -- the engine has escaped every value


def render(name: str, /, **context: Any) -> SafeString:
    """The component's template, escaped by the template engine, without outer whitespace."""
    html: str = get_template(f"components/{name}.html").render(context)
    return mark_safe(html.strip())  # noqa: S308 -- the engine has escaped every value
