"""What values must look like, whatever the operation: currencies, e-mail addresses, URLs."""

import re
from typing import Any
from urllib.parse import urlsplit

from billing.stripe_simulator.errors import wrong

# docs.stripe.com/currencies#presentment-currencies
CODES = (
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bhd bif bmd bnd bob brl bsd bwp byn bzd"
    " cad cdf chf clp cny cop crc cve czk djf dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gnf"
    " gtq gyd hkd hnl htg huf idr ils inr isk jmd jod jpy kes kgs khr kmf krw kwd kyd kzt lak lbp"
    " lkr lrd lsl mad mdl mga mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd omr pab"
    " pen pgk php pkr pln pyg qar ron rsd rub rwf sar sbd scr sek sgd shp sle sos srd std szl thb"
    " tjs tnd top try ttd twd tzs uah ugx usd uyu uzs vnd vuv wst xaf xcd xof xpf yer zar zmw"
)
CURRENCIES = frozenset(CODES.split())
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+$")
ADDRESSES = ("success_url", "cancel_url", "return_url", "url")


def check_values(given: dict[str, Any]) -> None:
    """Raise StripeProblem for a value that Stripe takes nowhere. An empty one unsets its field."""
    currency = given.get("currency")
    if currency and currency.lower() not in CURRENCIES:
        raise wrong(f"Invalid currency: {currency}. See docs.stripe.com/currencies.", "currency")
    email = given.get("email")
    if email and not EMAIL.match(email):
        raise wrong(f"Invalid email address: {email}", "email", "email_invalid")
    for name in ADDRESSES:
        if (address := given.get(name)) and not _is_address(address):
            raise wrong("Not a valid URL", name, "url_invalid")


def _is_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc)
