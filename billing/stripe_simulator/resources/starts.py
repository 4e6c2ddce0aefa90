"""How a subscription starts: billing mode, trial, and the anchor of its cycle."""

from calendar import monthrange
from datetime import UTC, datetime
from typing import Any

from billing.stripe_simulator.errors import not_simulated, wrong
from billing.stripe_simulator.periods import boundary
from billing.stripe_simulator.resources.cycles import items_of
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

DAY = 86_400


def billing_mode(given: dict[str, Any], now: int) -> Obj:
    """Return the flexible mode, which is the default."""
    mode = given.get("billing_mode") or {"type": "flexible"}
    if mode["type"] == "classic":
        raise not_simulated("the classic billing mode", "billing_mode[type]")
    asked = mode.get("flexible") or {}
    flexible = {"proration_discounts": asked.get("proration_discounts", "included")}
    return {"type": "flexible", "flexible": flexible, "updated_at": now}


def trial_end(given: dict[str, Any], now: int) -> int | None:
    """Return when the trial that is asked for ends, if one is."""
    if "trial_end" in given and "trial_period_days" in given:
        raise wrong("You may only specify one of `trial_end` and `trial_period_days`.", "trial_end")
    if given.get("trial_period_days"):
        return now + int(given["trial_period_days"]) * DAY
    end_at = given.get("trial_end")
    if end_at in (None, "now"):
        return None
    if end_at <= now:
        raise wrong(
            "Invalid timestamp: must be an integer Unix timestamp in the future.", "trial_end"
        )
    return int(end_at)


def anchor(world: World, subscription: Obj, given: dict[str, Any], now: int) -> int:
    """Return the anchor of a cycle that starts now: now, or the day that was asked for."""
    price = world.get("price", items_of(world, subscription)[0]["price"])
    interval, count = price["recurring"]["interval"], price["recurring"]["interval_count"]
    latest = boundary(now, interval, count, 1)
    if config := given.get("billing_cycle_anchor_config"):
        return _configured_anchor(config, now)
    wanted = given.get("billing_cycle_anchor", now)
    if not now <= wanted <= latest:
        raise wrong(
            "billing_cycle_anchor must lie between now and the next natural billing date.",
            "billing_cycle_anchor",
        )
    return int(wanted)


def _configured_anchor(config: dict[str, int], now: int) -> int:
    """Return the next instant of a day of the month, with the time of day that is stated."""
    start = datetime.fromtimestamp(now, UTC)
    if "month" in config:
        raise not_simulated("a month in billing_cycle_anchor_config", "billing_cycle_anchor_config")
    parts: dict[str, Any] = {
        name: config[name] for name in ("hour", "minute", "second") if name in config
    }
    for month_later in range(3):
        year, month = divmod(start.year * 12 + start.month - 1 + month_later, 12)
        day = min(config["day_of_month"], monthrange(year, month + 1)[1])
        moment = start.replace(year=year, month=month + 1, day=day, **parts)
        if moment.timestamp() > now:
            return int(moment.timestamp())
    raise AssertionError("every month has such a day")
