"""What lending calls to gateways costs: calls that a quota allowed and that nobody came to make.

Lent calls count at once. A window that refused calls although some of it was lent, and never made,
admitted too little: by how much is its quota less the calls that the usage log shows. Who knows the
log registers here, since this app must not know it; see analytics/used_up.py.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import redis

from apim.accounts.models import Organization
from apim.catalog import limit_words
from apim.catalog.limit_terms import LimitKind, LimitPer
from apim.catalog.models import Product
from apim.core.errors import TransientError
from apim.gateway.authorizer.lending import HOURS, KEPT_SECONDS, LENT, RECALLS, RETURNED, USED_UP
from apim.gateway.redis_connection import connection
from apim.gateway.restored_counters import redis_now
from apim.keys.models import ApiKey, Application

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

logger = logging.getLogger(__name__)

# By then the log has the window's calls.
SETTLED_SECONDS = 60
WINDOWS = "x:lending:windows"
MAX_WINDOWS = 500
SHOWN_HOURS = 24
# Sums beside those of the authorizers.
WINDOW_COUNT, QUOTA, MADE = "windows", "quota", "made"

# What a counter's owner is, by the beginning of its id.
_PER = {"org": LimitPer.ORGANIZATION, "app": LimitPer.APPLICATION, "key": LimitPer.KEY}

_sources: list[Callable[[str, int, int], int | None]] = []


class Measured(msgspec.Struct, frozen=True):
    """A window that was used up; `start` and `end` in unix seconds."""

    counter: str
    quota: int
    made: int
    start: int
    end: int


@dataclass(frozen=True)
class UsedUpWindow:
    """A window of a hard limit that refused calls, after its end.

    `owner` is whose calls were counted: an organization, application or key. `made` are the calls
    of it in the usage log, weighted by their cost.
    """

    owner: str
    owner_name: str
    product_name: str
    kind: str
    window: str
    every: int
    per: str
    group: str
    quota: int
    made: int
    started_at: datetime
    ended_at: datetime
    # Only hard limits refuse.
    is_soft = False

    @property
    def heading(self) -> str:
        """The limit without its quota, for instance `Per day`."""
        return limit_words.heading(self)

    @property
    def never_made(self) -> int:
        """Calls that were lent and neither made nor given back in time."""
        return max(0, self.quota - self.made)

    @property
    def never_made_share(self) -> float:
        return self.never_made / self.quota


@dataclass(frozen=True, slots=True)
class LendingReport:
    """Calls of the last day, over all gateways that are lent calls.

    `recalls`: how often a limit had no room while calls of it might be lent, and they were asked
    back. `quota` and `made` are those of the `window_count` windows that were used up; `windows`
    those of them with most calls never made.
    """

    lent: int
    returned: int
    recalls: int
    window_count: int
    quota: int
    made: int
    windows: tuple[UsedUpWindow, ...]

    @property
    def returned_share(self) -> float:
        return min(1.0, self.returned / self.lent) if self.lent else 0.0

    @property
    def never_made(self) -> int:
        return max(0, self.quota - self.made)

    @property
    def never_made_share(self) -> float:
        return self.never_made / self.quota if self.quota else 0.0


def register(source: Callable[[str, int, int], int | None]) -> None:
    """Name who tells how many calls of a counter the log shows from one unix second to another.

    It takes the counter's name without the window's start, and gives None when it cannot tell.
    """
    if source not in _sources:
        _sources.append(source)


def measure() -> int:
    """Look at windows that were used up and are over; return how many.

    Whoever takes one off the list measures it: one that is lost with a worker is not measured.
    """
    waiting: Any = connection().hgetall(USED_UP)
    now = redis_now()
    measured = 0
    for raw, facts in waiting.items():
        quota, end = (int(number) for number in facts.split())
        if now < end + SETTLED_SECONDS or not connection().hdel(USED_UP, raw):
            continue
        counter, _, start = raw.decode().rpartition(":")
        for source in _sources:
            made = source(counter, int(start), end)
            if made is not None:
                _store(Measured(counter, quota, min(made, quota), int(start), end))
                measured += 1
    return measured


def _store(one: Measured) -> None:
    hour = f"{HOURS}{one.end // 3600 * 3600}"
    pipe = connection().pipeline(transaction=False)
    pipe.lpush(WINDOWS, msgspec.json.encode(one))
    pipe.ltrim(WINDOWS, 0, MAX_WINDOWS - 1)
    pipe.expire(WINDOWS, KEPT_SECONDS)
    for name, number in ((WINDOW_COUNT, 1), (QUOTA, one.quota), (MADE, one.made)):
        pipe.hincrby(hour, name, number)
    pipe.expire(hour, KEPT_SECONDS)
    pipe.execute()
    if one.made < one.quota:
        logger.info(
            "%s: %d of %d calls were lent and never made",
            one.counter,
            one.quota - one.made,
            one.quota,
        )


def lending_report(*, windows: int = 20) -> LendingReport:
    """What was lent in the last day and what came of it. Raises TransientError without Redis."""
    try:
        sums, measured = _read()
    except redis.RedisError as error:
        raise TransientError from error
    worst = sorted(measured, key=lambda one: (one.made - one.quota, -one.end))[:windows]
    return LendingReport(
        lent=sums.get(LENT, 0),
        returned=sums.get(RETURNED, 0),
        recalls=sums.get(RECALLS, 0),
        window_count=sums.get(WINDOW_COUNT, 0),
        quota=sums.get(QUOTA, 0),
        made=sums.get(MADE, 0),
        windows=_named(worst),
    )


def _read() -> tuple[dict[str, int], list[Measured]]:
    now = int(redis_now())
    this_hour = now // 3600 * 3600
    pipe = connection().pipeline(transaction=False)
    for ago in range(SHOWN_HOURS):
        pipe.hgetall(f"{HOURS}{this_hour - 3600 * ago}")
    pipe.lrange(WINDOWS, 0, -1)
    *hours, listed = pipe.execute()
    sums: dict[str, int] = {}
    for hour in hours:
        for name, number in hour.items():
            sums[name.decode()] = sums.get(name.decode(), 0) + int(number)
    since = this_hour - 3600 * (SHOWN_HOURS - 1)
    measured = [msgspec.json.decode(raw, type=Measured) for raw in listed]
    return sums, [one for one in measured if one.end >= since]


class _Part(NamedTuple):
    one: Measured
    owner: str
    product: str
    what: str


def _named(measured: Iterable[Measured]) -> tuple[UsedUpWindow, ...]:
    """With the names that people know; what is gone since keeps its id."""
    parts = [_Part(one, *one.counter.split(":", 3)[1:]) for one in measured]
    owners = {part.owner for part in parts}
    names: dict[str, str] = {}
    if owners:
        names |= dict(_titles(Organization, owners)) | dict(_titles(Application, owners))
        keys = ApiKey.objects.filter(public_id__in=owners)
        names |= {key.public_id: key.name or str(key) for key in keys}
        names |= dict(_titles(Product, {part.product for part in parts}))
    return tuple(
        UsedUpWindow(
            owner=owner,
            owner_name=names.get(owner, owner),
            product_name=names.get(product, product),
            **_terms(what),
            per=_PER.get(owner.partition("_")[0], LimitPer.APPLICATION),
            quota=one.quota,
            made=one.made,
            started_at=datetime.fromtimestamp(one.start, UTC),
            ended_at=datetime.fromtimestamp(one.end, UTC),
        )
        for one, owner, product, what in parts
    )


def _terms(what: str) -> dict[str, Any]:
    """Read the end of a counter's name, as counting.py writes it."""
    named, _, group = what.partition("@")
    kind, _, rest = named.rpartition("-")[0].partition("-")
    return {
        "kind": kind or LimitKind.CALENDAR,
        "every": int(rest or 1),
        "window": named.rpartition("-")[2],
        "group": group,
    }


def _titles(model: Any, public_ids: Iterable[str]) -> Iterable[tuple[str, str]]:
    rows: Iterable[tuple[str, str]] = model.objects.filter(
        public_id__in=list(public_ids)
    ).values_list("public_id", "name")
    return rows
