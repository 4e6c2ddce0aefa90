"""allauth's forms in our words, and the form of a new organization."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from allauth.account import forms as theirs
from allauth.core import context
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from django import forms
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from apim.core import clock

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest, HttpResponse
    from django_stubs_ext import StrOrPromise

    from apim.accounts.models import User
    from apim.accounts.scopes import Scope

_LABELS: dict[str, StrOrPromise] = {
    "login": _("E-mail address"),
    "email": _("E-mail address"),
    "remember": _("Keep me signed in on this device"),
    "oldpassword": _("Current password"),
}
NEVER = "never"
_PASSWORD_HELP = _("At least 10 characters, and not one that many people use.")


class _OurWords(forms.Form):
    """Labels say what placeholders repeated; a new password is asked for once.

    Asking twice guards against typing errors that a password manager does not make and that a
    reset by mail heals.
    """

    new_password_label: StrOrPromise = _("New password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("password2", None)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = _LABELS.get(name, field.label)
        if "password1" in self.fields:
            self.fields["password1"].label = self.new_password_label
            self.fields["password1"].help_text = _PASSWORD_HELP


class LoginForm(_OurWords, theirs.LoginForm):
    pass


class ReauthenticateForm(_OurWords, theirs.ReauthenticateForm):
    pass


class ChangePasswordForm(_OurWords, theirs.ChangePasswordForm):
    pass


class SetPasswordForm(_OurWords, theirs.SetPasswordForm):
    pass


class ResetPasswordForm(_OurWords, theirs.ResetPasswordForm):
    pass


class ResetPasswordKeyForm(_OurWords, theirs.ResetPasswordKeyForm):
    pass


class AddEmailForm(_OurWords, theirs.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = _("New e-mail address")


class SignupForm(_OurWords, theirs.SignupForm):
    """Asks for the name as well; mails and other members show it."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    field_order = ["name", "email", "password1"]
    new_password_label = _("Password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Whoever comes from an invitation's link signs up with the invited address: that one is
        # proven already, any other would not be.
        if invited := context.request.session.get("account_verified_email"):
            email = self.fields["email"]
            email.initial = self.initial["email"] = invited
            email.disabled = True

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """For a taken address too, hash the password: the time must not tell that it is taken."""
        if self.account_already_exists:
            make_password(self.cleaned_data["password1"])
        saved: tuple[User | None, HttpResponse | None] = super().try_save(request)
        return saved


class AddKeyForm(AddWebAuthnForm):
    """A passkey unless one wants a second factor only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        passwordless = self.fields["passwordless"]
        passwordless.label = _("Sign in with it alone, without the password")
        passwordless.help_text = _("Your device then asks for fingerprint, face or PIN.")
        passwordless.initial = True


class OrganizationForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("Your company or team. Members, applications and bills belong to it."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )


class AccessTokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("Who uses it, such as “deployment pipeline”.")
    )
    scopes = forms.MultipleChoiceField(
        label=_("May"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "As little as the job needs. A token never does more than you may do yourself."
        ),
    )
    lifetime = forms.ChoiceField(
        label=_("Expires"),
        choices=[
            ("30", _("In 30 days")),
            ("90", _("In 90 days")),
            ("365", _("In a year")),
            (NEVER, _("Never")),
        ],
        initial="90",
    )

    def __init__(self, *args: Any, scopes: Iterable[Scope], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: Any = self.fields["scopes"]
        choices.choices = [(scope.name, f"{scope.name} · {scope.label}") for scope in scopes]

    @property
    def expires_at(self) -> datetime | None:
        """UTC; None: never."""
        lifetime = self.cleaned_data["lifetime"]
        return None if lifetime == NEVER else clock.now() + timedelta(days=int(lifetime))
