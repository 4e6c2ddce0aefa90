"""Usage comes from the gateway's lines, is filtered by the URL, and is nobody else's."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.core import clock
from apim.keys import services as keys


@pytest.fixture
def used(key, subscription, call):
    call(key, subscription, times=7)
    call(key, subscription, times=2, status=404)
    call(key, subscription, times=1, status=500)
    call(key, subscription, times=5, ago=timedelta(days=40))


def rows_of(answer):
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_totals_and_tables_count_the_period_only(alice_client, used, key):
    page = alice_client.get(reverse("portal:usage"))
    assert page.context["totals"].calls == 10
    assert page.context["totals"].errors == 3
    assert "GET /tides/{port}" in page.text
    longer = alice_client.get(reverse("portal:usage"), {"range": "90d"})
    assert longer.context["totals"].calls == 15


def test_rows_say_which_version_an_operation_and_which_application_a_key_belongs_to(
    alice_client, used, board
):
    tables = {name: rows for name, _l, _h, rows in _tables(alice_client)}
    assert [row.within for row in tables["operation"]] == ["Tides v1"]
    assert [row.within for row in tables["key"]] == ["Harbour board"]


def _tables(client):
    return client.get(reverse("portal:usage")).context["tables"]


def test_the_table_behind_the_chart_is_in_the_page_without_javascript(alice_client, used):
    page = alice_client.get(reverse("portal:usage"), {"range": "24h"}).text
    assert "Calls by status" in page
    for status in ("2xx", "4xx", "5xx"):
        assert status in page
    assert 'data-value="7"' in page


def test_filters_narrow_and_stay_in_the_url(alice_client, used, board, key):
    other = keys.issue_key(actor=SYSTEM, application=board, name="Silent").key
    page = alice_client.get(reverse("portal:usage"), {"key": other.public_id})
    assert page.context["totals"].calls == 0
    assert "No calls in this period" in page.text
    assert f'value="{other.public_id}" selected' in page.text
    assert other.public_id in page.context["live_url"]
    assert other.public_id in page.context["export_url"]
    assert page.context["clear_url"] == reverse("portal:usage")


def test_the_environment_filter_tells_live_from_test(alice_client, used, board, subscription, call):
    trial = keys.issue_key(actor=SYSTEM, application=board, environment="test").key
    call(trial, subscription, times=4)
    ask = alice_client.get
    assert ask(reverse("portal:usage"), {"environment": "test"}).context["totals"].calls == 4
    assert ask(reverse("portal:usage"), {"environment": "live"}).context["totals"].calls == 10


def test_parameters_that_make_no_sense_show_the_default(alice_client, used):
    for query in (
        {"range": "forever"},
        {"range": "custom"},
        {"range": "custom", "from": "yesterday", "to": "x"},
        {"range": "custom", "from": "9999-12-31", "to": "9999-12-31"},
        {"range": "custom", "from": "0001-01-01T00:00:00+14:00", "to": "9999-12-31T23:59Z"},
        {"key": "key_of_somebody_else", "application": "x"},
        {"page": "-1", "environment": "moon"},
    ):
        page = alice_client.get(reverse("portal:usage"), query)
        assert page.status_code == 200
        assert page.context["totals"].calls == 10


def test_the_link_to_a_view_is_in_absolute_times(alice_client, used):
    page = alice_client.get(reverse("portal:usage"), {"range": "30d", "environment": "live"})
    link = page.context["exact_url"]
    assert "range=custom" in link
    assert "environment=live" in link
    same = alice_client.get(reverse("portal:usage") + link)
    assert same.context["totals"] == page.context["totals"]


def test_an_outsider_sees_nothing_of_it(charlie_client, used, board, key):
    page = charlie_client.get(reverse("portal:usage"), {"key": key.public_id})
    assert page.context["totals"].calls == 0
    assert "Harbour board" not in page.text
    assert (
        charlie_client.get(reverse("portal:usage-live"), {"of": board.public_id}).status_code == 404
    )
    exported = charlie_client.get(reverse("portal:usage-export"), {"table": "key"})
    assert rows_of(exported) == []


def test_the_live_part_shows_a_call_as_soon_as_it_is_counted(
    alice_client, used, key, subscription, call
):
    url = alice_client.get(reverse("portal:usage")).context["live_url"]
    before = alice_client.get(url)
    assert "<html" not in before.text
    assert before.context["totals"].calls == 10
    assert alice_client.get(url).text == before.text  # nothing new, nothing to redraw
    call(key, subscription)
    assert alice_client.get(url).context["totals"].calls == 11


def test_the_export_holds_what_the_page_shows(alice_client, used):
    over_time = rows_of(alice_client.get(reverse("portal:usage-export"), {"range": "30d"}))
    assert sum(int(row["calls"]) for row in over_time) == 10
    assert over_time[0]["start_utc"].endswith("T00:00:00Z")
    by_operation = rows_of(
        alice_client.get(reverse("portal:usage-export"), {"table": "operation", "range": "30d"})
    )
    assert sum(int(row["calls"]) for row in by_operation) == 10
    assert sum(int(row["billable_calls"]) for row in by_operation) == 9


def test_a_name_that_looks_like_a_formula_is_harmless_in_the_export(alice_client, acme, paid, call):
    evil = keys.create_application(actor=SYSTEM, organization=acme, name="=HYPERLINK(1)")
    key = keys.issue_key(actor=SYSTEM, application=evil).key
    call(key, keys.subscribe(actor=SYSTEM, application=evil, plan=paid))
    (row,) = rows_of(alice_client.get(reverse("portal:usage-export"), {"table": "application"}))
    assert row["application"] == "'=HYPERLINK(1)"


def test_limits_say_what_is_left(alice_client, used):
    page = alice_client.get(reverse("portal:usage")).text
    assert "Per month" in page
    assert "500,000 left" in page


def test_an_applications_page_shows_only_its_own(alice_client, acme, used, board, paid, call):
    other = keys.create_application(actor=SYSTEM, organization=acme, name="Other")
    call(
        keys.issue_key(actor=SYSTEM, application=other).key,
        keys.subscribe(actor=SYSTEM, application=other, plan=paid),
        times=30,
    )
    page = alice_client.get(reverse("portal:application-usage", args=[board.public_id]))
    assert page.context["totals"].calls == 10
    live = alice_client.get(page.context["live_url"])
    assert live.context["totals"].calls == 10


def test_two_days_may_be_named_and_the_last_one_counts(alice_client, used):
    today = clock.now().date()
    query = {"range": "custom", "from": today.isoformat(), "to": today.isoformat()}
    page = alice_client.get(reverse("portal:usage"), query)
    assert page.context["totals"].calls == 10
    assert f'value="{today}T00:00"' in page.text
    before = (today - timedelta(days=1)).isoformat()
    page = alice_client.get(reverse("portal:usage"), {**query, "from": before, "to": before})
    assert page.context["totals"].calls == 0
