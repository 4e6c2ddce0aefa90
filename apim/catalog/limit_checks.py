"""Which limits can be, alone and beside each other."""

from __future__ import annotations

import re
from itertools import permutations
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from django.utils.translation import gettext as _

from apim.catalog.errors import LimitsInvalid
from apim.catalog.limit_terms import (
    GROUP_MAX_LENGTH,
    NAME_MAX_LENGTH,
    QUOTA_MAX,
    LimitKind,
    LimitPer,
    LimitWindow,
    default_name,
    every_max,
    in_order,
    length_seconds,
)
from apim.catalog.limit_words import span

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from apim.catalog.limit_terms import Terms
    from apim.catalog.models import Limit

NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
LIMITS_MAX = 50


class LimitInput(NamedTuple):
    """A limit as somebody wants it; `("day", 100)` is one too."""

    window: str
    quota: int
    kind: str = LimitKind.CALENDAR
    every: int = 1
    per: str = LimitPer.APPLICATION
    group: str = ""
    is_soft: bool = False
    name: str = ""

    @property
    def policy_name(self) -> str:
        return self.name or default_name(
            window=self.window,
            every=self.every,
            per=self.per,
            group=self.group,
            is_soft=self.is_soft,
        )


def input_of(limit: Limit) -> LimitInput:
    return LimitInput(
        window=limit.window,
        quota=limit.quota,
        kind=limit.kind,
        every=limit.every,
        per=limit.per,
        group=limit.group,
        is_soft=limit.is_soft,
        name=limit.name,
    )


def checked_limits(given: Iterable[LimitInput | tuple[str, int]]) -> list[LimitInput]:
    """The limits in the order in which they are asked.

    Raises LimitsInvalid, whose fields name the limit's number and its part: `limits/0/every`.
    """
    limits = [LimitInput(*one) for one in given]
    if len(limits) > LIMITS_MAX:
        message = _("A plan has at most %(max)d limits.") % {"max": LIMITS_MAX}
        raise LimitsInvalid(message, fields={"limits": [message]})
    for index, limit in enumerate(limits):
        _check(limit, index)
    names: set[str] = set()
    for index, limit in enumerate(limits):
        if limit.policy_name in names:
            message = _("There is another limit named “%(name)s”. Give one of them another name.")
            _refuse(index, "name", message % {"name": limit.policy_name})
        names.add(limit.policy_name)
    _check_reachable(limits)
    return in_order(limits)


def warnings_of(limits: Sequence[Terms], *, groups: Collection[str]) -> tuple[str, ...]:
    """What is allowed but hardly meant: limits that others forestall, groups nobody is in.

    `groups` are those of the plan's operations.
    """
    found = []
    for limit in limits:
        if limit.group and limit.group not in groups:
            message = _("“%(limit)s” counts nothing: no operation is in the group “%(group)s”.")
            found.append(message % {"limit": span(limit), "group": limit.group})
    for limit, other in permutations(limits, 2):
        if _forestalls(other, limit):
            message = _("“%(limit)s” is never reached: “%(other)s” comes first.")
            found.append(message % {"limit": span(limit), "other": span(other)})
    return tuple(found)


def _check(limit: LimitInput, index: int) -> None:
    _one_of(limit.kind, LimitKind.values, index, "kind")
    _one_of(limit.per, LimitPer.values, index, "per")
    if not _is_whole(limit.quota) or not 1 <= limit.quota <= QUOTA_MAX:
        _refuse(index, "quota", _("A limit is a whole number of calls, at least 1."))
    if limit.kind == LimitKind.CONCURRENT:
        if limit.window:
            _refuse(index, "window", _("Calls at the same time have no window: leave it empty."))
        if limit.is_soft:
            _refuse(index, "is_soft", _("A limit on calls at the same time cannot be soft."))
    else:
        _one_of(limit.window, LimitWindow.values, index, "window")
    _check_every(limit, index)
    if len(limit.group) > GROUP_MAX_LENGTH or "\0" in limit.group:
        message = _("At most %(max)d characters.") % {"max": GROUP_MAX_LENGTH}
        _refuse(index, "group", message)
    if limit.name and (len(limit.name) > NAME_MAX_LENGTH or not NAME.fullmatch(limit.name)):
        message = _("Up to %(max)d lower-case letters, digits, hyphens and underscores.")
        _refuse(index, "name", message % {"max": NAME_MAX_LENGTH})


def _check_every(limit: LimitInput, index: int) -> None:
    if limit.kind in {LimitKind.CALENDAR, LimitKind.CONCURRENT}:
        if limit.every != 1:
            message = _("Only fixed and sliding windows can be several units long: set 1.")
            _refuse(index, "every", message)
        return
    most = every_max(limit.window)
    if not _is_whole(limit.every) or not 1 <= limit.every <= most:
        message = _("Between 1 and %(max)d: a window is at most 31 days long.") % {"max": most}
        _refuse(index, "every", message)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _one_of(value: str, known: Sequence[str], index: int, part: str) -> None:
    if value not in known:
        message = _("“%(value)s” is not one of %(known)s.")
        _refuse(index, part, message % {"value": value, "known": ", ".join(known)})


def _check_reachable(limits: Sequence[LimitInput]) -> None:
    """Of the same calls, more per day than per month can only be a slip of the pen."""
    for (index, limit), (_index, longer) in permutations(enumerate(limits), 2):
        alike = (limit.kind, limit.per, limit.group, limit.is_soft) == (
            longer.kind,
            longer.per,
            longer.group,
            longer.is_soft,
        )
        if alike and length_seconds(limit) < length_seconds(longer) and limit.quota > longer.quota:
            message = _("“%(limit)s” can never be reached with “%(longer)s”.")
            _refuse(index, "quota", message % {"limit": span(limit), "longer": span(longer)})


def _forestalls(other: Terms, limit: Terms) -> bool:
    """Whether `other` refuses before `limit` is reached, whoever calls whatever."""
    order = LimitPer.values
    counts_the_same = order.index(other.per) <= order.index(limit.per) and other.group in {
        "",
        limit.group,
    }
    if other.is_soft or not counts_the_same or bool(other.window) != bool(limit.window):
        return False
    length, longer = length_seconds(limit), length_seconds(other)
    if longer >= length:
        return other.quota < limit.quota
    # A shorter window lets its quota through this often, once more where the two are not aligned.
    return other.quota * (-(-length // longer) + 1) < limit.quota


def _refuse(index: int, part: str, message: str) -> NoReturn:
    raise LimitsInvalid(message, fields={f"limits/{index}/{part}": [message]})
