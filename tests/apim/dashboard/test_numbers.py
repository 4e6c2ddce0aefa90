"""The explorer shows what its URL says, and finance's sums add up."""

import csv
import io
from decimal import Decimal

import pytest
from django.urls import reverse

from analytics.intake import receive
from apim.accounts.models import Organization

USAGE = "/dashboard/usage/"


@pytest.fixture
def traffic(installation):
    """10 answered, 3 refused with 404 by the upstream, 2 over the limit."""
    installation.call(10, prefix="ok")
    installation.call(3, prefix="missing", status=404, path="/tides/v1/ports")
    installation.call(
        2, prefix="limited", status=429, upstream_ms=None, decision="denied:limit_exceeded"
    )
    return installation


@pytest.mark.parametrize("preset", ["1h", "24h", "7d", "30d", "90d"])
def test_every_period_counts_the_calls_of_a_minute_ago(traffic, pia_client, preset):
    page = pia_client.get(USAGE, {"range": preset})
    totals = page.context["totals"]
    assert (totals.calls, totals.denied, totals.billable) == (15, 2, 13)
    chart = page.context["chart"]
    assert sum(sum(series.values) for series in chart.series) == 15


def test_the_table_of_each_dimension_adds_up_to_the_total(traffic, pia_client):
    for dimension in pia_client.get(USAGE).context["dimensions"]:
        rows = pia_client.get(USAGE, {"by": dimension}).context["rows"]
        assert sum(row.calls for row in rows) == 15, dimension


@pytest.mark.parametrize(
    ("name", "calls"), [("api", 15), ("application", 15), ("organization", 15), ("key", 15)]
)
def test_a_filter_in_the_url_narrows_and_can_be_removed(traffic, pia_client, name, calls):
    value = getattr(traffic, name).public_id
    page = pia_client.get(USAGE, {name: value, "range": "24h"})
    assert page.context["totals"].calls == calls
    (active,) = page.context["active_filters"]
    assert (active.name, active.value, active.without_url) == (name, value, "?range=24h")


@pytest.mark.parametrize(
    ("name", "value", "other"), [("country", "de", "client"), ("client", "curl", "country")]
)
def test_a_country_or_a_client_in_the_url_narrows_but_is_not_split_by_the_other(
    installation, pia_client, name, value, other
):
    installation.call(3, prefix="a", country="DE", user_agent="curl/8.5.0")
    installation.call(2, prefix="b", country="US", user_agent="Wget/1.2")
    page = pia_client.get(USAGE, {name: value, "by": other, "group": other, "range": "24h"})
    assert page.context["totals"].calls == 3
    assert page.context["query"].dimension == "api"
    (active,) = page.context["active_filters"]
    assert (active.name, active.value) == (name, value.upper() if name == "country" else value)


def test_a_method_in_the_url_narrows(traffic, pia_client):
    assert pia_client.get(USAGE, {"method": "get"}).context["totals"].calls == 15
    page = pia_client.get(USAGE, {"method": "POST", "country": "DE", "client": "curl"})
    assert page.context["totals"].calls == 0
    assert [one.name for one in page.context["active_filters"]] == ["method", "country"]


def test_another_organizations_filter_matches_nothing(traffic, charlies, pia_client):
    page = pia_client.get(USAGE, {"organization": charlies.public_id})
    assert page.context["totals"].calls == 0
    assert "No calls in this period" in page.content.decode()


def test_a_status_class_can_be_looked_into(traffic, pia_client):
    page = pia_client.get(USAGE, {"status": "4xx", "by": "operation"})
    assert page.context["totals"].calls == 5


def test_each_row_links_to_what_is_inside_it(traffic, pia_client):
    page = pia_client.get(USAGE, {"by": "api", "range": "24h"})
    link = f"{page.context['drill']}{traffic.api.public_id}"
    inside = pia_client.get(USAGE + link)
    assert inside.context["query"].dimension == "operation"
    assert {row.calls for row in inside.context["rows"]} == {12, 3}


def test_custom_days_include_the_last_one(traffic, pia_client):
    today = pia_client.get(USAGE).context["last_day"].date().isoformat()
    page = pia_client.get(USAGE, {"range": "custom", "from": today, "to": today})
    assert page.context["totals"].calls == 15
    assert f'value="{today}"' in page.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "range=never",
        "by=nothing&group=else",
        "api=api_nobody",
        "from=x&to=y",
        "range=never&from=0001-01-01&to=9999-12-31",
        "status=9xx",
        "page=x",
    ],
)
def test_an_old_or_broken_link_shows_the_default_instead_of_failing(traffic, pia_client, query):
    answer = pia_client.get(f"{USAGE}?{query}")
    assert answer.status_code == 200
    assert answer.context["totals"].calls == 15


def rows_of(answer) -> list[dict[str, str]]:
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_usage_export_holds_the_tables_rows(traffic, pia_client):
    rows = rows_of(pia_client.get("/dashboard/usage/export/", {"by": "operation"}))
    assert {(row["operation"], row["calls"]) for row in rows} == {
        ("GET /tides/{port}", "12"),
        ("GET /ports", "3"),
    }


def test_a_record_in_quarantine_is_shown_with_its_reason(installation, pia_client):
    receive(gateway=installation.gateway, body=b'{"id": "x", "ts": "yesterday"}')
    page = pia_client.get("/dashboard/usage/quarantine/").content.decode()
    assert "yesterday" in page
    assert installation.gateway.name in page


def test_revenue_totals_equal_the_sum_of_every_listing(traffic, fiona_client):
    overview = fiona_client.get("/dashboard/finance/").context["overview"]
    expected = Decimal("0.25") * (13 - 2)
    assert [total.amount for total in overview.totals] == [expected]
    for listing in (overview.charges, overview.by_product, overview.by_organization):
        assert sum(row.amount.amount for row in listing) == expected
        assert sum(row.calls for row in listing) == 13


def test_the_charges_export_adds_up_to_the_page(traffic, fiona_client):
    rows = rows_of(fiona_client.get("/dashboard/finance/export/"))
    assert sum(Decimal(row["amount"]) for row in rows) == Decimal("2.75")
    (row,) = rows
    assert (row["organization"], row["billable_calls"], row["charged_calls"]) == (
        "Acme",
        "13",
        "11",
    )
    assert (row["unit_amount"], row["currency"]) == ("0.25", "EUR")


def test_a_cell_that_looks_like_a_formula_is_exported_as_text(traffic, fiona_client):
    Organization.objects.filter(pk=traffic.organization.pk).update(name="=cmd()")
    (row,) = rows_of(fiona_client.get("/dashboard/finance/export/"))
    assert row["organization"] == "'=cmd()"


@pytest.mark.parametrize(("month", "calls"), [("2020-01", 0), ("soon", 13), ("2999-12", 13)])
def test_a_month_is_chosen_in_the_url(traffic, fiona_client, month, calls):
    overview = fiona_client.get("/dashboard/finance/", {"month": month}).context["overview"]
    assert sum(charge.calls for charge in overview.charges) == calls


def test_prices_list_the_plan_and_its_price(installation, fiona_client):
    page = fiona_client.get(reverse("dashboard:prices")).content.decode()
    assert "Harbour Pro" in page
    assert "€0.25" in page


def test_finance_sees_the_months_charges_first_and_others_do_not(traffic, fiona_client, sam_client):
    overview = fiona_client.get("/dashboard/").context["charges"]
    assert [total.amount for total in overview.totals] == [Decimal("2.75")]
    assert sam_client.get("/dashboard/").context["charges"] is None
