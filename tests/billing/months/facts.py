"""A random customer's months as facts, and what they cost by the documents: none of the engine.

The rules are those of docs/adr/0018, 0021 and 0022, in fractions and in the plainest way.
"""

import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.billing.rating.oracle import MINOR, minor, usage_price

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Europe/London", "Asia/Kolkata")
CURRENCIES = ("EUR", "USD", "JPY", "GBP", "CHF")
# Calls are made for so many days, the last ones come so much later, and then all is closed.
LIVED, LATEST, OVER = 62, 12, 108


@dataclass
class Price:
    """A plan, in numbers as text."""

    model: str
    numbers: object
    included: int
    fees: list
    minimum: str
    setup: str


@dataclass
class Grant:
    given_at: datetime
    amount: int
    priority: int
    expires_at: datetime | None
    left: int = 0


@dataclass
class Facts:
    """What happens, all of it decided beforehand."""

    seed: int
    zone: str
    currency: str
    is_anniversary: bool
    start: datetime
    trial_days: int
    plans: dict
    changes: list  # (instant, "plan" | "pause" | "resume" | "cancel")
    calls: list  # (instant, delivered at)
    discounts: list  # (given at, "percent" | "amount", number, ends at)
    grants: list
    # By plan: what of the calls was on it; set while the months are lived.
    made: list = field(default_factory=list)

    @property
    def trial_end(self):
        if not self.trial_days:
            return None
        first = self.start.astimezone(ZoneInfo(self.zone)).date()
        return self.midnight(first + (self.trial_days + 1) * DAY)

    def midnight(self, day):
        local = datetime.combine(day, time(), tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        return local if local.minute == 0 else local.replace(minute=0) + HOUR

    def periods(self, until):
        """Whole periods from the first one on that have begun before `until`."""
        first = self.start.astimezone(ZoneInfo(self.zone)).date()
        day = first.day if self.is_anniversary else 1
        months = first.year * 12 + first.month - 1
        found = []
        while (begin := self.midnight(_day_of(months, day))) < until:
            found.append((begin, self.midnight(_day_of(months + 1, day))))
            months += 1
        return found

    def stays(self, end):
        """(plan, from, until) of its active time."""
        plan, since = "A", self.start
        if self.is_anniversary:  # the first day counts whole
            since = self.midnight(self.start.astimezone(ZoneInfo(self.zone)).date())
        found = []
        for at, kind in self.changes:
            if since is not None:
                found.append((plan, since, at))
            since = None if kind in {"pause", "cancel"} else at
            plan = "B" if kind == "plan" else plan
        if since is not None:
            found.append((plan, since, end))
        return found

    def plan_at(self, instant):
        for plan, since, until in self.stays(datetime.max.replace(tzinfo=UTC)):
            if since <= instant < until:
                return plan
        return None

    def bill(self, begin, end):
        """What a period comes to with all of its usage, in minor units."""
        total = 0
        stays = self.stays(end + 1000 * DAY)
        for plan in sorted({plan for plan, _since, _until in stays}):
            total += self._of_plan(plan, stays, begin, end)
        for kind in ("percent", "amount"):
            for given, its, number, ends in self.discounts:
                if its != kind or not given <= end < ends:
                    continue
                if kind == "percent":
                    cut = minor(
                        Fraction(total, MINOR[self.currency]) * Fraction(number) / 100,
                        self.currency,
                    )
                else:
                    cut = minor(Fraction(number), self.currency)
                total -= min(total, cut)
        return total

    def _of_plan(self, plan, stays, begin, end):
        price = self.plans[plan]
        free_until = self.trial_end or begin
        spans = [
            (max(since, begin, free_until), min(until, end))
            for its, since, until in stays
            if its == plan
        ]
        spans = [(since, until) for since, until in spans if since < until]
        held = sum(((until - since) for since, until in spans), timedelta())
        share = Fraction(held // timedelta(seconds=1), (end - begin) // timedelta(seconds=1))
        total = sum(minor(Fraction(fee) * share, self.currency) for fee in price.fees)
        used = sum(1 for at, its in self.made if its == plan and max(begin, free_until) <= at < end)
        total += minor(
            usage_price(price.model, price.numbers, price.included, 0, used), self.currency
        )
        total = max(total, minor(Fraction(price.minimum) * share, self.currency))
        paid = [
            max(since, free_until if self.trial_end else since)
            for its, since, until in stays
            if its == plan and until > (self.trial_end or since)
        ]
        if paid and begin <= min(paid) < end:
            total += minor(Fraction(price.setup), self.currency)
        return total

    def pay(self, due, closed_at, end):
        """What the grants that exist pay of a bill whose period ended at `end`."""
        usable = [
            grant
            for grant in self.grants
            if grant.given_at <= closed_at and grant.left and (grant.expires_at or end + DAY) > end
        ]
        far = datetime.max.replace(tzinfo=UTC)
        paid = 0
        for grant in sorted(usable, key=lambda g: (g.priority, g.expires_at or far, g.given_at)):
            part = max(0, min(grant.left, due - paid))
            grant.left -= part
            paid += part
        return paid


def _day_of(months, day):
    year, month = divmod(months, 12)
    following = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day, (following - DAY).day))


