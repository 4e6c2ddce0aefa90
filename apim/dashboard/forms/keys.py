"""Forms about API keys: search, import."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from apim.core.errors import NotFound
from apim.keys.models import ApiKey
from apim.keys.selectors import get_application

MAX_FILE_BYTES = 2 * 1024 * 1024


class KeySearchForm(forms.Form):
    q = forms.CharField(
        label=_("Search"),
        required=False,
        widget=forms.TextInput(
            attrs={"type": "search", "placeholder": _("Name, id, beginning, organization")}
        ),
    )
    status = forms.ChoiceField(
        label=_("State"),
        required=False,
        choices=[("", pgettext_lazy("state", "Any state")), *ApiKey.Status.choices],
    )


class ImportKeysForm(forms.Form):
    application = forms.CharField(
        label=_("Application"),
        max_length=32,
        help_text=_("Its id, such as app_7Qm2VtYc9LpXa4RzKd81."),
    )
    file = forms.FileField(
        label=_("File"), required=False, help_text=_("CSV or JSON, at most 1,000 keys.")
    )
    text = forms.CharField(
        label=_("Or paste it"),
        required=False,
        widget=forms.Textarea(
            attrs={
                "rows": 8,
                "class": "mono",
                "spellcheck": "false",
                "placeholder": "hash,name,environment,start,last4,expires_at,pepper_version",
            }
        ),
        help_text=_(
            "“hash” is the SHA-256 of the whole key in hex, or with a pepper_version our own keyed "
            "hash. The other columns may be left out; a plain list of hashes will do."
        ),
    )

    def clean_application(self) -> Any:
        try:
            return get_application(None, self.cleaned_data["application"].strip())
        except NotFound as error:
            raise forms.ValidationError(_("There is no such application.")) from error

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        file = cleaned.get("file")
        if file is not None:
            if file.size > MAX_FILE_BYTES:
                self.add_error("file", _("The file is too large."))
            else:
                try:
                    cleaned["text"] = file.read().decode()
                except UnicodeDecodeError:
                    self.add_error("file", _("The file is not text in UTF-8."))
        elif not cleaned.get("text", "").strip():
            self.add_error("text", _("Give a file or paste the keys."))
        return cleaned
