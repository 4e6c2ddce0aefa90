"""Everything the simulator knows: objects, time, what is switched on, and who hears of changes."""

import copy
import hashlib
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from billing.stripe_simulator.errors import missing
from billing.stripe_simulator.rendering import rendered
from billing.stripe_simulator.shapes import api_version
from billing.stripe_simulator.store import Obj, Store

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
REAL = ""  # the frame of objects on no test clock
RECENT_SECONDS = 30 * 86_400  # Stripe answers events of the last 30 days

# What the control API can change, and what Stripe does by default.
DEFAULTS: dict[str, Any] = {
    "seed": "",
    "issued": 0,
    "offset_seconds": 0,
    "frozen_at": None,
    # Rules that take time or chance at Stripe.
    "finalization_grace_seconds": 3_600,
    "meter_event_seconds": 0.002,
    "meter_error_report_seconds": 1,
    "summary_lag_seconds": 0,
    # docs.stripe.com/rate-limits: 25 in test mode, 100 live; an operation 25; with live keys meter
    # events have 1,000 apart from the others. None: no limit.
    "calls_per_second": None,
    "calls_per_second_each": None,
    "meter_events_per_second": None,
    "answer_seconds": 0,
    "payment_retry_days": [3, 5, 7],
    "after_last_retry": "past_due",
    "fail_payments": 0,
    "fail_requests": [],
    # docs.stripe.com/currencies, minimum charge amounts, in minor units.
    "minimum_charge": {
        **dict.fromkeys(("usd", "eur", "chf", "cad", "aud", "jpy"), 50),
        "gbp": 30,
        "dkk": 250,
        "nok": 300,
        "sek": 300,
        "pln": 200,
        "czk": 1_500,
    },
    "tax_percent": {"DE": "19", "FR": "20", "GB": "20", "NL": "21", "AT": "20", "CH": "8.1"},
    # Webhooks on demand: see deliveries.py.
    "retry_seconds": [2, 10, 60, 600, 3_600, 21_600, 43_200, 86_400],
    "webhook_delay_seconds": 0,
    "webhooks_paused": False,
    "drop_webhooks": 0,
    "duplicate_webhooks": 0,
    "shuffle_webhooks": False,
}


@dataclass
class World:
    """One account of the simulated Stripe. Not thread-safe: one request after the other."""

    store: Store
    secret_key: str
    base_url: str = ""
    # The endpoint that hears all, from the start and after a reset.
    webhook_url: str = ""
    webhook_secret: str = ""
    request: dict[str, Any] = field(default_factory=lambda: {"id": None, "idempotency_key": None})
    # How often each operation was asked for since the start or a reset; refusals by their reason.
    calls: Counter[str] = field(default_factory=Counter)
    _moments: dict[str, int] = field(default_factory=dict)

    @property
    def settings(self) -> Obj:
        found = self.store.get("_settings", "_settings")
        if found is None:
            found = self.store.put({"id": "_settings", "object": "_settings"})
        for name, value in DEFAULTS.items():
            found.setdefault(name, copy.deepcopy(value))
        return found

    def now(self, frame: str = REAL) -> int:
        """Return unix seconds on a test clock, or in the world outside of them."""
        if frame in self._moments:
            return self._moments[frame]
        if frame:
            return int(self.get("test_helpers.test_clock", frame)["frozen_time"])
        settings = self.settings
        at = time.time() if settings["frozen_at"] is None else settings["frozen_at"]
        return int(at + settings["offset_seconds"])

    @contextmanager
    def at(self, frame: str, moment: int) -> Iterator[None]:
        """Let it be `moment` in a frame while time is being caught up."""
        self._moments[frame] = moment
        try:
            yield
        finally:
            del self._moments[frame]

    def frame_of(self, customer_id: object) -> str:
        customer = self.store.get("customer", customer_id)
        return str((customer or {}).get("test_clock") or REAL)

    def get(self, kind: str, object_id: object, *, param: str = "id") -> Obj:
        """Return the object. Raises StripeProblem (404) if it does not exist."""
        found = self.store.get(kind, object_id)
        if found is None:
            raise missing(kind.rpartition(".")[2].replace("_", " "), object_id, param=param)
        return found

    def new_id(self, prefix: str) -> str:
        """Return an id that looks like Stripe's; the same seed gives the same row of ids."""
        settings = self.settings
        settings["issued"] += 1
        digest = hashlib.blake2b(f"{settings['seed']}:{settings['issued']}".encode()).digest()
        return f"{prefix}_" + "".join(ALPHABET[byte % 62] for byte in digest[:24])

    def add(self, obj: Obj, event: str | None = None) -> Obj:
        """Keep a new object, and tell of it."""
        if obj["object"] != "refund":  # the one kind that does not say so
            obj.setdefault("livemode", False)
        self.store.put(obj)
        if event:
            self.emit(event, obj)
        return obj

    def emit(self, kind: str, obj: Obj, before: Obj | None = None) -> Obj:
        """Record an event with a snapshot of the object; deliveries are planned from it."""
        snapshot = rendered(self, obj)
        data: dict[str, Any] = {"object": snapshot}
        if before is not None:
            changed = {name: old for name, old in before.items() if snapshot.get(name) != old}
            changed |= {name: None for name in snapshot if name not in before}
            data["previous_attributes"] = changed
        frame = str(obj.get("test_clock") or obj.get("_", {}).get("clock") or REAL)
        event = {
            "id": self.new_id("evt"),
            "object": "event",
            "api_version": api_version(),
            "created": self.now(frame),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": dict(self.request),
            "type": kind,
            "_": {"fresh": "yes", "recorded": self.now()},
        }
        return self.store.put(event)

    def snapshot(self, obj: Obj) -> Obj:
        """Return the object as shown, for `emit(..., before=)`."""
        return copy.deepcopy(rendered(self, obj))

    def update(self, obj: Obj, event: str, **changes: Any) -> Obj:
        before = self.snapshot(obj)
        obj |= changes
        self.emit(event, obj, before)
        return obj
