"""Components that show what is known: numbers, states, times, tables, lists."""

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.core.paginator import Page
from django.template import Context, Library
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from apim.ui import formatting
from apim.ui.components.rendering import render, trimmed
from apim.ui.components.states import METHOD_TONES, look_of

if TYPE_CHECKING:
    from django.http import QueryDict

register = Library()


@register.simple_tag
def badge(state: str, label: str = "", tone: str = "", icon: str = "") -> SafeString:
    """Word and icon of a state; `label`, `tone`, `icon` override what the state implies."""
    look = look_of(str(state))
    return render(
        "badge", tone=tone or look.tone, icon=icon or look.icon, label=label or look.label
    )


@register.simple_tag
def method_badge(method: str) -> SafeString:
    """An HTTP method, in capitals, toned by what it does."""
    name = method.upper()
    return render("method_badge", method=name, tone=METHOD_TONES.get(name, "neutral"))


@register.simple_tag
def stat(
    label: str,
    value: Any,
    unit: str = "",
    period: str = "",
    delta: float | None = None,
    delta_good: str = "up",
    url: str = "",
    hint: str = "",
    tone: str = "",
) -> SafeString:
    """One number with its unit and period.

    `delta` is a fraction (0.12 = +12 %) against the previous period; `delta_good` says which
    direction pleases: up, down or none.
    """
    return render(
        "stat",
        label=label,
        value=value,
        unit=unit,
        period=period,
        delta=formatting.signed_percent(delta) if delta is not None else "",
        delta_icon="arrow-up" if (delta or 0) > 0 else "arrow-down",
        delta_tone=_delta_tone(delta, delta_good),
        url=url,
        hint=hint,
        tone=tone,
    )


def _delta_tone(delta: float | None, good: str) -> str:
    if not delta or good == "none":
        return "neutral"
    return "ok" if (delta > 0) == (good == "up") else "danger"


@register.simple_block_tag
def data_table(
    content: str,
    caption: str,
    show_caption: bool = False,  # noqa: FBT001, FBT002
    table_id: str = "",
    is_cards: bool = False,  # noqa: FBT001, FBT002
) -> SafeString:
    """A table in its own scroll region. Content: thead and tbody; `class="num"` on number cells.

    With `is_cards` each row is a card on phones, whose cells are named by their `data-label`.
    """
    return render(
        "data_table",
        content=content,
        caption=caption,
        show_caption=show_caption,
        table_id=table_id,
        is_cards=is_cards,
    )


@register.simple_tag(takes_context=True)
def sort_header(context: Context, label: str, field: str, is_number: bool = False) -> SafeString:  # noqa: FBT001, FBT002
    """A `<th>` whose link sorts by `field` through `?sort=`; a second press reverses."""
    query: QueryDict = context["request"].GET.copy()
    current = query.get("sort", "")
    direction = {field: "ascending", f"-{field}": "descending"}.get(current, "")
    query["sort"] = f"-{field}" if current == field else field
    query.pop("page", None)
    return render(
        "sort_header",
        label=label,
        url=f"?{query.urlencode()}",
        direction=direction,
        is_number=is_number,
    )


@register.simple_tag(takes_context=True)
def pagination(context: Context, page: Page[Any], label: str = "") -> SafeString:
    """Previous, next, and which rows of how many are shown; keeps the other parameters."""
    query: QueryDict = context["request"].GET.copy()

    def url(number: int) -> str:
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    return render(
        "pagination",
        page=page,
        label=label or _("Pages"),
        previous_url=url(page.previous_page_number()) if page.has_previous() else "",
        next_url=url(page.next_page_number()) if page.has_next() else "",
    )


@register.simple_block_tag
def description_list(content: str, columns: int = 1) -> SafeString:
    """Facts about one object. Content: `fact` tags. `columns` 1 to 3 on wide screens."""
    return render("description_list", content=content, columns=columns)


@register.simple_block_tag
def fact(content: str, term: str, hint: str = "") -> SafeString:
    return render("fact", content=content, term=term, hint=hint)


@register.simple_block_tag
def timeline(content: str, label: str) -> SafeString:
    """What happened, newest first. Content: `event` tags."""
    return render("timeline", content=content, label=label)


@register.simple_block_tag
def event(
    content: str,
    title: str,
    at: datetime,
    actor: str = "",
    icon: str = "circle-dot",
    tone: str = "",
) -> SafeString:
    return render(
        "event", content=trimmed(content), title=title, at=at, actor=actor, icon=icon, tone=tone
    )


@register.simple_tag
def timestamp(at: datetime | None, never: str = "") -> SafeString:
    """Relative words in a `<time>`, the absolute instant on focus and hover."""
    return render(
        "timestamp",
        at=at,
        absolute=formatting.absolute(at) if at else "",
        relative=formatting.relative(at) if at else (never or _("Never")),
    )


@register.simple_tag
def progress(used: float, limit: float, label: str, unit: str = "", hint: str = "") -> SafeString:
    """How much of a quota is used. Warns from 80 %, alarms from 100 %."""
    share = used / limit if limit else 0
    tone = "danger" if share >= 1 else "warn" if share >= 0.8 else "accent"
    return render(
        "progress",
        used=formatting.number(used),
        limit=formatting.number(limit),
        label=label,
        unit=unit,
        hint=hint,
        tone=tone,
        percent=formatting.percent(share),
        width=f"{min(share, 1) * 100:.2f}",
    )
