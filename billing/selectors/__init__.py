"""What usage is worth, read from rollups and prices. Organization first; frozen answers."""

from billing.selectors.charges import charge_rows, charges_overview, running_charges
from billing.selectors.versions import (
    all_prices,
    current_price,
    current_prices,
    plan_versions,
    public_prices,
    quote,
    upcoming_price,
)

__all__ = [
    "all_prices",
    "charge_rows",
    "charges_overview",
    "current_price",
    "current_prices",
    "plan_versions",
    "public_prices",
    "quote",
    "running_charges",
    "upcoming_price",
]
