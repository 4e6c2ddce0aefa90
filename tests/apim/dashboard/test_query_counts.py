"""Pages take no more queries than tests/query_counts.json says, however many rows they show."""

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.keys import services as keys

RECORD = Path(__file__).resolve().parents[2] / "query_counts.json"
PAGES = (
    "overview",
    "apis",
    "api",
    "version",
    "revisions",
    "revision-source",
    "revision-findings",
    "revision-publish",
    "compare",
    "rulesets",
    "ruleset",
    "products",
    "product",
    "plan",
    "plan-versions",
    "plan-version",
    "plan-version-simulation",
    "organizations",
    "organization",
    "subscriptions",
    "keys",
    "key",
    "leaks",
    "usage",
    "quarantine",
    "unmatched",
    "mappings",
    "gateways",
    "gateway",
    "audit",
    "jobs",
    "staff",
    "tokens",
    "revenue",
    "prices",
    "customers",
    "customer",
    "finance-subscriptions",
    "invoices",
    "invoice",
    "invoice-line",
    "reconciliation",
    "reconciliation-run",
    "webhooks",
    "meters",
    "add-ons",
)


def count(client, url: str) -> int:
    client.get(url)  # whatever the first request of a process fills
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


@pytest.fixture
def busy(installation):
    """Six applications with a subscription and two keys each, and calls by all of them."""
    for number in range(6):
        application = keys.create_application(
            actor=SYSTEM, organization=installation.organization, name=f"Program {number}"
        )
        subscription = keys.subscribe(actor=SYSTEM, application=application, plan=installation.plan)
        for environment in ("live", "test"):
            key = keys.issue_key(actor=SYSTEM, application=application, environment=environment).key
            installation.call(
                prefix=f"{number}{environment}",
                key=key.public_id,
                application=application.public_id,
                subscription=subscription.public_id,
                environment=environment,
            )
    return installation


@pytest.mark.parametrize("name", PAGES)
def test_a_page_takes_no_more_queries_than_recorded(busy, olga_client, name):
    recorded = json.loads(RECORD.read_text())[f"dashboard:{name}"]
    assert count(olga_client, busy.url(name)) <= recorded


@pytest.mark.parametrize("name", ["organization", "subscriptions", "revenue", "audit", "usage"])
def test_more_rows_take_no_more_queries(installation, request, olga_client, name):
    url = installation.url(name) if name == "organization" else reverse(f"dashboard:{name}")
    installation.call()
    before = count(olga_client, url)
    request.getfixturevalue("busy")
    assert count(olga_client, url) == before
