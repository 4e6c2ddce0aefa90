"""The forms of API keys: issue, restrict, rotate, extend, report. Services decide what is allowed."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apim.core import clock
from apim.keys.models import ApiKey, LeakAction
from apim.keys.rules import KeyRules, LimitTermsGiven
from apim.keys.selectors import operation_groups
from apim.ui import formatting
from apim.ui.forms import OneTimeForm, add_domain_error

if TYPE_CHECKING:
    from apim.core.errors import DomainError
    from apim.keys.models import Application

NO_EXPIRY = "never"
CHOSEN_DATE = "date"
CHOSEN_HOURS = "hours"
GRACES: tuple[tuple[str, Any], ...] = (
    ("0", _("Now: the old key stops at once")),
    ("1", _("1 hour")),
    ("24", _("24 hours")),
    ("168", _("7 days")),
    ("720", _("30 days")),
)
# The limits that the form asks for; those of other kinds are set by the management API.
LIMITS: tuple[tuple[str, str, Any], ...] = (
    ("calendar", "second", _("Calls per second")),
    ("calendar", "minute", _("Calls per minute")),
    ("calendar", "hour", _("Calls per hour")),
    ("calendar", "day", _("Calls per day")),
    ("calendar", "month", _("Calls per month")),
    ("concurrent", "", _("Calls at the same time")),
)


def _limit_field(kind: str, window: str) -> str:
    return f"limit_{window or kind}"


class KeyRulesForm(forms.Form):
    """What a key may do; every field may stay empty."""

    scopes = forms.MultipleChoiceField(
        label=_("Operation groups"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Tick none to allow all, also those that come later."),
    )
    cidrs = forms.CharField(
        label=_("Allowed networks"),
        required=False,
        widget=forms.Textarea(
            attrs={"rows": 3, "class": "mono", "placeholder": "203.0.113.7\n198.51.100.0/24"}
        ),
        help_text=_(
            "One address or network per line, IPv4 or IPv6. Calls from elsewhere are refused."
        ),
    )
    origins = forms.CharField(
        label=_("Allowed origins"),
        required=False,
        widget=forms.Textarea(
            attrs={
                "rows": 3,
                "class": "mono",
                "placeholder": "https://shop.example\nhttps://*.shop.example",
            }
        ),
        help_text=_(
            "For keys in browsers, one per line. Calls from other sites, and those without an "
            "Origin header, are refused."
        ),
    )

    def __init__(
        self, *args: Any, application: Application, key: ApiKey | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        groups = list(operation_groups(application))
        groups += [scope for scope in (key.scopes if key else ()) if scope not in groups]
        scopes = self.fields["scopes"]
        assert isinstance(scopes, forms.MultipleChoiceField)
        scopes.choices = [(group, group) for group in groups]
        if not groups:
            del self.fields["scopes"]
        for kind, window, label in LIMITS:
            self.fields[_limit_field(kind, window)] = forms.IntegerField(
                label=label, required=False, min_value=1
            )
        # Limits of the key that these fields cannot show; they stay as they are.
        self.kept: tuple[LimitTermsGiven, ...] = ()

    def show(self, rules: KeyRules) -> None:
        """Fill the form with what the key may do now."""
        asked = {(kind, window): _limit_field(kind, window) for kind, window, _label in LIMITS}
        self.initial = {
            **self.initial,
            "scopes": list(rules.scopes),
            "cidrs": "\n".join(rules.cidrs),
            "origins": "\n".join(rules.origins),
        }
        kept: list[LimitTermsGiven] = []
        for limit in rules.limits:
            name = asked.get((limit.kind, limit.window)) if not limit.group else None
            if name is None:
                kept.append(limit)
            else:
                self.initial[name] = limit.quota
        self.kept = tuple(kept)

    @property
    def rules(self) -> KeyRules:
        """What was asked for, as it was typed."""
        data = self.cleaned_data
        given = tuple(
            LimitTermsGiven(kind=kind, window=window, quota=quota)
            for kind, window, _label in LIMITS
            if (quota := data[_limit_field(kind, window)]) is not None
        )
        return KeyRules(
            scopes=data.get("scopes", ()),
            cidrs=data["cidrs"].splitlines(),
            origins=data["origins"].splitlines(),
            limits=given + self.kept,
        )

    @property
    def limit_fields(self) -> list[forms.BoundField]:
        return [self[_limit_field(kind, window)] for kind, window, _label in LIMITS]

    @property
    def is_open(self) -> bool:
        """Whether the part with the rules has something to show at once."""
        names = ["scopes", "cidrs", "origins", *(field.name for field in self.limit_fields)]
        return any(
            self.errors.get(name) or self[name].value() for name in names if name in self.fields
        )

    def refuse(self, error: DomainError) -> None:
        """Show a refusal beside its fields; a limit is named by its place among those given."""
        given = [name for name in self._limit_names if self.cleaned_data.get(name) is not None]
        fields = {}
        for name, messages in error.fields.items():
            place = name.removeprefix("limits/")
            is_asked = place.isdigit() and int(place) < len(given)
            fields[given[int(place)] if is_asked else name] = messages
        for message in fields.pop("limits", []):
            self.add_error(None, message)
        error.fields = fields
        if fields or self.is_valid():
            add_domain_error(self, error)

    @property
    def _limit_names(self) -> list[str]:
        return [_limit_field(kind, window) for kind, window, _label in LIMITS]


class IssueKeyForm(KeyRulesForm, OneTimeForm):
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
    def basic_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "environment", "lifetime", "expires_on")]

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
    """The times from now that let a rotated key live longer than it does; none a second time."""
    if key.rotated_at is None or key.expires_at is None or key.grace_extended_at is not None:
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
    hours = forms.IntegerField(
        label=_("Hours"),
        required=False,
        min_value=0,
        help_text=_("Only for a time that you choose."),
    )

    def __init__(self, *args: Any, key: ApiKey, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = _graces(key)
        field = self.fields["grace"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*choices, (CHOSEN_HOURS, _("A time that I choose"))]
        if "24" not in dict(choices):
            field.initial = choices[-1][0]
        if key.expires_at is not None:
            field.help_text = _("The old key ends on %(at)s in any case.") % {
                "at": formatting.absolute(key.expires_at)
            }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("grace") == CHOSEN_HOURS and "hours" not in self.errors:
            most = settings.APIM_ROTATION_GRACE_MAX_HOURS
            if cleaned.get("hours") is None or cleaned["hours"] > most:
                message = _("Choose from 0 to %(most)d hours.") % {"most": most}
                self.add_error("hours", message)
        return cleaned

    @property
    def chosen_grace(self) -> timedelta:
        data = self.cleaned_data
        is_chosen = data["grace"] == CHOSEN_HOURS
        return timedelta(hours=data["hours"] if is_chosen else int(data["grace"]))


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


class KeySearchForm(forms.Form):
    """Which of the organization's keys the list shows."""

    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name, beginning or last four")}
        ),
    )
    status = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", pgettext_lazy("state", "Any state")), *ApiKey.Status.choices],
    )


class LeakPolicyForm(forms.Form):
    action = forms.ChoiceField(
        label=_("When a key is found in the open"),
        choices=LeakAction.choices,
        widget=forms.RadioSelect,
        help_text=_("Owners, and whoever made the key, get a mail in any case."),
    )


class LeakedKeyForm(forms.Form):
    """For anybody who found a key; nothing else is asked of them."""

    key = forms.CharField(
        label=_("The key"),
        max_length=200,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "class": "mono"}
        ),
        help_text=_("All of it, as you found it."),
    )
    url = forms.CharField(
        label=_("Where you found it"),
        required=False,
        max_length=500,
        help_text=_("An address, or a few words. It helps the owner to take it away there."),
    )
    note = forms.CharField(
        label=_("Anything else"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
