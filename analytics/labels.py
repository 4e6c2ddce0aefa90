"""Names for the ids that usage is grouped by: one query per dimension."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _

from analytics.query import MODELS
from apim.catalog.models import Operation
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import Model

    from analytics.models import ForeignMapping
    from analytics.reports import Dimension

# What a label is made of besides the row itself.
_RELATED = {
    "operation": ["version__api"],
    "key": ["application"],
    "version": ["api"],
    "plan": ["product"],
    "subscription": ["application", "plan__product"],
}


# What `target_label` reads of a mapping: for select_related.
TARGETS = (
    "key__application",
    "application__organization",
    "version__api",
    "operation__version__api",
)


class Label(NamedTuple):
    """`key` goes into URLs and filters, `text` is what people read.

    `within` names what the object belongs to where its own name may occur twice.
    """

    key: str
    text: str
    within: str = ""


def labels(dimension: Dimension | None, groups: Iterable[str]) -> dict[str, Label]:
    """A label for each group, which is a primary key, a status or an environment as text."""
    known = set(groups)
    if dimension is None:
        return {group: Label("", _("Calls")) for group in known}
    if dimension == "status":
        return {group: _status_class(group) for group in known}
    if dimension == "status_code":
        return {
            group: Label(group, group if group != "0" else _("Not answered")) for group in known
        }
    if dimension == "environment":
        names = {"live": _("Live"), "test": _("Test"), "": _("Unknown")}
        return {group: Label(group, names.get(group, group)) for group in known}
    if dimension in {"method", "country", "client"}:
        return {group: Label(group, group or _("Unknown")) for group in known}
    return _of_models(dimension, known)


def _status_class(group: str) -> Label:
    if group == "0":
        return Label("0xx", _("Not answered"))
    return Label(f"{group}xx", f"{group}xx")


def _of_models(dimension: str, groups: set[str]) -> dict[str, Label]:
    model = MODELS[dimension]
    rows = model._default_manager.filter(pk__in=[int(group) for group in groups if group])  # noqa: SLF001
    found = {
        str(row.pk): Label(row.public_id, str(row), _within(row))  # type: ignore[attr-defined]
        for row in rows.select_related(*_RELATED.get(dimension, []))
    }
    missing = {
        group: Label("", _("Unattributed") if not group else _("Deleted")) for group in groups
    }
    return missing | found


def _within(row: Model) -> str:
    """GET /times is an operation of each version; several applications have a key of one name."""
    if isinstance(row, Operation):
        return str(row.version)
    return row.application.name if isinstance(row, ApiKey) else ""


def target_label(mapping: ForeignMapping) -> str:
    """What people call the object that a foreign name stands for."""
    if mapping.key is not None:
        return f"{mapping.key.name or mapping.key} ({mapping.key.application.name})"
    if mapping.application is not None:
        return f"{mapping.application.name} ({mapping.application.organization.name})"
    if mapping.operation is not None:
        return f"{mapping.operation} ({mapping.operation.version})"
    return str(mapping.version)
