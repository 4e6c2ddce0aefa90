"""The portal's forms: what is asked, in which words. The services decide what is allowed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apim.core import clock
from apim.keys.models import ApiKey, Application
from apim.ui import formatting
from portal import one_time

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apim.accounts.models import User
    from apim.catalog.models import Plan

NO_EXPIRY = "never"
CHOSEN_DATE = "date"
GRACES: tuple[tuple[str, Any], ...] = (
    ("0", _("Now: the old key stops at once")),
    ("1", _("1 hour")),
    ("24", _("24 hours")),
    ("168", _("7 days")),
    ("720", _("30 days")),
)


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


class OneTimeForm(forms.Form):
    """A form whose answer shows something once, so a reload must not repeat it."""

    token = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        kwargs["initial"] = {**(kwargs.get("initial") or {}), "token": one_time.new_token(user)}
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_token(self) -> str:
        token: str = self.cleaned_data["token"]
        if not one_time.is_genuine(token, self.user):
            raise forms.ValidationError(
                _("This form has expired: reload the page and send it again.")
            )
        return token


class IssueKeyForm(OneTimeForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=80,
        help_text=_("Where the key will live, such as “checkout server”."),
    )
    environment = forms.ChoiceField(
        label=_("Environment"),
        choices=ApiKey.Environment.choices,
        widget=forms.RadioSelect,
        initial=ApiKey.Environment.LIVE,
        help_text=_("Test calls count towards limits, but are never charged."),
    )
    lifetime = forms.ChoiceField(
        label=_("Expires"),
        choices=[
            (NO_EXPIRY, _("Never")),
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
            (CHOSEN_DATE, _("On a date that I choose")),
        ],
        initial="90",
        help_text=_("A key that expires does less harm when it leaks. Rotate it before that day."),
    )
    expires_on = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=_("Only for a date that you choose. The key works to the end of that day."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        wants_date = cleaned.get("lifetime") == CHOSEN_DATE
        day = cleaned.get("expires_on")
        is_day = day is not None and clock.is_plausible(day)
        if wants_date and not is_day and "expires_on" not in self.errors:
            self.add_error("expires_on", _("Choose the last day."))
        return cleaned

    @property
    def expires_at(self) -> datetime | None:
        """The end of the key, in the reader's time zone where a day was chosen."""
        lifetime = self.cleaned_data["lifetime"]
        if lifetime == NO_EXPIRY:
            return None
        if lifetime != CHOSEN_DATE:
            return clock.now() + timedelta(days=int(lifetime))
        following = self.cleaned_data["expires_on"] + timedelta(days=1)
        return timezone.make_aware(datetime.combine(following, time.min))


class RenameKeyForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=80, required=False)


def _graces(key: ApiKey) -> list[tuple[str, Any]]:
    """The graces that the key's own expiry leaves; a longer one would be cut to it."""
    longest: float = settings.APIM_ROTATION_GRACE_MAX_HOURS
    if key.expires_at is not None:
        longest = min(longest, (key.expires_at - clock.now()).total_seconds() / 3600)
    return [(hours, label) for hours, label in GRACES if int(hours) <= longest]


def _extensions(key: ApiKey) -> list[tuple[str, Any]]:
    """The times from now that let a rotated key live longer than it does."""
    if key.rotated_at is None or key.expires_at is None:
        return []
    latest = key.rotated_at + timedelta(hours=settings.APIM_ROTATION_GRACE_MAX_HOURS)
    if key.own_expires_at is not None:
        latest = min(latest, key.own_expires_at)
    if latest <= key.expires_at:
        return []
    now = clock.now()
    return [(h, label) for h, label in GRACES if now + timedelta(hours=int(h)) > key.expires_at]


class RotateKeyForm(OneTimeForm):
    grace = forms.ChoiceField(
        label=_("The old key works for another"), widget=forms.RadioSelect, initial="24"
    )

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = _graces(key)
        field = self.fields["grace"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        if "24" not in dict(choices):
            field.initial = choices[-1][0]
        if key.expires_at is not None:
            field.help_text = _("The old key ends on %(at)s in any case.") % {
                "at": formatting.absolute(key.expires_at)
            }

    @property
    def chosen_grace(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["grace"]))


class ExtendGraceForm(forms.Form):
    grace = forms.ChoiceField(label=_("From now, the old key works for another"))

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["grace"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = _extensions(key)

    @property
    def chosen_grace(self) -> timedelta:
        return timedelta(hours=int(self.cleaned_data["grace"]))


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


class ChangePlanForm(forms.Form):
    plan = forms.ChoiceField(label=_("New plan"), widget=forms.RadioSelect)

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
