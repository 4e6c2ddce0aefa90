"""The portal's forms: what is asked, in which words. The services decide what is allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.catalog.models import Plan
    from apim.keys.models import Application


class ApplicationForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("How your team calls the program: it is shown in usage and on bills."),
    )
    description = forms.CharField(
        label=_("Description"),
        max_length=400,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


NEW_APPLICATION = "new"


class SubscribeForm(forms.Form):
    """Which application, an existing or a new one, goes on the plan."""

    application = forms.ChoiceField(label=_("Application"), widget=forms.RadioSelect)
    name = forms.CharField(
        label=_("Name of the new application"),
        max_length=120,
        required=False,
        help_text=_("Only for a new application."),
    )

    def __init__(self, *args: Any, applications: Iterable[Application], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.applications = {a.public_id: a for a in applications}
        field = self.fields["application"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            *((public_id, a.name) for public_id, a in self.applications.items()),
            (NEW_APPLICATION, _("A new application")),
        ]
        if not self.applications:
            field.widget = forms.HiddenInput()
            self.fields["name"].required = True
            self.fields["name"].help_text = ""
        if "application" not in (self.initial or {}):
            field.initial = next(iter(self.applications), NEW_APPLICATION)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("application") == NEW_APPLICATION and not cleaned.get("name"):
            self.add_error("name", _("Give the new application a name."))
        return cleaned

    @property
    def chosen(self) -> Application | None:
        """None: a new application is wanted."""
        return self.applications.get(self.cleaned_data["application"])


class WhenForm(forms.Form):
    """Now, or at the end of the billing period; now where nothing is said."""

    when = forms.ChoiceField(
        label=_("When"),
        choices=[("now", _("Now")), ("end", _("At the end of the billing period"))],
        widget=forms.RadioSelect,
        initial="now",
        required=False,
    )
    # The moment for which the costs were stated: what is confirmed is reckoned as of it.
    stated_at = forms.DateTimeField(required=False, widget=forms.HiddenInput)

    @property
    def is_now(self) -> bool:
        return bool(self.cleaned_data["when"] != "end")


class ChangePlanForm(WhenForm):
    plan = forms.ChoiceField(label=_("New plan"), widget=forms.RadioSelect)
    field_order = ("plan", "when", "stated_at")

    def __init__(self, *args: Any, plans: Iterable[Plan], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.plans = {plan.public_id: plan for plan in plans}
        field = self.fields["plan"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(public_id, plan.name) for public_id, plan in self.plans.items()]
        field.initial = next(iter(self.plans), None)

    @property
    def chosen(self) -> Plan:
        return self.plans[self.cleaned_data["plan"]]


class CatalogSearchForm(forms.Form):
    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search APIs")}),
    )
    tag = forms.CharField(required=False, widget=forms.HiddenInput)


class GuideSearchForm(forms.Form):
    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Search guides")}),
    )


class WorkedExampleForm(forms.Form):
    calls = forms.IntegerField(label=_("Calls per month"), min_value=0, max_value=10**12)
