"""Numbers, money and times read the same everywhere, in the reader's language."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.template import Context, Template
from django.utils import timezone, translation

from apim.core.money import Money
from apim.ui import formatting

NOW = datetime(2026, 11, 20, 22, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1204, "1,204"), (1240000, "1,240,000"), (Decimal("0.125"), "0.12"), (-5, "-5")],
)
def test_numbers_are_grouped(value, text):
    assert formatting.number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(999, "999"), (1240, "1.2\u202fk"), (999_999, "1.0\u202fM"), (3_400_000_000, "3.4\u202fB")],
)
def test_compact_numbers_keep_three_figures(value, text):
    assert formatting.compact(value) == text


def test_money_has_the_decimals_of_its_currency():
    assert formatting.money_minor(123456, "EUR") == "€1,234.56"
    assert formatting.money_minor(1234, "JPY") == "¥1,234"
    assert formatting.money_minor(1234567, "KWD") == "KWD\u00a01,234.567"
    assert formatting.money_minor(-50, "USD") == "\u2212$0.50"


def test_unit_price_keeps_every_digit():
    assert formatting.unit_price(Decimal("0.000125"), "EUR") == "€0.000125"
    assert formatting.unit_price(Decimal("0.5"), "EUR") == "€0.50"
    assert formatting.unit_price(Decimal(100), "EUR") == "€100.00"


def test_money_follows_the_language():
    with translation.override("de"):
        assert formatting.money_minor(123456, "EUR") == "1.234,56\u00a0€"


@pytest.mark.parametrize(
    ("ago", "text"),
    [
        (timedelta(seconds=10), "just now"),
        (timedelta(minutes=4), "4 min ago"),
        (timedelta(minutes=59, seconds=45), "1 hour ago"),
        (timedelta(hours=3), "3 hours ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(days=-12), "in 12 days"),
        (timedelta(days=40), "11 Oct 2026"),
    ],
)
def test_relative_times(ago, text):
    assert formatting.relative(NOW - ago, now=NOW) == text


def test_instants_are_shown_in_the_readers_zone():
    with timezone.override("Asia/Tokyo"):
        assert formatting.absolute(NOW) == "21 Nov 2026, 07:10 JST"


def test_durations_and_sizes_say_their_unit():
    assert formatting.duration_ms(3.25) == "3.2\u00a0ms"
    assert formatting.duration_ms(84) == "84\u00a0ms"
    assert formatting.duration_ms(1840) == "1.8\u00a0s"
    assert formatting.duration_ms(125_000) == "2\u00a0min 5\u00a0s"
    assert formatting.duration_ms(3_725_000) == "1\u00a0h 2\u00a0min"
    assert formatting.duration_ms(52 * 86_400_000 + 3_600_000) == "52\u00a0d 1\u00a0h"
    assert formatting.size(1_480_000) == "1.4\u00a0MiB"


def test_small_shares_do_not_round_to_zero():
    assert formatting.percent(0.004) == "0.4\u202f%"
    assert formatting.percent(0) == "0\u202f%"


def test_filters_show_a_dash_for_what_is_not_known():
    template = Template("{{ x|number }}{{ x|money:'EUR' }}{{ x|percent }}{{ x|datetime_text }}")
    assert template.render(Context({"x": None})) == "\N{EN DASH}" * 4


def test_money_filter_takes_minor_units_and_money():
    template = Template("{{ m|money }} {{ n|money_minor:'EUR' }}")
    assert template.render(Context({"m": Money(1234, "EUR"), "n": 5})) == "€12.34 €0.05"
