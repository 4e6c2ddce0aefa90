"""Where limits stand, read from the counters that decide calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import redis

from apim.catalog import limit_words
from apim.catalog.limit_terms import LimitKind, LimitPer, in_order
from apim.core import clock
from apim.core.errors import TransientError
from apim.gateway.counting import Counted, Owners, counted
from apim.gateway.grant_format import LimitGrant
from apim.gateway.redis_connection import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.catalog.models import Limit
    from apim.keys.models import ApiKey, KeyLimit, Subscription

# A pace says something once this share of the window is over; in shorter windows nobody waits.
PACE_SHARE = 0.02
PACE_WINDOW = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class LimitStanding:
    """How much of one limit is used at `read_at`.

    `key` is the API key that a limit per key counts for. `resets_at` is when the window ends; for
    a sliding one when the oldest calls leave it, None while it is empty. A concurrent limit has
    none: its calls end when they are answered.
    """

    name: str
    kind: str
    window: str
    every: int
    per: str
    group: str
    is_soft: bool
    quota: int
    used: int
    read_at: datetime
    started_at: datetime | None = None
    resets_at: datetime | None = None
    key: ApiKey | None = None

    @property
    def remaining(self) -> int:
        return max(0, self.quota - self.used)

    @property
    def overage(self) -> int:
        """Calls beyond a soft limit, in this window."""
        return max(0, self.used - self.quota) if self.is_soft else 0

    @property
    def words(self) -> str:
        """What the limit says."""
        return limit_words.sentence(self)

    @property
    def heading(self) -> str:
        """The limit without its quota, for instance `Per day`."""
        return limit_words.heading(self)

    @property
    def exhausts_at(self) -> datetime | None:
        """When the quota will be used up if calls come as they did since the window began.

        None when it lasts until the window ends, is used up already, or nothing can be said.
        """
        if self.started_at is None or self.resets_at is None or not self.remaining:
            return None
        elapsed, length = self.read_at - self.started_at, self.resets_at - self.started_at
        if length < PACE_WINDOW or elapsed < length * PACE_SHARE or not self.used:
            return None
        if self.quota * (elapsed / length) >= self.used:
            return None  # also where the date would lie beyond the calendar's last year
        return self.started_at + elapsed * (self.quota / self.used)


class _Asked(NamedTuple):
    """A limit, the counter it is held against, and the key it counts for."""

    counted: Counted
    key: ApiKey | None


def limit_standings(
    subscription: Subscription, keys: Sequence[ApiKey] = ()
) -> tuple[LimitStanding, ...]:
    """Where each limit of the subscription's plan stands, in the order in which they are asked.

    Limits per key, the plan's and the keys' own, are told for each of `keys` (with `limits`
    loaded). One round trip. Raises TransientError when the counters cannot be reached.
    """
    asked = list(_asked(subscription, keys))
    if not asked:
        return ()
    now = clock.now()
    pipe = connection().pipeline(transaction=False)
    for one in asked:
        _ask(pipe, one.counted, now)
    try:
        answers = pipe.execute()
    except redis.RedisError as error:
        raise TransientError from error
    return tuple(_standing(one, answer, now) for one, answer in zip(asked, answers, strict=True))


def _asked(subscription: Subscription, keys: Sequence[ApiKey]) -> Iterable[_Asked]:
    limits = in_order(subscription.plan.limits.all())
    for limit in limits:
        if limit.per != LimitPer.KEY:
            yield _Asked(_counted(limit, subscription, None), None)
    for key in keys:
        for limit in limits:
            if limit.per == LimitPer.KEY:
                yield _Asked(_counted(limit, subscription, key), key)
        for own in key.limits.all():
            yield _Asked(_counted(own, subscription, key), key)


def _counted(limit: Limit | KeyLimit, subscription: Subscription, key: ApiKey | None) -> Counted:
    organization = subscription.organization
    owners = Owners(
        organization=organization.public_id,
        application=subscription.application.public_id,
        key=key.public_id if key else "",
        product=subscription.product.public_id,
        zone=organization.time_zone,
    )
    grant = LimitGrant(
        name=limit.policy_name,
        quota=limit.quota,
        window=limit.window,
        kind=limit.kind,
        every=limit.every,
        per=getattr(limit, "per", LimitPer.KEY),
        group=limit.group,
        soft=getattr(limit, "is_soft", False),
    )
    (bound,) = counted([grant], owners)
    return bound


def _ask(pipe: Any, one: Counted, now: datetime) -> None:
    """See authorizer/take.lua for what the counters hold."""
    if one.limit.kind == LimitKind.SLIDING:
        pipe.hgetall(one.name)
    elif one.limit.kind == LimitKind.CONCURRENT:
        pipe.zcount(one.name, f"({_milliseconds(now)}", "+inf")
    else:
        pipe.get(f"{one.name}:{one.window(now.timestamp()).start}")


def _standing(asked: _Asked, answer: Any, now: datetime) -> LimitStanding:
    limit = asked.counted.limit
    used, started_at, resets_at = 0, None, None
    if limit.kind == LimitKind.SLIDING:
        used, resets_at = _sliding(asked.counted, answer, now)
    elif limit.kind == LimitKind.CONCURRENT:
        used = int(answer)
    else:
        used = int(answer or 0)
        window = asked.counted.window(now.timestamp())
        started_at = datetime.fromtimestamp(window.start, UTC)
        resets_at = datetime.fromtimestamp(window.end, UTC)
    return LimitStanding(
        name=limit.name,
        kind=limit.kind,
        window=limit.window,
        every=limit.every,
        per=limit.per,
        group=limit.group,
        is_soft=limit.soft,
        quota=limit.quota,
        used=max(used, 0),
        read_at=now,
        started_at=started_at,
        resets_at=resets_at,
        key=asked.key,
    )


def _sliding(one: Counted, parts: dict[bytes, bytes], now: datetime) -> tuple[int, datetime | None]:
    """Calls in the parts that still count, and when the oldest of them stops counting."""
    length, part = one.length_seconds * 1000, one.part_milliseconds
    first = (_milliseconds(now) - length) // part
    counts = {int(number): int(calls) for number, calls in parts.items()}
    kept = {number: calls for number, calls in counts.items() if number >= first and calls > 0}
    if not kept:
        return 0, None
    leaves = (min(kept) + 1) * part + length
    return sum(kept.values()), datetime.fromtimestamp(leaves / 1000, UTC)


def _milliseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)
