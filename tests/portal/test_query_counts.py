"""Pages take no more queries than tests/query_counts.json says, however many rows they show."""

import json
from pathlib import Path

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.keys import services as keys

FILE = Path(__file__).parent.parent / "query_counts.json"
COUNTS = json.loads(FILE.read_text())
PAGES = {
    "portal:home": (),
    "portal:catalog": (),
    "portal:api": ("tides",),
    "portal:changelog": ("tides", "v1"),
    "portal:product": ("harbour",),
    "portal:pricing": (),
    "portal:guides": (),
    "portal:applications": (),
    "portal:application": ("board",),
    "portal:application-subscriptions": ("board",),
    "portal:application-limits": ("board",),
    "portal:application-usage": ("board",),
    "portal:key": ("key",),
    "portal:keys": (),
    "portal:leaks": (),
    "portal:subscribe": ("free",),
    "portal:usage": (),
    "portal:usage-live": (),
    "portal:billing": (),
    "portal:invoices": (),
}


@pytest.fixture
def many(acme, board, key, subscription, free, paid, call):
    """Three applications, each with keys, a subscription and calls."""
    call(key, subscription, times=3)
    for name in ("Second", "Third"):
        application = keys.create_application(actor=SYSTEM, organization=acme, name=name)
        joined = keys.subscribe(actor=SYSTEM, application=application, plan=paid)
        for number in range(3):
            made = keys.issue_key(actor=SYSTEM, application=application, name=f"{number}").key
            call(made, joined)
    return {"board": board, "key": key, "free": free}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_takes_no_more_queries_than_recorded(alice_client, many, name):
    arguments = [many[a].public_id if a in many else a for a in PAGES[name]]
    url = reverse(name, args=arguments)
    cache.clear()
    alice_client.get(url)  # what is cached for everybody is not this page's cost
    with CaptureQueriesContext(connection) as queries:
        assert alice_client.get(url).status_code == 200
    assert len(queries) <= COUNTS[name], "\n".join(q["sql"][:150] for q in queries)
