"""Forms of meters and add-ons."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apim.catalog.models import Product
from apim.dashboard.forms.tiers import Number, plain
from billing.models import Meter
from billing.services import CURRENCIES
from billing.services.meters import UNIT_SIZES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from apim.catalog.models import Plan
    from billing.models import AddOn

_SIZE_NAMES = {
    1: gettext_lazy("1: each one"),
    10**3: gettext_lazy("1,000"),
    10**6: gettext_lazy("1,000,000: a megabyte of bytes"),
    10**9: gettext_lazy("1,000,000,000: a gigabyte of bytes"),
}


class MeterNameForm(forms.Form):
    """What people read of a meter; all that can be changed of one that exists."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    unit_name = forms.CharField(
        label=gettext_lazy("One unit is called"),
        max_length=40,
        help_text=gettext_lazy("As in “per call” or “per gigabyte”."),
    )


class MeterForm(MeterNameForm):
    """A new meter."""

    kind = forms.ChoiceField(label=gettext_lazy("Counts"), choices=Meter.Kind.choices)
    statuses = forms.CharField(
        label=gettext_lazy("Only of answers with these statuses"),
        required=False,
        help_text=gettext_lazy(
            "Classes or statuses, for instance 2xx, 404. Empty: what is billable, which is what "
            "passed the check, reached the API and was answered below 500."
        ),
    )
    unit_size = forms.TypedChoiceField(
        label=gettext_lazy("How many make one unit"),
        coerce=int,
        choices=[(size, _SIZE_NAMES.get(size, f"{size:,}")) for size in UNIT_SIZES],
    )

    def clean_statuses(self) -> list[str]:
        text: str = self.cleaned_data["statuses"]
        return text.replace(",", " ").lower().split()


class AddOnPriceForm(forms.Form):
    """What an add-on costs in each currency; empty where it is not offered in it."""

    def __init__(self, *args: Any, add_on: AddOn | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        known = {p.currency: p.amount for p in add_on.prices.all()} if add_on else {}
        for code in CURRENCIES:
            amount = plain(known[code]) if code in known else None
            self.fields[f"amount_{code}"] = Number(
                label=_("Price in %(currency)s") % {"currency": code}, initial=amount
            )

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        if not self.errors and not self.amounts:
            self.add_error(f"amount_{CURRENCIES[0]}", _("Say what it costs in one currency."))
        return values

    @property
    def amounts(self) -> Mapping[str, Decimal]:
        values = {code: self.cleaned_data.get(f"amount_{code}") for code in CURRENCIES}
        return {code: amount for code, amount in values.items() if amount is not None}


class AddOnForm(AddOnPriceForm):
    """A new add-on."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("The customer reads it on the invoice."),
    )
    offered = forms.ChoiceField(label=gettext_lazy("Offered with"), choices=[])
    meter = forms.ChoiceField(
        label=gettext_lazy("Charged"),
        choices=[],
        required=False,
        help_text=gettext_lazy("By a meter: each unit that is counted while it is held."),
    )

    field_order = ("name", "offered", "meter")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offers: dict[str, tuple[Product, Plan | None]] = {}
        products = Product.objects.exclude(state=Product.State.RETIRED).prefetch_related("plans")
        offers = []
        for product in products:
            plans = list(product.plans.all())
            self._offers[product.public_id] = (product, None)
            self._offers |= {plan.public_id: (product, plan) for plan in plans}
            every = (product.public_id, _("%(product)s: any plan") % {"product": product.name})
            offers += [every, *((p.public_id, f"{product.name}: {p.name}") for p in plans)]
        self._meters = {meter.public_id: meter for meter in Meter.objects.all()}
        meters = (
            (key, _("per %(unit)s (%(meter)s)") % {"unit": meter.unit_name, "meter": meter.name})
            for key, meter in self._meters.items()
        )
        self._choose("offered", offers)
        self._choose("meter", [("", _("per piece and billing period")), *meters])

    def _choose(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices

    @property
    def values(self) -> dict[str, Any]:
        """Arguments of `create_add_on`."""
        product, plan = self._offers[self.cleaned_data["offered"]]
        return {
            "name": self.cleaned_data["name"],
            "product": product,
            "plan": plan,
            "meter": self._meters.get(self.cleaned_data["meter"]),
            "amounts": self.amounts,
        }
