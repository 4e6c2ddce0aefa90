"""What every part of the comparison works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apim.catalog.diff.change import Direction, Effect, Level
from apim.catalog.diff.schemas import Frame, Scope, Walks
from apim.catalog.diff.subjects import Subject, add_found

if TYPE_CHECKING:
    from datetime import date

    from apim.catalog.diff.document import Document, Node, Sameness
    from apim.catalog.diff.report import Report


@dataclass(frozen=True, slots=True)
class Context:
    """The two documents, what is the same in them, and the changes found so far."""

    old: Document
    new: Document
    sameness: Sameness
    walks: Walks
    report: Report
    today: date


@dataclass(frozen=True, slots=True)
class Call:
    """One operation in both documents, with the path items around it.

    `renamed` gives the new name of a path parameter by the old one.
    """

    context: Context
    name: str
    old: Node
    new: Node
    old_item: Node
    new_item: Node
    renamed: dict[str, str]
    # The API calls the client: a webhook or a callback.
    is_callback: bool = False
    # It is no draft: clients may rely on it.
    is_promised: bool = True

    def direction(self, direction: Direction) -> Direction:
        return direction.opposite if self.is_callback else direction

    def subject(
        self, direction: Direction, *, status: str = "", place: str = "", name: str = ""
    ) -> Subject:
        return Subject(
            operation=self.name,
            direction=self.direction(direction),
            status=status,
            place=place,
            name=name,
            is_callback=self.is_callback,
        )

    def add(
        self,
        code: str,
        effect: Effect | Level,
        node: Node,
        text: str,
        *,
        direction: Direction = Direction.NONE,
        is_in_old: bool = False,
        before: Any = None,
        after: Any = None,
    ) -> None:
        """Note a change of this operation that is none of a schema."""
        self.context.report.add(
            code,
            effect if self.is_promised else Level.COMPATIBLE,
            self.direction(direction),
            self.name,
            node.path,
            text,
            is_in_old=is_in_old,
            before=before,
            after=after,
        )

    def compare_schemas(self, subject: Subject, old: Node, new: Node, frame: Frame) -> None:
        found = self.context.walks.compare(old, new, frame)
        add_found(self.context.report, subject, found, is_promised=self.is_promised)


def said(subject: Subject, what: str) -> str:
    """A sentence about a subject."""
    return _("%(subject)s: %(what)s.") % {"subject": subject.named(), "what": what}


__all__ = ["Call", "Context", "Frame", "Scope", "said"]