def random_facts(seed):
    rng = random.Random(f"months {seed}")
    zone, currency = rng.choice(ZONES), rng.choice(CURRENCIES)
    start = datetime(2027, rng.randrange(1, 13), rng.randrange(1, 29), tzinfo=UTC)
    start += timedelta(hours=rng.randrange(24), minutes=17, seconds=rng.randrange(60))
    facts = Facts(
        seed=seed,
        zone=zone,
        currency=currency,
        is_anniversary=rng.random() < 0.5,
        start=start,
        trial_days=rng.choice([0, 0, 0, 3, 14]),
        plans={"A": _price(rng), "B": _price(rng)},
        changes=[],
        calls=[],
        discounts=_discounts(rng, start),
        grants=_grants(rng, start),
    )
    facts.changes = _changes(rng, facts)
    facts.calls = _calls(rng, facts)
    return facts


def _decimal(rng, top=3000):
    digits = rng.choice([0, 1, 2, 2, 3])
    return f"{rng.randrange(top) / 10**digits:.{digits}f}"


def _price(rng):
    model = rng.choice(["per_unit", "graduated", "volume", "package"])
    bounds = sorted({rng.randrange(1, 30) for _ in range(rng.randrange(1, 4))})
    tiers = [
        (bound, _decimal(rng, 500), rng.choice(["0", "0", _decimal(rng, 900)]))
        for bound in [*bounds, None]
    ]
    numbers = {
        "per_unit": _decimal(rng, 500),
        "graduated": tiers,
        "volume": tiers,
        "package": (rng.randrange(1, 9), _decimal(rng, 900)),
    }[model]
    return Price(
        model=model,
        numbers=numbers,
        included=rng.choice([0, 0, rng.randrange(1, 9)]),
        fees=[_decimal(rng) for _ in range(rng.choice([0, 1, 1, 2]))],
        minimum=rng.choice(["0", "0", _decimal(rng, 9000)]),
        setup=rng.choice(["0", _decimal(rng)]),
    )


def _changes(rng, facts):
    """At most a change of plan, a pause and an end, in this order, none in a trial but the end."""
    at = facts.start + timedelta(days=1, hours=rng.randrange(48))
    if rng.random() < 0.15:
        return [(at, "cancel")]
    at = max(at, (facts.trial_end or at) + timedelta(hours=rng.randrange(1, 200), seconds=7))
    found = []
    if rng.random() < 0.5:
        found.append((at, "plan"))
        at += timedelta(hours=rng.randrange(1, 300), minutes=11)
    if rng.random() < 0.4:
        found.append((at, "pause"))
        at += timedelta(hours=rng.randrange(1, 400), minutes=23)
        found.append((at, "resume"))
        at += timedelta(hours=rng.randrange(1, 200))
    if rng.random() < 0.3:
        found.append((at, "cancel"))
    return found


def _calls(rng, facts):
    found = []
    for _ in range(rng.randrange(70)):
        at = facts.start + timedelta(seconds=rng.randrange(LIVED * 86_400))
        late = rng.choice([0, 0, 0, rng.randrange(LATEST * 24)])
        if facts.plan_at(at):
            found.append((at, at + late * HOUR))
    return sorted(found, key=lambda call: call[1])


def _discounts(rng, start):
    found = []
    for _ in range(rng.choice([0, 0, 1, 2])):
        kind = rng.choice(["percent", "amount"])
        number = str(rng.randrange(1, 1001) / 10) if kind == "percent" else _decimal(rng, 900)
        if float(number) > 0:
            end = start + timedelta(days=rng.randrange(20, 200), minutes=31)
            found.append((start, kind, number, end))
    return found


def _grants(rng, start):
    """Given at the beginning, so that none is between a period's end and its close."""
    found = []
    for _ in range(rng.choice([0, 0, 1, 3])):
        amount = rng.randrange(1, 9000)
        expires = rng.choice([None, start + timedelta(days=rng.randrange(10, 90), minutes=41)])
        found.append(Grant(start, amount, rng.choice([10, 50, 50]), expires, amount))
    return found
