"""Forms of limits and of what operations cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apim.catalog.limit_checks import LimitInput, input_of
from apim.catalog.limit_terms import NAME_MAX_LENGTH, LimitKind, LimitPer, LimitWindow
from apim.catalog.services.operations import COST_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.catalog.models import Limit, Operation

KINDS = [
    (LimitKind.CALENDAR, _("Calendar: starts anew each minute, day or month of the organization")),
    (LimitKind.SLIDING, _("Sliding: never more in any stretch of that length")),
    (LimitKind.FIXED, _("Fixed: starts anew after each stretch of that length, in UTC")),
    (LimitKind.CONCURRENT, _("At the same time: calls that have not been answered yet")),
]
SOFTNESS = [
    (False, _("Refuse further calls (429)")),
    (True, _("Let them pass and mark them as overage")),
]


class LimitForm(forms.Form):
    """One limit; which groups there are is known by the plan's product."""

    kind = forms.ChoiceField(label=_("Kind"), choices=KINDS, widget=forms.RadioSelect)
    quota = forms.IntegerField(
        label=_("Calls"),
        min_value=1,
        help_text=_("Each call counts what its operation costs: 1 unless set otherwise."),
    )
    every = forms.IntegerField(
        label=_("Every"),
        min_value=1,
        initial=1,
        help_text=_("More than 1 only for sliding and fixed windows."),
    )
    window = forms.ChoiceField(
        label=_("Window"),
        choices=[("", _("None: calls at the same time")), *LimitWindow.choices],
        required=False,
    )
    per = forms.ChoiceField(
        label=_("Counted together"),
        choices=[
            (LimitPer.APPLICATION, _("All calls of an application")),
            (LimitPer.ORGANIZATION, _("All applications of an organization")),
            (LimitPer.KEY, _("Each API key for itself")),
        ],
    )
    group = forms.ChoiceField(
        label=_("Operations"),
        required=False,
        help_text=_(
            "Groups are the tags of the descriptions, or what you make of them beside the costs."
        ),
    )
    is_soft = forms.TypedChoiceField(
        label=_("Beyond it"),
        choices=SOFTNESS,
        coerce=lambda value: value == "True",
        initial=False,
        widget=forms.RadioSelect,
    )
    name = forms.SlugField(
        label=_("Name"),
        max_length=NAME_MAX_LENGTH,
        required=False,
        help_text=_(
            "Shown in RateLimit headers and refusals. Made from the parts when left empty."
        ),
    )

    def __init__(self, *args: Any, groups: Sequence[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["group"]
        field.choices = [("", _("All operations")), *((group, group) for group in groups)]

    def terms(self) -> LimitInput:
        return LimitInput(**self.cleaned_data)

    @staticmethod
    def initial_of(limit: Limit) -> dict[str, Any]:
        """The form's values for an existing limit."""
        return input_of(limit)._asdict()


class OperationsForm(forms.Form):
    """A cost and the groups of each operation of a page."""

    def __init__(self, *args: Any, operations: Sequence[Operation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.operations = operations
        for operation in operations:
            self.fields[f"cost_{operation.public_id}"] = forms.IntegerField(
                label=_("Cost of %(operation)s") % {"operation": operation},
                min_value=1,
                max_value=COST_MAX,
                initial=operation.cost,
            )
            self.fields[f"groups_{operation.public_id}"] = forms.CharField(
                label=_("Groups of %(operation)s") % {"operation": operation},
                required=False,
                initial=", ".join(operation.groups),
            )

    def rows(self) -> list[tuple[Operation, forms.BoundField, forms.BoundField]]:
        return [
            (one, self[f"groups_{one.public_id}"], self[f"cost_{one.public_id}"])
            for one in self.operations
        ]

    def costs(self) -> dict[str, int]:
        """Public id of each operation to its cost."""
        return {
            str(one.public_id): self.cleaned_data[f"cost_{one.public_id}"]
            for one in self.operations
        }

    def groups(self) -> dict[str, list[str] | None]:
        """Public id of each operation to its groups; None: as the document has them."""
        found: dict[str, list[str] | None] = {}
        for one in self.operations:
            text = self.cleaned_data[f"groups_{one.public_id}"]
            named = [name.strip() for name in text.split(",") if name.strip()]
            found[str(one.public_id)] = None if named == one.tags else named
        return found
