"""Our code and the Stripe simulator, through the real SDK."""

import pytest

from billing.stripe.adapter import connect
from tests.billing.conftest import call, noon, subscription, world
from tests.billing.stripe_simulator.running import KEY, running

__all__ = ["call", "noon", "subscription", "world"]
SECRET = "whsec_of_these_tests"


@pytest.fixture(scope="session")
def _simulator():
    with running(webhook_url="http://127.0.0.1:9/webhooks/stripe/", webhook_secret=SECRET) as sim:
        yield sim


@pytest.fixture
def sim(_simulator, settings, noon):
    _simulator.order("reset", seed="billing")
    _simulator.order("settings", webhooks_paused=True)
    settings.STRIPE_SECRET_KEY = ""
    settings.STRIPE_WEBHOOK_SECRET = SECRET
    settings.APIM_STRIPE_SIMULATOR_URL = _simulator.url
    settings.APIM_STRIPE_SIMULATOR_KEY = KEY
    return _simulator


@pytest.fixture
def gateway(sim):
    return connect()
