"""Forms of products, plans and prices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apim.catalog.errors import LimitsInvalid
from apim.catalog.models import ApiVersion, Limit, Plan

if TYPE_CHECKING:
    from apim.catalog.models import Plan as PlanModel

CURRENCIES = [(code, code) for code in ("EUR", "USD", "GBP", "CHF", "JPY")]


class ProductForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    summary = forms.CharField(label=_("Summary"), max_length=240, required=False)
    versions = forms.ModelMultipleChoiceField(
        label=_("API versions"),
        queryset=ApiVersion.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("What a subscriber may call."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["versions"]
        field.queryset = (
            ApiVersion.objects.select_related("api")
            .exclude(state=ApiVersion.State.RETIRED)
            .order_by("api__name", "name")
        )


class PlanForm(forms.Form):
    """What is said about a plan; its limits are edited one by one."""

    name = forms.CharField(label=_("Name"), max_length=120)
    summary = forms.CharField(label=_("Summary"), max_length=240, required=False)
    approval = forms.ChoiceField(
        label=_("Approval"),
        choices=Plan.Approval.choices,
        help_text=_("Automatic: a subscription works at once. Manual: somebody approves it first."),
    )
    charges_overage = forms.BooleanField(
        label=_("Charge overage"),
        required=False,
        help_text=_("Calls beyond a soft limit are charged; otherwise they are only marked."),
    )

    @staticmethod
    def initial_of(plan: PlanModel) -> dict[str, Any]:
        """The form's values for an existing plan."""
        return {
            "name": plan.name,
            "summary": plan.summary,
            "approval": plan.approval,
            "charges_overage": plan.charges_overage,
        }


class NewPlanForm(PlanForm):
    """A plan with one optional calendar limit per window, to begin with."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for window, label in Limit.Window.choices:
            self.fields[f"per_{window}"] = forms.IntegerField(
                label=_("Calls per %(window)s") % {"window": label},
                required=False,
                min_value=1,
            )

    def limits(self) -> list[tuple[str, int]]:
        """(window, quota) of every limit that was filled in."""
        values = ((w, self.cleaned_data.get(f"per_{w}")) for w in Limit.Window.values)
        return [(window, quota) for window, quota in values if quota]

    def limit_fields(self) -> list[forms.BoundField]:
        return [self[f"per_{window}"] for window in Limit.Window.values]

    def place(self, error: LimitsInvalid) -> LimitsInvalid:
        """The error with `limits/0/quota` turned into the field that it came from."""
        windows = [window for window, _quota in self.limits()]
        placed = {
            f"per_{windows[int(name.split('/')[1])]}": texts for name, texts in error.fields.items()
        }
        return LimitsInvalid(error.message, fields=placed)


class PriceForm(forms.Form):
    currency = forms.ChoiceField(label=_("Currency"), choices=CURRENCIES)
    unit_amount = forms.DecimalField(
        label=_("Price per call"), min_value=0, max_digits=20, decimal_places=12
    )
    included_calls = forms.IntegerField(label=_("Free calls per month"), min_value=0, initial=0)
