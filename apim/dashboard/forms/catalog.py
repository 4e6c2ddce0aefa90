"""Forms of APIs and their versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from apim.catalog.models import ApiVersion

_SOURCES = ("document", "text", "url")


class SpecificationForm(forms.Form):
    """A description of any style by upload, paste or URL: exactly one of the three."""

    document = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_(
            "OpenAPI, AsyncAPI, GraphQL, gRPC (.proto), WSDL or Markdown, up to 10 MB; several "
            "files in a zip."
        ),
    )
    text = forms.CharField(
        label=_("Or paste it"),
        required=False,
        strip=False,
        widget=forms.Textarea({"rows": 12, "class": "mono small", "spellcheck": "false"}),
    )
    # Hosts may be single words (http://specs:9000): the service judges addresses, not the form.
    url = forms.CharField(
        label=_("Or fetch it from"),
        required=False,
        max_length=500,
        widget=forms.URLInput({"placeholder": "https://example.com/openapi.yaml"}),
        help_text=_("Addresses inside a private network are refused unless allow-listed."),
    )

    def detail_fields(self) -> list[forms.BoundField]:
        """The fields beside the document itself."""
        return []

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = [name for name in _SOURCES if cleaned.get(name)]
        if not given and not self.errors:
            self.add_error("document", _("Choose a file, paste a document or give its URL."))
        if len(given) > 1:
            self.add_error(given[1], _("Give the document in one way only."))
        upload = cleaned.get("document")
        if upload and upload.size > settings.APIM_SPEC_MAX_BYTES:
            self.add_error("document", _("The file is larger than 10 MB."))
        return cleaned


class ApiForm(SpecificationForm):
    """A new API from its first document."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        required=False,
        help_text=_("Taken from the document's title when left empty."),
    )
    version_name = forms.SlugField(
        label=_("Version"), max_length=30, initial="v1", help_text=_("Part of the gateway's path.")
    )
    upstream_url = forms.CharField(
        label=_("Upstream URL"),
        required=False,
        max_length=500,
        help_text=_(
            "Where gateways forward calls to. Taken from the document's servers if empty; not "
            "needed where nothing is called over HTTP."
        ),
    )
    field_order = ["document", "text", "url", "name", "version_name", "upstream_url"]

    def detail_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "version_name", "upstream_url")]


class ApiEditForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    summary = forms.CharField(label=_("Summary"), max_length=240, required=False)
    description = forms.CharField(
        label=_("Description"),
        required=False,
        widget=forms.Textarea({"rows": 8}),
        help_text=_("Markdown."),
    )
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas."))
    owner_email = forms.EmailField(label=_("Owner's e-mail"), required=False)

    def clean_tags(self) -> list[str]:
        tags = [tag.strip() for tag in str(self.cleaned_data["tags"]).split(",")]
        return list(dict.fromkeys(tag[:40] for tag in tags if tag))


class VersionForm(SpecificationForm):
    """A further version of an API."""

    name = forms.SlugField(
        label=_("Version"), max_length=30, help_text=_("Part of the gateway's path, like v2.")
    )
    upstream_url = forms.CharField(
        label=_("Upstream URL"),
        required=False,
        max_length=500,
        help_text=_(
            "Where gateways forward calls to. Taken from the document's servers if empty; not "
            "needed where nothing is called over HTTP."
        ),
    )
    field_order = ["document", "text", "url", "name", "upstream_url"]

    def detail_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("name", "upstream_url")]


class VersionEditForm(forms.Form):
    upstream_url = forms.CharField(label=_("Upstream URL"), max_length=500)
    sandbox_upstream_url = forms.CharField(
        label=_("Sandbox upstream URL"),
        max_length=500,
        required=False,
        help_text=_("Where calls with test keys go. Left empty, they go to the upstream too."),
    )
    timeout_seconds = forms.IntegerField(
        label=_("Timeout"),
        min_value=1,
        max_value=300,
        help_text=_("Seconds that a gateway waits for the upstream's answer."),
    )
    cost_header = forms.CharField(
        label=_("Cost header"),
        max_length=60,
        required=False,
        help_text=_(
            "Response header in which the upstream states what a call costs, as a whole number. "
            "Without it a call costs what its operation does."
        ),
        widget=forms.TextInput({"placeholder": "x-call-cost", "class": "mono"}),
    )
    fails_open = forms.BooleanField(
        label=_("Let known keys by when nobody can check them"),
        required=False,
        help_text=_(
            "While counters and keys cannot be read, gateways go by what they knew last, for a "
            "bounded time. Otherwise they refuse every call with 503 until it works again."
        ),
    )

    @classmethod
    def initial_of(cls, version: ApiVersion) -> dict[str, Any]:
        """The form's values for an existing version."""
        return {name: getattr(version, name) for name in cls.base_fields}


class DeprecateForm(forms.Form):
    sunset_on = forms.DateField(
        label=_("Sunset"),
        required=False,
        widget=forms.DateInput({"type": "date"}),
        help_text=_("First day on which the version may stop answering. Sent to callers."),
    )
