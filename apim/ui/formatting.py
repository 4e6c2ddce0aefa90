"""Numbers, money, sizes, durations and instants as the reader's language writes them."""

from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from django.utils import dateformat, timezone
from django.utils.formats import number_format
from django.utils.translation import get_language, ngettext, pgettext
from django.utils.translation import gettext as _

from apim.core.money import exponent

Number = int | float | Decimal

NARROW_SPACE = "\u202f"
HARD_SPACE = "\u00a0"
MINUTE, HOUR, DAY = 60, 3600, 86400
LONG_UNITS = (("d", "h", DAY, HOUR), ("h", "min", HOUR, MINUTE))

# Symbols that are unambiguous for the reader; other currencies show their ISO 4217 code.
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
# CLDR: in these languages the symbol precedes the number.
SYMBOL_FIRST = frozenset({"en", "ja", "zh", "ko"})


def number(value: Number, decimals: int | None = None) -> str:
    """Grouped digits. Whole numbers without decimals, others with two unless said otherwise."""
    if decimals is None:
        decimals = 0 if value == int(value) else 2
    rounded = Decimal(str(value)).quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN)
    return str(number_format(rounded, decimals, force_grouping=True))


def compact(value: Number) -> str:
    """1.2 k, 3.4 M: three figures at most, for tiles and axis labels."""
    size = abs(float(value))
    for limit, unit in ((10**9, "B"), (10**6, "M"), (10**3, "k")):
        if size >= limit * 0.9995:
            scaled = Decimal(str(value)) / limit
            decimals = 0 if abs(scaled) >= 100 else 1
            return f"{number(scaled, decimals)}{NARROW_SPACE}{unit}"
    return number(value)


def money(amount: Decimal | int, currency: str, *, decimals: int | None = None) -> str:
    """Major units with the currency, rounded half to even to its minor unit."""
    code = currency.upper()
    figure = number(abs(Decimal(amount)), exponent(code) if decimals is None else decimals)
    sign = "\u2212" if amount < 0 else ""
    symbol = SYMBOLS.get(code, "")
    if (get_language() or "en").split("-")[0] in SYMBOL_FIRST:
        return f"{sign}{symbol}{figure}" if symbol else f"{sign}{code}{HARD_SPACE}{figure}"
    return f"{sign}{figure}{HARD_SPACE}{symbol or code}"


def money_minor(amount_minor: int, currency: str) -> str:
    """Minor units (cents) with the currency."""
    return money(Decimal(amount_minor).scaleb(-exponent(currency)), currency)


def unit_price(amount: Decimal, currency: str) -> str:
    """A price per unit with every digit it has, and at least the currency's own decimals."""
    digits = -int(amount.normalize().as_tuple().exponent)
    return money(amount, currency, decimals=max(digits, exponent(currency)))


def size(value: Number) -> str:
    """Bytes in powers of 1024."""
    scaled = Decimal(str(value))
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(scaled) < 1024:
            return f"{number(scaled, 0 if unit == 'B' else 1)}{HARD_SPACE}{unit}"
        scaled /= 1024
    return f"{number(scaled, 1)}{HARD_SPACE}TiB"


def duration_ms(value: Number) -> str:
    """Milliseconds up to a second, then seconds, minutes, hours and days, in two units at most."""
    if value < 10:
        return f"{number(value, 1)}{HARD_SPACE}ms"
    if value < 1000:
        return f"{number(value, 0)}{HARD_SPACE}ms"
    seconds = Decimal(str(value)) / 1000
    if seconds < MINUTE:
        return f"{number(seconds, 1)}{HARD_SPACE}s"
    for long, short, long_seconds, short_seconds in LONG_UNITS:
        if seconds >= long_seconds:
            rest = seconds % long_seconds // short_seconds
            return f"{number(seconds // long_seconds)}{HARD_SPACE}{long} {number(rest)}{HARD_SPACE}{short}"
    return f"{number(seconds // MINUTE)}{HARD_SPACE}min {number(seconds % MINUTE, 0)}{HARD_SPACE}s"


def percent(share: Number, decimals: int | None = None) -> str:
    """A fraction (0.25) as 25 %; one decimal below ten percent, so that 0.4 % is not 0 %."""
    value = Decimal(str(share)) * 100
    if decimals is None:
        decimals = 1 if 0 < abs(value) < 10 else 0
    return f"{number(value, decimals)}{NARROW_SPACE}%"


def signed_percent(share: Number) -> str:
    """A change with its sign: +12 %."""
    sign = "+" if share > 0 else "\u2212" if share < 0 else "±"
    return f"{sign}{percent(abs(Decimal(str(share))))}"


def absolute(at: datetime) -> str:
    """The instant in the reader's current zone, with the zone's name."""
    local = timezone.localtime(at)
    return f"{day(local)}, {local:%H:%M} {local.tzname()}"


def day(on: date) -> str:
    """20 Nov 2026, in the language's order."""
    # Translators: j is the day, M the short month, Y the year, in Django's date syntax.
    return str(dateformat.format(on, pgettext("date format", "j M Y")))


def relative(at: datetime, now: datetime | None = None) -> str:
    """4 min ago, in 3 days; a date when it is more than thirty days away."""
    seconds = int(((now or timezone.now()) - at).total_seconds())
    if abs(seconds) < 45:
        return _("just now")
    if abs(seconds) >= 30 * DAY:
        return day(timezone.localtime(at))
    amount = _amount(abs(seconds))
    if seconds > 0:
        return _("%(amount)s ago") % {"amount": amount}
    return _("in %(amount)s") % {"amount": amount}


def _amount(seconds: int) -> str:
    """Seconds as the largest fitting unit, rounded to the nearest."""
    if seconds < HOUR - MINUTE // 2:
        count = max(1, round(seconds / MINUTE))
        return ngettext("%(count)d min", "%(count)d min", count) % {"count": count}
    if seconds < DAY - HOUR // 2:
        count = max(1, round(seconds / HOUR))
        return ngettext("%(count)d hour", "%(count)d hours", count) % {"count": count}
    count = max(1, round(seconds / DAY))
    return ngettext("%(count)d day", "%(count)d days", count) % {"count": count}
