"""Forms of finance: credit and discounts of a customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apim.core.money import exponent
from apim.dashboard.forms.prices import day_start
from apim.ui.forms import OneTimeForm
from billing.services import CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from decimal import Decimal

    from apim.keys.models import Subscription

_CURRENCIES = [(code, code) for code in CURRENCIES]


def _day(label: Any, help_text: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=help_text,
    )


class CreditForm(OneTimeForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("The customer reads it, for instance “Credit of the contract”."),
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Amount"), min_value=0, max_digits=18, decimal_places=3
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency"), choices=_CURRENCIES)
    expires_on = _day(
        gettext_lazy("Expires on"),
        gettext_lazy("It pays for periods that end before that day. Empty: never."),
    )
    priority = forms.IntegerField(
        label=gettext_lazy("Priority"),
        initial=50,
        min_value=0,
        max_value=32_767,
        help_text=gettext_lazy("The smallest number is used first, then what expires first."),
    )
    note = forms.CharField(label=gettext_lazy("Note for us"), max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        amount, currency = values.get("amount"), values.get("currency")
        if amount is not None and currency and self.minor(amount, currency) is None:
            places = exponent(currency)
            self.add_error(
                "amount",
                _("%(currency)s has %(places)d decimals.")
                % {"currency": currency, "places": places},
            )
        return values

    @staticmethod
    def minor(amount: Decimal, currency: str) -> int | None:
        """The amount in minor units; None when it is finer than that."""
        scaled = amount.scaleb(exponent(currency))
        return int(scaled) if scaled == scaled.to_integral_value() else None

    @property
    def amount_minor(self) -> int:
        found = self.minor(self.cleaned_data["amount"], self.cleaned_data["currency"])
        return found or 0

    @property
    def expires_at(self) -> datetime | None:
        return day_start(self.cleaned_data["expires_on"])


class DiscountForm(OneTimeForm):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("The customer reads it on the invoice."),
    )
    percent = forms.DecimalField(
        label=gettext_lazy("Percent"),
        required=False,
        min_value=0,
        help_text=gettext_lazy("Either a percentage or an amount."),
    )
    amount = forms.DecimalField(
        label=gettext_lazy("Amount off each period"), required=False, min_value=0
    )
    currency = forms.ChoiceField(label=gettext_lazy("Currency of the amount"), choices=_CURRENCIES)
    subscription = forms.ChoiceField(label=gettext_lazy("Subscription"), required=False, choices=[])
    starts_on = _day(gettext_lazy("From"), gettext_lazy("Empty: from now on."))
    ends_on = _day(
        gettext_lazy("Until"), gettext_lazy("Counts for periods that end before that day.")
    )

    def __init__(self, *args: Any, subscriptions: Iterable[Subscription], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.subscriptions = {row.public_id: row for row in subscriptions}
        field = self.fields["subscription"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("All of the customer's")),
            *((key, str(row)) for key, row in self.subscriptions.items()),
        ]

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `give_discount`."""
        data = self.cleaned_data
        return {
            "name": data["name"],
            "percent": data["percent"],
            "amount": data["amount"],
            "currency": data["currency"] if data["amount"] is not None else "",
            "subscription": self.subscriptions.get(data["subscription"]),
            "starts_at": day_start(data["starts_on"]),
            "ends_at": day_start(data["ends_on"]),
        }
