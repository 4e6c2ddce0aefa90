"""Whatever dies during traffic, each call that Envoy logged is counted exactly once."""

import json
import threading
import time
import urllib.error
import urllib.request
from typing import Self

import pytest

from tests.e2e.stack import Stack, echo_upstream, eventually, tides_document

pytestmark = pytest.mark.e2e

VICTIMS = ("web", "worker", "authorizer", "shipper", "redis")
PAUSE_SECONDS = 0.01

SETUP = """
from apim.accounts.models import Organization
from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.keys import services as keys
api = catalog.create_api(actor=SYSTEM, raw={document!r}.encode(), version_name="v1")
version = api.versions.get()
catalog.publish_version(actor=SYSTEM, version=version)
product = catalog.create_product(actor=SYSTEM, name="Sea", versions=[version])
plan = catalog.create_plan(actor=SYSTEM, product=product, name="Free", limits=[("second", 100000)])
catalog.publish_plan(actor=SYSTEM, plan=plan)
catalog.publish_product(actor=SYSTEM, product=product)
organization = Organization.objects.create(name="Harbor")
application = keys.create_application(actor=SYSTEM, organization=organization, name="Boat")
keys.subscribe(actor=SYSTEM, application=application, plan=plan)
print(keys.issue_key(actor=SYSTEM, application=application).secret)
"""

COUNTS = """
import json
from analytics.models import DailyRollup, UsageEvent
from django.db.models import Sum
print(json.dumps([UsageEvent.objects.count(), DailyRollup.objects.aggregate(n=Sum("calls"))["n"] or 0]))
"""


class Traffic:
    """One caller that keeps calling, whatever it gets."""

    def __init__(self, url: str, key: str) -> None:
        self._request = urllib.request.Request(url, headers={"X-API-Key": key})
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.statuses: list[int] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                with urllib.request.urlopen(self._request, timeout=10) as answer:
                    self.statuses.append(answer.status)
            except urllib.error.HTTPError as error:
                error.close()
                self.statuses.append(error.code)

    def has_had(self, status: int, times: int) -> bool:
        return self.statuses.count(status) >= times


def _logged(stack: Stack) -> int:
    """Calls in Envoy's log: its end rows."""
    lines = (stack.home / "envoy" / "access.log").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    return sum(row["type"] == "DownstreamEnd" for row in rows)


def test_every_logged_call_is_counted_once_when_each_process_is_killed(stack: Stack):
    with echo_upstream() as upstream:
        key = stack.shell(SETUP.format(document=tides_document(upstream)))
        url = f"{stack.gateway}/tides/v1/tides/dover"
        with Traffic(url, key) as traffic:
            eventually(lambda: traffic.has_had(200, 20), 20, lambda: str(traffic.statuses[-5:]))
            for victim in VICTIMS:
                before = len(traffic.statuses)
                stack.kill(victim)
                eventually(
                    lambda seen=before: 200 in traffic.statuses[seen + 50 :],
                    60,
                    lambda name=victim: f"{name}: {traffic.statuses[-5:]}",
                )
        assert traffic.has_had(200, 100)

        def counted() -> list[int]:
            return json.loads(stack.shell(COUNTS))

        # Envoy writes its log ten times a second; wait for the last lines.
        eventually(lambda: _logged(stack) >= len(traffic.statuses), 10)
        expected = _logged(stack)
        deadline = time.monotonic() + 60
        while (result := counted()) != [expected, expected] and time.monotonic() < deadline:
            pass
        assert result == [expected, expected]
