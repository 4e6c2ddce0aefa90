"""The guides, with search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_GET

from apim.accounts.policies import public
from portal.forms import GuideSearchForm
from portal.guides import all_guides, get_guide, search_guides

if TYPE_CHECKING:
    from django.http import HttpResponse

    from apim.accounts.viewers import ViewerRequest


@public
@require_GET
def guides(request: ViewerRequest) -> HttpResponse:
    form = GuideSearchForm(request.GET)
    query = form.cleaned_data["q"].strip() if form.is_valid() else ""
    context = {
        "form": form,
        "query": query,
        "found": search_guides(query) if query else (),
        "guides": all_guides(),
    }
    return render(request, "portal/guides/list.html", context)


@public
@require_GET
def guide(request: ViewerRequest, slug: str) -> HttpResponse:
    found = get_guide(slug)
    guides = all_guides()
    following = guides[guides.index(found) + 1 :][:1]
    context = {"guide": found, "guides": guides, "following": following[0] if following else None}
    return render(request, "portal/guides/guide.html", context)
