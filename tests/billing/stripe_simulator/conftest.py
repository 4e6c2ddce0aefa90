"""One simulator for all tests of a worker, emptied before each."""

import pytest

from tests.billing.stripe_simulator.running import running
from tests.billing.stripe_simulator.shop import Shop


@pytest.fixture(scope="session")
def _simulator():
    with running() as simulator:
        yield simulator


@pytest.fixture
def sim(_simulator):
    _simulator.order("reset", seed="test")
    _simulator.order("settings", meter_event_seconds=0, meter_error_report_seconds=0)
    return _simulator


@pytest.fixture
def v1(sim):
    return sim.client.v1


@pytest.fixture
def shop(sim):
    return Shop(sim)
