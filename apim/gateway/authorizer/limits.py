"""All limits of a subscription in one step inside Redis: all of them count a call, or none does.

Redis's clock decides; windows begin with the calendar's second, minute, hour, day, week (Monday)
and month in UTC.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

import hiredis

from apim.gateway.authorizer.redis_link import RedisAway, pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from apim.gateway.grant_format import LimitGrant

    Send = Callable[[bytes], Awaitable[Any]]

# KEYS[1] prefix of the counters; ARGV number of calls, window, quota, window, quota, ...
# Answer: how many of the calls were counted, then for each limit the calls that were left before
# and the seconds until reset, rounded up. A counter lives one minute beyond its window.
# days-from-civil after Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
SCRIPT = """
local now = tonumber(redis.call('TIME')[1])
local day = math.floor(now / 86400)
local fixed = {second = 1, minute = 60, hour = 3600, day = 86400}

local function month()
  local z = day + 719468
  local era = math.floor(z / 146097)
  local doe = z - era * 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524)
    - math.floor(doe / 146096)) / 365)
  local doy = doe - (365 * yoe + math.floor(yoe / 4) - math.floor(yoe / 100))
  local mp = math.floor((5 * doy + 2) / 153)
  local first = day - (doy - math.floor((153 * mp + 2) / 5))
  local m = mp < 10 and mp + 3 or mp - 9
  local y = yoe + era * 400 + (m <= 2 and 1 or 0)
  local length = ({31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31})[m]
  if m == 2 and (y % 4 == 0 and (y % 100 ~= 0 or y % 400 == 0)) then length = 29 end
  return first * 86400, (first + length) * 86400
end

local function bounds(window)
  local length = fixed[window]
  if length then
    local start = now - now % length
    return start, start + length
  elseif window == 'week' then
    local monday = day - (day + 3) % 7
    return monday * 86400, (monday + 7) * 86400
  end
  return month()
end

local names, ends = {}, {}
for i = 2, #ARGV, 2 do
  local start, stop = bounds(ARGV[i])
  names[#names + 1] = KEYS[1] .. ':' .. ARGV[i] .. ':' .. string.format('%d', start)
  ends[#ends + 1] = stop
end
local counts = redis.call('MGET', unpack(names))
local granted = tonumber(ARGV[1])
local answer = {granted}
for i, count in ipairs(counts) do
  local left = math.max(tonumber(ARGV[2 * i + 1]) - (tonumber(count) or 0), 0)
  granted = math.min(granted, left)
  answer[2 * i] = left
  answer[2 * i + 1] = ends[i] - now
end
answer[1] = granted
if granted > 0 then
  for i, name in ipairs(names) do
    redis.call('INCRBY', name, granted)
    if not counts[i] then redis.call('EXPIREAT', name, ends[i] + 60) end
  end
end
return answer
"""
SHA = hashlib.sha1(SCRIPT.encode()).hexdigest()  # noqa: S324 - Redis names scripts so
LOAD = pack("SCRIPT", "LOAD", SCRIPT)

# What RateLimit-Policy calls the window, in seconds; a month counts as 30 days there.
WINDOW_SECONDS = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
}


class Spent(NamedTuple):
    """Where one limit stands after the check."""

    limit: LimitGrant
    remaining: int
    reset_seconds: int


class Outcome(NamedTuple):
    """What became of one call. `remaining` and `reset_seconds` run along `limits`."""

    is_allowed: bool
    limits: Sequence[LimitGrant]
    remaining: Sequence[int]
    reset_seconds: Sequence[int]

    @property
    def spent(self) -> list[Spent]:
        return list(map(Spent, self.limits, self.remaining, self.reset_seconds))

    @property
    def violated(self) -> list[Spent]:
        return [one for one in self.spent if not self.is_allowed and one.remaining == 0]

    @property
    def retry_after_seconds(self) -> int:
        """When the last of the exhausted limits resets."""
        return max((one.reset_seconds for one in self.violated), default=0)


UNLIMITED = Outcome(is_allowed=True, limits=(), remaining=(), reset_seconds=())


class LimitCheck:
    """A plan's limits on one application, with everything that never changes prepared.

    Counted per application and product, so that subscribing anew starts no new count. Calls that
    arrive in the same turn of the loop are counted in one step.
    """

    def __init__(self, application_id: str, product_id: str, limits: Sequence[LimitGrant]) -> None:
        self.limits = sorted(limits, key=lambda limit: WINDOW_SECONDS[limit.window])
        self._prefix = f"c:{application_id}:{product_id}"
        self._arguments = [str(part) for one in self.limits for part in (one.window, one.quota)]
        self._command_for_one = self._command(1)
        self._waiting: list[asyncio.Future[Outcome]] = []
        self._policy = ", ".join(
            f'"{one.name}";q={one.quota};w={WINDOW_SECONDS[one.window]}' for one in self.limits
        ).encode()
        self._fields = ", ".join(f'"{one.name}";r=%d;t=%d' for one in self.limits).encode()

    def count(self, send: Send) -> asyncio.Future[Outcome]:
        """Count one call against every limit, or none. The future may hold RedisAway."""
        loop = asyncio.get_running_loop()
        if not self._waiting:
            loop.call_soon(self._flush, send)
        future: asyncio.Future[Outcome] = loop.create_future()
        self._waiting.append(future)
        return future

    def headers(self, outcome: Outcome) -> list[tuple[bytes, bytes]]:
        """draft-ietf-httpapi-ratelimit-headers-11, and the older names for the tightest limit."""
        remaining, resets = outcome.remaining, outcome.reset_seconds
        values = [value for pair in zip(remaining, resets, strict=True) for value in pair]
        least = min(remaining)
        tightest = remaining.index(least)
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", self._fields % tuple(values)),
            (b"x-ratelimit-limit", b"%d" % self.limits[tightest].quota),
            (b"x-ratelimit-remaining", b"%d" % least),
            (b"x-ratelimit-reset", b"%d" % resets[tightest]),
        ]

    def _command(self, calls: int) -> bytes:
        return pack("EVALSHA", SHA, 1, self._prefix, calls, *self._arguments)

    def _flush(self, send: Send) -> None:
        waiting, self._waiting = self._waiting, []
        calls = len(waiting)
        command = self._command_for_one if calls == 1 else self._command(calls)
        task = asyncio.ensure_future(self._spend(send, command, waiting))
        _running.add(task)
        task.add_done_callback(_running.discard)

    async def _spend(
        self, send: Send, command: bytes, waiting: list[asyncio.Future[Outcome]]
    ) -> None:
        try:
            reply = await _evaluate(send, command)
        except (RedisAway, hiredis.ReplyError) as error:
            for future in waiting:
                if not future.done():
                    future.set_exception(error)
            return
        granted, before, resets = reply[0], reply[1::2], reply[2::2]
        for number, future in enumerate(waiting, start=1):
            used = min(number, granted)
            remaining = [left - used for left in before]
            if not future.done():
                future.set_result(Outcome(number <= granted, self.limits, remaining, resets))


# The loop keeps only weak references to tasks.
_running: set[asyncio.Task[None]] = set()


async def _evaluate(send: Send, command: bytes) -> list[int]:
    """Run the script; a Redis that was restarted must be given it again."""
    try:
        reply: list[int] = await send(command)
    except hiredis.ReplyError as error:
        if "NOSCRIPT" not in str(error):
            raise
        await send(LOAD)
        reply = await send(command)
    return reply
