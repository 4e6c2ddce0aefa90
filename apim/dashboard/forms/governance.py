"""Forms of revisions, rulesets and gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apim.catalog.governance import Gate
from apim.catalog.models import Api
from apim.catalog.services.gates import NOTICE_DAYS_MAX
from apim.catalog.services.revisions import NOTE_MAX_LENGTH
from apim.dashboard.forms.catalog import SpecificationForm

if TYPE_CHECKING:
    from apim.catalog.governance import Ruleset


class RevisionForm(SpecificationForm):
    """A further document of a version."""

    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=NOTE_MAX_LENGTH,
        help_text=_("What changed and why, in a sentence. It stands in the changelog."),
    )

    def detail_fields(self) -> list[forms.BoundField]:
        return [self["note"]]


class PublishRevisionForm(forms.Form):
    """Asks to acknowledge breaking changes, if there are any."""

    acknowledges_breaking = forms.BooleanField(
        label=_("I know that programs which call this version will break"), required=False
    )

    def __init__(self, *args: Any, is_breaking: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not is_breaking:
            del self.fields["acknowledges_breaking"]


class RulesetForm(forms.Form):
    """A ruleset; a built-in one keeps its name and text."""

    name = forms.CharField(label=_("Name"), max_length=120)
    text = forms.CharField(
        label=_("Rules"),
        strip=False,
        widget=forms.Textarea({"rows": 24, "class": "mono small", "spellcheck": "false"}),
        help_text=_(
            "YAML in Spectral's format: extends, rules, overrides. Functions of your own in "
            "JavaScript are not run."
        ),
    )
    is_enabled = forms.BooleanField(label=_("Enabled"), required=False, initial=True)
    is_for_all = forms.BooleanField(label=_("For all APIs"), required=False, initial=True)
    apis = forms.ModelMultipleChoiceField(
        label=_("APIs"),
        queryset=Api.objects.all(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Those that it judges when it is not for all."),
    )

    def __init__(self, *args: Any, ruleset: Ruleset | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if ruleset is not None and ruleset.built_in:
            del self.fields["name"], self.fields["text"]

    @staticmethod
    def initial_of(ruleset: Ruleset) -> dict[str, Any]:
        """The form's values for an existing ruleset."""
        return {
            "name": ruleset.name,
            "text": ruleset.text,
            "is_enabled": ruleset.is_enabled,
            "is_for_all": ruleset.is_for_all,
            "apis": list(ruleset.apis.all()),
        }


class GateForm(forms.Form):
    """What is asked before a transition; only the questions that suit it."""

    blocks = forms.ChoiceField(
        label=_("Findings that block"), choices=Gate.Blocks.choices, required=False
    )
    min_score = forms.IntegerField(
        label=_("Lowest score"),
        required=False,
        min_value=0,
        max_value=100,
        help_text=_("Between 0 and 100. Empty: any."),
    )
    rules = forms.CharField(
        label=_("Rules that must not be broken"),
        required=False,
        help_text=_("Names, separated by commas, whatever the severity of their findings."),
        widget=forms.TextInput({"class": "mono"}),
    )
    forbids_breaking = forms.BooleanField(
        label=_("Breaking changes need a new version"),
        required=False,
        help_text=_("Otherwise they can be acknowledged."),
    )
    requires_sunset = forms.BooleanField(label=_("A day of sunset is required"), required=False)
    notice_days = forms.IntegerField(
        label=_("Notice"),
        min_value=0,
        max_value=NOTICE_DAYS_MAX,
        help_text=_("Days that the sunset must be ahead at least."),
    )

    QUESTIONS = {
        Gate.Transition.PUBLISH: ("blocks", "min_score", "rules"),
        Gate.Transition.PUBLISH_REVISION: ("blocks", "min_score", "rules", "forbids_breaking"),
        Gate.Transition.DEPRECATE: ("requires_sunset", "notice_days"),
        Gate.Transition.RETIRE: ("requires_sunset",),
    }

    def __init__(self, data: Any, *, gate: Gate) -> None:
        initial = {name: getattr(gate, name) for name in self.base_fields}
        initial["rules"] = ", ".join(gate.rules)
        super().__init__(data, initial=initial)
        asked = self.QUESTIONS[Gate.Transition(gate.transition)]
        for name in set(self.fields) - set(asked):
            del self.fields[name]
        if gate.transition == Gate.Transition.RETIRE:
            self.fields["requires_sunset"].label = _("The day of sunset must have come")

    def clean_rules(self) -> list[str]:
        names = (name.strip() for name in str(self.cleaned_data["rules"]).split(","))
        return [name for name in names if name]
