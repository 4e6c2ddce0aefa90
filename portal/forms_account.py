"""Forms of the organization's and the profile's pages."""

from __future__ import annotations

from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from apim.accounts import forms as forms_of_accounts
from apim.accounts.models import Membership, User
from apim.ui.forms import OneTimeForm

# What each role may do, said where it is chosen.
ROLE_CHOICES = [
    (Membership.Role.OWNER, _("Owner: everything, members and settings included")),
    (Membership.Role.MEMBER, _("Member: applications, subscriptions, keys and usage")),
    (Membership.Role.BILLING, _("Billing: charges and usage, no keys")),
]
# Names that a person would choose; the aliases of old days are left out.
TIME_ZONES = sorted(
    name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "posix"))
)


def time_zone_choices() -> list[tuple[str, str]]:
    return [("UTC", "UTC"), *((name, name.replace("_", " ")) for name in TIME_ZONES)]


class InviteForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("The link in the mail works once, for seven days."),
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    role = forms.ChoiceField(
        label=_("Role"),
        choices=ROLE_CHOICES,
        widget=forms.RadioSelect,
        initial=Membership.Role.MEMBER,
    )


class RoleForm(forms.Form):
    role = forms.ChoiceField(label=_("Role"), choices=ROLE_CHOICES, widget=forms.RadioSelect)


class OrganizationSettingsForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("Days and billing periods begin at midnight there."),
    )
    billing_email = forms.EmailField(
        label=_("Billing e-mail"),
        required=False,
        help_text=_("Where invoices go."),
    )


class AccessTokenForm(OneTimeForm, forms_of_accounts.AccessTokenForm):
    """One for each time the page was opened: its answer holds a secret."""


class ProfileForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("Members of your organizations see it."),
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    language = forms.ChoiceField(label=_("Language"), choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("Times on every page are shown in it."),
    )
    theme = forms.ChoiceField(
        label=_("Theme"), choices=User.Theme.choices, widget=forms.RadioSelect
    )
    has_shortcuts = forms.BooleanField(
        label=_("Single-key shortcuts"),
        required=False,
        help_text=_("“/” searches, “?” shows help. Turn them off if they get in the way."),
    )
