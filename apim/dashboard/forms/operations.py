"""Small forms: gateways, decisions, roles."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apim.accounts.models import StaffRole
from apim.gateway.models import Gateway


class GatewayForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=Gateway.Kind.choices)


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=_("Reason"),
        max_length=400,
        help_text=_("The developer reads this."),
        widget=forms.Textarea({"rows": 3}),
    )


class StaffRoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Staff role"), choices=StaffRole.choices, required=False)
