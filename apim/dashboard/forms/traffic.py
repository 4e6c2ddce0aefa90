"""Forms about what gateways report."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from analytics.formats.registry import READERS
from analytics.models import ForeignMapping
from apim.gateway.models import Gateway


class MappingForm(forms.Form):
    """A gateway's name and the object of ours that it stands for."""

    gateway = forms.ChoiceField(label=_("Gateway"))
    kind = forms.ChoiceField(label=_("Kind of name"), choices=ForeignMapping.Kind.choices)
    value = forms.CharField(
        label=_("Name at the gateway"),
        max_length=128,
        help_text=_("Exactly as the gateway reports it."),
    )
    target = forms.CharField(
        label=_("Stands for"),
        max_length=40,
        help_text=_(
            "The id of an API key or an application (key_…, app_…) for a credential or consumer; "
            "of an API version or an operation (ver_…, opn_…) for a route or service."
        ),
    )

    def __init__(self, *args: Any, is_fixed: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["gateway"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = list(Gateway.objects.values_list("public_id", "name"))
        if is_fixed:  # what a mapping is about does not change, only what it stands for
            for name in ("gateway", "kind", "value"):
                self.fields[name].disabled = True


class CorrectionForm(forms.Form):
    """A quarantined record as it shall be read."""

    raw = forms.CharField(
        label=_("Record"),
        strip=False,
        widget=forms.Textarea({"rows": 14, "class": "mono", "spellcheck": "false"}),
        help_text=_("What looks like a credential is masked when it is saved."),
    )
    format = forms.ChoiceField(
        label=_("Read as"), choices=[(name, name) for name in sorted(READERS)]
    )
