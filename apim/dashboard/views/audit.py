"""Who did what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.shortcuts import render

from apim.accounts.policies import staff
from apim.audit import selectors
from apim.audit.wording import words_for
from apim.dashboard import roles
from apim.dashboard.pages import page_of

if TYPE_CHECKING:
    from django.http import HttpResponse
    from django_stubs_ext import StrOrPromise

    from apim.accounts.viewers import ViewerRequest
    from apim.audit.models import AuditEvent
    from apim.audit.selectors import Change


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event with its action in words and what it changed."""

    event: AuditEvent
    words: StrOrPromise
    changes: tuple[Change, ...]

    @property
    def is_update(self) -> bool:
        """Something was there before; a creation only has values after."""
        return bool(self.event.before)


@staff(*roles.AUDIT)
def event_list(request: ViewerRequest) -> HttpResponse:
    filters = {name: request.GET.get(name, "").strip() for name in ("actor", "action", "object_id")}
    events = selectors.events(
        None,
        actor=filters["actor"],
        action=filters["action"],
        object_id=filters["object_id"],
    )
    page = page_of(request, events)
    context = {
        "page": page,
        "rows": [EventRow(e, words_for(e.action), selectors.changes_of(e)) for e in page],
        "filters": filters,
        "is_filtered": any(filters.values()),
        "actions": [(action, words_for(action)) for action in selectors.known_actions()],
    }
    return render(request, "dashboard/audit/list.html", context)
