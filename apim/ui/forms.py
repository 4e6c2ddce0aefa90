"""Forms that may be sent once, and how a service's refusal gets back into the form it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _

from apim.ui import one_time

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

    from apim.core.errors import DomainError


class OneTimeForm(forms.Form):
    """For what must not happen twice: a secret is shown, money is given.

    Whoever saves it calls `spend` first, and `give_back` when nothing was done after all.
    """

    token = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, user: AbstractBaseUser, **kwargs: Any) -> None:
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

    def spend(self) -> bool:
        """Whether this is the first time that the valid form is sent."""
        return one_time.spend(self.cleaned_data["token"])

    def give_back(self) -> None:
        """The work was refused, so the same form may be sent again."""
        one_time.give_back(self.cleaned_data["token"])


def add_domain_error(form: forms.BaseForm, error: DomainError) -> None:
    """Show the error beside the fields it names, the rest of it above the form."""
    rest = {name: messages for name, messages in error.fields.items() if name not in form.fields}
    for name, messages in error.fields.items():
        if name in form.fields:
            form.add_error(name, messages)
    for name, messages in rest.items():
        form.add_error(None, [f"{name}: {message}" for message in messages])
    if not error.fields:
        form.add_error(None, error.message)
