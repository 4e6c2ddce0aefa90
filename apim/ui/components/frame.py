"""Components that give a page its shape: header, tabs, panels, notices, empty states."""

from django.template import Library
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString

from apim.ui.components.rendering import render, trimmed

register = Library()


@register.simple_tag
def icon(name: str, label: str = "", size: int = 16) -> SafeString:
    """One drawing of the sprite. Without `label` it is decoration and hidden from readers."""
    accessible = format_html('role="img" aria-label="{}"', label) if label else "aria-hidden=true"
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" {1}><use href="{2}#{3}"></use></svg>',
        size,
        accessible,
        static("img/icons.svg"),
        name,
    )


@register.simple_block_tag
def page_header(
    content: str,
    title: str,
    description: str = "",
    state: str = "",
    public_id: str = "",
    back_url: str = "",
    back_label: str = "",
    state_label: str = "",
) -> SafeString:
    """The page's only h1, with its state, its id to copy and, as content, its actions."""
    return render(
        "page_header",
        actions=trimmed(content),
        title=title,
        description=description,
        state=state,
        state_label=state_label,
        public_id=public_id,
        back_url=back_url,
        back_label=back_label,
    )


@register.simple_block_tag
def tabs(content: str, label: str) -> SafeString:
    """Navigation between the sub-pages of one object. Content: `tab` tags."""
    return render("tabs", content=content, label=label)


@register.simple_tag
def tab(label: str, url: str, is_active: bool = False, count: int | None = None) -> SafeString:  # noqa: FBT001, FBT002
    return render("tab", label=label, url=url, is_active=is_active, count=count)


@register.simple_block_tag
def panel(
    content: str,
    title: str = "",
    description: str = "",
    link_url: str = "",
    link_label: str = "",
    level: int = 2,
    panel_id: str = "",
    tone: str = "",
    flush: bool = False,  # noqa: FBT001, FBT002
) -> SafeString:
    """A bordered region. `flush` drops the inner padding for a table that fills it."""
    return render(
        "panel",
        content=content,
        title=title,
        description=description,
        link_url=link_url,
        link_label=link_label,
        level=level,
        panel_id=panel_id,
        tone=tone,
        flush=flush,
    )


NOTICE_ICONS = {
    "info": "info",
    "ok": "circle-check",
    "warn": "triangle-alert",
    "danger": "circle-alert",
}


@register.simple_block_tag
def notice(content: str, tone: str = "info", title: str = "") -> SafeString:
    """A message within the page. `tone`: info, ok, warn, danger."""
    return render(
        "notice", content=content, tone=tone, title=title, icon=NOTICE_ICONS.get(tone, "info")
    )


@register.simple_block_tag
def empty_state(
    content: str,
    title: str,
    icon: str = "inbox",
    action_url: str = "",
    action_label: str = "",
    clear_url: str = "",
) -> SafeString:
    """What will be here and what to do next. With `clear_url` it is "no results" instead."""
    return render(
        "empty_state",
        content=content,
        title=title,
        icon="search" if clear_url else icon,
        action_url=action_url,
        action_label=action_label,
        clear_url=clear_url,
    )


@register.simple_block_tag
def steps(content: str, label: str) -> SafeString:
    """A checklist with what is left to do. Content: `step` tags."""
    return render("steps", content=content, label=label)


@register.simple_block_tag
def step(
    content: str, title: str, state: str = "todo", url: str = "", action: str = ""
) -> SafeString:
    """One step. `state`: done, current, todo."""
    return render("step", content=content, title=title, state=state, url=url, action=action)


@register.simple_block_tag
def menu(content: str, label: str, icon: str = "ellipsis", align: str = "end") -> SafeString:
    """A drop-down of links and buttons that opens without JavaScript. Content: `<li>` items."""
    return render("menu", content=content, label=label, icon=icon, align=align)
