"""Random customers' months against an oracle written from the documents.

Plans of all models, changes, pauses, trials, ends, discounts, credit, late calls, currencies, zones;
workers that die, webhooks that are lost, doubled and shuffled. Lines, invoices, Stripe's invoices,
meters and the ledger have to be what the facts say. APIM_MONTHS=200 lives more of them.
"""

import os

import pytest
import time_machine
from django.db import transaction

from billing.services import closing
from tests.billing.months.facts import random_facts
from tests.billing.months.living import Months
from tests.billing.stripe_simulator.running import KEY, running
from tests.scenarios.test_a_quarter_of_money import Killer

pytestmark = pytest.mark.django_db
SEEDS = range(int(os.environ.get("APIM_MONTHS_FROM", "0")), int(os.environ.get("APIM_MONTHS", "4")))
CHANCE = 0.04


@pytest.fixture(scope="module")
def simulator():
    with running(webhook_url="http://127.0.0.1:9/", webhook_secret="whsec_months") as sim:
        yield sim


@pytest.mark.parametrize("seed", SEEDS)
def test_months_come_to_what_the_documents_say(simulator, settings, seed):
    settings.STRIPE_SECRET_KEY = ""
    settings.APIM_STRIPE_SIMULATOR_URL = simulator.url
    settings.APIM_STRIPE_SIMULATOR_KEY = KEY
    simulator.order("reset", seed=f"months {seed}")
    simulator.order("settings", webhooks_paused=True)
    facts = random_facts(seed)
    killer = Killer(seed, chance=0.0)
    with (
        time_machine.travel(facts.start, tick=False) as traveller,
        transaction.atomic(),
        pytest.MonkeyPatch.context() as patch,
    ):
        months = Months(simulator, facts, killer, traveller)
        for name in ("create", "fetch", "add_lines", "finalize_invoice"):
            patch.setattr(months.gateway, name, killer.wrapped(getattr(months.gateway, name)))
        for name in ("freeze_periods", "make_invoices", "rate_periods"):
            patch.setattr(closing, name, killer.wrapped(getattr(closing, name)))
        killer.chance = CHANCE
        months.live()
        assert "\n".join(months.differences()) == "", facts
        transaction.set_rollback(True)
