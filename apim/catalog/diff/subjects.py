"""Naming what a change is about, at the beginning of its sentence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Level
from apim.catalog.diff.report import Report, shown
from apim.catalog.diff.schemas import WORDS, Found

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Subject:
    """A body, a parameter or a header of one operation.

    `place` is a parameter's (`query`), `name` a parameter's or a header's, `media_type` is only
    given where there are several.
    """

    operation: str
    direction: Direction
    status: str = ""
    place: str = ""
    name: str = ""
    media_type: str = ""
    # In place of all this, where the style has other nouns.
    title: str = ""
    # The API sends the request and the client answers.
    is_callback: bool = False

    def named(self, label: tuple[str, ...] = ()) -> str:
        """For example: Response 200, property “data/items/price”."""
        whole = self._whole()
        if self.media_type:
            whole = f"{whole} ({self.media_type})"
        if not label:
            return whole
        values = {"whole": whole, "property": "/".join(label)}
        return _("%(whole)s, property “%(property)s”") % values

    def _whole(self) -> str:
        if self.title:
            return self.title
        if self.place:
            words = {
                "query": _("Query parameter “%(name)s”"),
                "path": _("Path parameter “%(name)s”"),
                "header": _("Header parameter “%(name)s”"),
                "cookie": _("Cookie parameter “%(name)s”"),
            }
            return words.get(self.place, _("Parameter “%(name)s”")) % {"name": self.name}
        if self.name:
            values = {"status": self.status, "name": self.name}
            return _("Response %(status)s, header “%(name)s”") % values
        if self.status:
            return _("Response %(status)s") % {"status": self.status}
        return _("Callback's body") if self.is_callback else _("Request")

    def of_media_type(self, media_type: str) -> Subject:
        return replace(self, media_type=media_type)


def sentence(subject: str, words: str, values: dict[str, Any]) -> str:
    """“Query parameter “limit”: maximum was lowered from 100 to 50.”."""
    texts = {key: shown(value) for key, value in values.items()}
    what = _(WORDS[words]) % texts
    return _("%(subject)s: %(what)s.") % {"subject": subject, "what": what}


def add_found(
    report: Report, subject: Subject, found: Iterable[Found], *, is_promised: bool = True
) -> None:
    """Note what a walk over two schemas found, for this subject.

    `is_promised`: the operation is stable enough for a change to break anything.
    """
    if report.is_full:
        report.omit(sum(1 for _one in found))
        return
    for one in found:
        values = {"before": one.before, "after": one.after, **one.values}
        report.add(
            one.code,
            one.level if is_promised else Level.COMPATIBLE,
            subject.direction,
            subject.operation,
            one.path,
            sentence(subject.named(one.label), one.words, values),
            is_in_old=one.is_in_old,
            before=one.before,
            after=one.after,
        )
