"""Formatting filters. Built in: templates need no `{% load %}`. None shows as an en dash."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any

from django.template import Library

from apim.core.money import Money
from apim.ui import formatting

register = Library()

MISSING = "\N{EN DASH}"


def _or_dash(function: Callable[..., str]) -> Callable[..., str]:
    """None and the empty string mean "not known": a dash, not a zero."""

    @wraps(function)
    def guarded(value: Any, *args: Any) -> str:
        return MISSING if value is None or value == "" else function(value, *args)

    return guarded


@register.filter
@_or_dash
def money(value: Decimal | int | Money, currency: str = "") -> str:
    """`{{ amount|money:"EUR" }}` for major units, `{{ total|money }}` for a Money."""
    if isinstance(value, Money):
        return formatting.money_minor(value.amount_minor, value.currency)
    return formatting.money(value, currency)


@register.filter
@_or_dash
def money_minor(value: int, currency: str) -> str:
    """`{{ amount_minor|money_minor:currency }}`: cents to 12.34."""
    return formatting.money_minor(value, currency)


@register.filter
@_or_dash
def unit_price(value: Decimal, currency: str) -> str:
    """`{{ price|unit_price:currency }}`: every digit the price has."""
    return formatting.unit_price(Decimal(value), currency)


@register.filter
@_or_dash
def number(value: Decimal | float, decimals: int | None = None) -> str:
    """`{{ calls|number }}`: 1,204."""
    return formatting.number(value, decimals)


@register.filter
@_or_dash
def compact(value: Decimal | float) -> str:
    """`{{ calls|compact }}`: 1.2 M."""
    return formatting.compact(value)


@register.filter
@_or_dash
def bytes_size(value: float) -> str:
    """`{{ size|bytes_size }}`: 1.4 MiB."""
    return formatting.size(value)


@register.filter
@_or_dash
def duration_ms(value: float) -> str:
    """`{{ latency_ms|duration_ms }}`: 84 ms, 1.2 s."""
    return formatting.duration_ms(value)


@register.filter
@_or_dash
def percent(value: float, decimals: int | None = None) -> str:
    """`{{ 0.023|percent }}`: 2.3 %."""
    return formatting.percent(value, decimals)


@register.filter(expects_localtime=False)
@_or_dash
def datetime_text(value: datetime) -> str:
    """`{{ at|datetime_text }}`: 20 Nov 2026, 22:10 UTC, in the reader's zone."""
    return formatting.absolute(value)


@register.filter
@_or_dash
def date_text(value: date) -> str:
    """`{{ on|date_text }}`: 20 Nov 2026."""
    return formatting.day(value)


@register.filter
@_or_dash
def relative(value: datetime) -> str:
    """`{{ at|relative }}`: 4 min ago. Prefer the `timestamp` tag, which keeps the instant."""
    return formatting.relative(value)


@register.filter
def unlocalized(value: float) -> str:
    """A number as machines write it, for attributes."""
    return str(value)
