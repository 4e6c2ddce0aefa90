"""Money: integer minor units with a currency. Unit prices are Decimal in major units."""

from dataclasses import dataclass
from decimal import Decimal

# ISO 4217 exponents that differ from 2, for the currencies Stripe bills in.
ZERO_DECIMAL = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "JPY",
        "KMF",
        "KRW",
        "MGA",
        "PYG",
        "RWF",
        "UGX",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
THREE_DECIMAL = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def exponent(currency: str) -> int:
    """Number of decimals of the currency's minor unit."""
    code = currency.upper()
    if code in ZERO_DECIMAL:
        return 0
    return 3 if code in THREE_DECIMAL else 2


@dataclass(frozen=True, slots=True)
class Money:
    """An exact amount in minor units (cents) of one currency."""

    amount_minor: int
    currency: str

    @property
    def amount(self) -> Decimal:
        """The amount in major units."""
        return Decimal(self.amount_minor).scaleb(-exponent(self.currency))

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(self.amount_minor + other.amount_minor, self.currency)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency}"
