"""What the layouts draw around a page: menus, the organization switcher, the user's menu.

The edges fill these in their context processors; the layouts only draw. Someone with no right to
an item simply gets a list without it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from django.utils.functional import Promise

Text = str | Promise


@dataclass(frozen=True, slots=True)
class NavItem:
    """One link of a menu. `count` is shown beside it when not None (work that waits)."""

    label: Text
    url: str
    icon: str = ""
    is_active: bool = False
    count: int | None = None
    # Paths below these prefixes also belong to the item.
    also: tuple[str, ...] = ()
    # The item's own URL is the root of its edge, so only the exact path belongs to it.
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class NavSection:
    """A group of links; `label` is empty for the first, unnamed group."""

    items: Sequence[NavItem]
    label: Text = ""


@dataclass(frozen=True, slots=True)
class OrganizationChoice:
    """An organization the viewer may switch to. `value` is what the switch form posts."""

    value: str
    label: str
    is_current: bool = False
    note: Text = ""


@dataclass(frozen=True, slots=True)
class OrganizationMenu:
    """The switcher at the top left. Posts `field_name`=value and `next` to `switch_url`."""

    current: str
    choices: Sequence[OrganizationChoice] = field(default_factory=tuple)
    switch_url: str = ""
    create_url: str = ""
    field_name: str = "organization"


def mark_active(sections: Iterable[NavSection], path: str) -> list[NavSection]:
    """The same sections with the one item active whose URL is the longest prefix of `path`."""
    sections = list(sections)
    scored = [
        (score, item)
        for section in sections
        for item in section.items
        if (score := _score(item, path))
    ]
    best = max(scored, key=lambda pair: pair[0])[1] if scored else None
    return [
        replace(section, items=[replace(item, is_active=item is best) for item in section.items])
        for section in sections
    ]


def _score(item: NavItem, path: str) -> int:
    """Length of the prefix that makes `path` part of the item; 0 when it is not."""
    if path == item.url:
        return len(path) + 1
    prefixes = item.also if item.is_exact else (item.url, *item.also)
    return max((len(prefix) for prefix in prefixes if path.startswith(prefix)), default=0)
