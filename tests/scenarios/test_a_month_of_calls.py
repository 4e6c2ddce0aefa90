"""A month told as it happens: publish, subscribe, call, rotate, exceed, arrive late, charge."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import time_machine

from analytics.intake import Receipt, receive
from analytics.reports import UsageFilters
from analytics.rollups import roll_up
from analytics.selectors import usage_series, usage_totals
from apim.audit.models import AuditEvent
from apim.catalog import services as catalog
from apim.core.clock import Period
from apim.core.money import Money
from apim.gateway.services import register_gateway
from apim.keys import services as keys
from billing.selectors import charges_overview, running_charges
from billing.services import set_price

NOVEMBER = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
DECEMBER = Period(datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC))
DOCUMENT = json.dumps(
    {
        "openapi": "3.1.0",
        "info": {"title": "Tides", "version": "1"},
        "servers": [{"url": "https://tides.example"}],
        "paths": {"/tides": {"get": {"responses": {"200": {"description": "Tides"}}}}},
    }
).encode()


class Acme:
    """What the story needs of Acme: its application, and the calls that the gateway reports."""

    def __init__(self, organization, actor, pia_actor) -> None:
        self.organization, self.actor = organization, actor
        api = catalog.create_api(actor=pia_actor, raw=DOCUMENT, version_name="v1")
        self.version = catalog.publish_version(actor=pia_actor, version=api.versions.get())
        product = catalog.create_product(actor=pia_actor, name="Sea", versions=[self.version])
        plan = catalog.create_plan(
            actor=pia_actor, product=product, name="Harbor", limits=[("day", 100)]
        )
        set_price(
            actor=pia_actor,
            plan=plan,
            currency="EUR",
            unit_amount=Decimal("0.015"),
            included_calls=5,
        )
        self.plan = catalog.publish_plan(actor=pia_actor, plan=plan)
        catalog.publish_product(actor=pia_actor, product=product)
        self.gateway = register_gateway(actor=pia_actor, name="Edge", kind="envoy").gateway
        self.application = keys.create_application(
            actor=actor, organization=organization, name="Boat"
        )
        self.subscription = keys.subscribe(
            actor=actor, application=self.application, plan=self.plan
        )
        self.sent = 0

    def lines(self, key, at: datetime, statuses: list[int]) -> list[dict]:
        rows = []
        for status in statuses:
            self.sent += 1
            is_denied = status in {401, 403, 429}
            rows.append(
                {
                    "id": f"call-{self.sent}",
                    "ts": at.isoformat(),
                    "type": "DownstreamEnd",
                    "method": "GET",
                    "path": f"{self.version.listen_path}/tides",
                    "status": status,
                    "duration_ms": 12,
                    "upstream_ms": None if is_denied else 10,
                    "request_bytes": 100,
                    "response_bytes": 300,
                    "key": key.public_id,
                    "application": self.application.public_id,
                    "subscription": self.subscription.public_id,
                    "version": self.version.public_id,
                    "environment": key.environment,
                    "decision": f"denied:{status}" if is_denied else "allowed",
                }
            )
        return rows

    def report(self, rows: list[dict]) -> Receipt:
        """What the shipper delivers, and the worker rolls up."""
        receipt = receive(gateway=self.gateway, body=json.dumps(rows).encode())
        while roll_up():
            pass
        return receipt

    def charge(self, period: Period) -> Money:
        (line,) = running_charges(self.organization, period).charges
        return line.amount


@pytest.mark.django_db(transaction=True)
def test_november_is_charged_for_what_was_served_and_december_by_its_own_price(
    acme, alice_actor, pia_actor
):
    with time_machine.travel(NOVEMBER.start + timedelta(hours=9), tick=False) as clock:
        story = Acme(acme, alice_actor, pia_actor)
        first = keys.issue_key(actor=alice_actor, application=story.application).key

        # Day 2: twelve served, one failed upstream, two refused. Only what was served is billable.
        clock.shift(timedelta(days=1))
        day_2 = story.lines(first, datetime.now(UTC), [200] * 10 + [404] * 2 + [502, 429, 429])
        assert story.report(day_2).accepted == 15
        assert story.charge(NOVEMBER) == Money(10, "EUR")  # 7 × 0.015 = 0.105, half to even

        # The shipper was killed before it saw the answer, and sends the same lines again.
        assert story.report(day_2).duplicates == 15
        assert story.charge(NOVEMBER) == Money(10, "EUR")

        # Day 15: rotation with a day of grace; both keys count for the same subscription.
        clock.shift(timedelta(days=13))
        issued = keys.rotate_key(actor=alice_actor, key=first, grace=timedelta(days=1))
        story.report(story.lines(first, datetime.now(UTC), [200] * 2))
        story.report(story.lines(issued.key, datetime.now(UTC), [200] * 3))
        assert story.charge(NOVEMBER) == Money(18, "EUR")  # 12 × 0.015

        # Day 20: the price goes up; November keeps what was agreed.
        clock.shift(timedelta(days=5))
        set_price(
            actor=pia_actor,
            plan=story.plan,
            currency="EUR",
            unit_amount=Decimal("0.02"),
            included_calls=0,
        )
        assert story.charge(NOVEMBER) == Money(18, "EUR")

        # Day 30: a gateway was cut off on the 10th and delivers only now.
        clock.shift(timedelta(days=10))
        late = datetime(2026, 11, 10, 12, tzinfo=UTC)
        story.report(story.lines(first, late, [200] * 4))
        assert story.charge(NOVEMBER) == Money(24, "EUR")  # 16 × 0.015
        by_day = usage_series(acme, period=NOVEMBER, bucket="day", filters=UsageFilters())
        calls = dict(zip(by_day.buckets, by_day.series[0].calls, strict=True))
        assert calls[late.replace(hour=0)] == 4

        # December: the new price.
        clock.move_to(DECEMBER.start + timedelta(days=2))
        story.report(story.lines(issued.key, datetime.now(UTC), [200] * 3))
        assert story.charge(DECEMBER) == Money(6, "EUR")
        assert story.charge(NOVEMBER) == Money(24, "EUR")

        # Finance sees the same figures, and every change has somebody behind it.
        assert charges_overview(NOVEMBER).totals == (Money(24, "EUR"),)
        assert charges_overview(DECEMBER).totals == (Money(6, "EUR"),)
        totals = usage_totals(acme, period=NOVEMBER, filters=UsageFilters())
        assert (totals.calls, totals.denied, totals.billable) == (24, 2, 21)
        actions = set(AuditEvent.objects.values_list("action", flat=True))
        assert {"key.issued", "key.rotated", "price.set", "subscription.created"} <= actions
        assert not AuditEvent.objects.filter(actor_label="").exists()
