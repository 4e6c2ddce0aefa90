"""The three shapes every dashboard page has: a list, a form, and a question before a change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.catalog.openapi import InvalidSpecification
from apim.core.errors import DomainError
from apim.ui.forms import OneTimeForm, add_domain_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django import forms
    from django.core.paginator import Page
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

PAGE_SIZE = 25


def page_of(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any]) -> Page[Any]:
    """The page that `?page=` names; a number out of range gives the nearest page."""
    return Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page"))


@dataclass(frozen=True, slots=True)
class FormPage:
    """The words around a form: what it is for, the verb on its button, and the way back."""

    title: str
    verb: str
    back_url: str
    intro: str = ""
    warning: str = ""
    template: str = "dashboard/form.html"


def form_page(
    request: HttpRequest,
    form: forms.Form,
    page: FormPage,
    save: Callable[[], HttpResponse],
    **context: Any,
) -> HttpResponse:
    """Show the form, or save it and redirect. Invalid input answers 422 with every value kept.

    A DomainError lands beside the fields it names, otherwise at the top of the form; what is wrong
    with a specification becomes a table beneath it (`refusal`). A OneTimeForm is saved once.
    """
    status = 200
    if request.method == "POST":
        if form.is_valid():
            once = form if isinstance(form, OneTimeForm) else None
            if once and not once.spend():
                messages.info(request, _("That was done already: the form was sent twice."))
                return redirect(page.back_url)
            try:
                return save()
            except InvalidSpecification as refusal:
                context["refusal"] = refusal
                form.add_error(None, _how_many(refusal))
            except DomainError as error:
                add_domain_error(form, error)
            if once:
                once.give_back()
        status = 422
    return render(request, page.template, {"form": form, "page": page, **context}, status=status)


def _how_many(refusal: InvalidSpecification) -> str:
    count = len(refusal.problems) + refusal.omitted
    return ngettext(
        "The document cannot be imported: %(count)d problem.",
        "The document cannot be imported: %(count)d problems.",
        count,
    ) % {"count": count}


@dataclass(frozen=True, slots=True)
class Question:
    """What a confirmation page says: the object, the consequence, and the verb on its button."""

    title: str
    consequence: str
    verb: str
    back_url: str
    tone: str = "danger"
    template: str = "dashboard/confirm.html"


def confirm_page(
    request: HttpRequest,
    question: Question,
    act: Callable[[], object],
    done: str,
    **context: Any,
) -> HttpResponse:
    """Ask on GET, act on POST, then go back with a message."""
    if request.method != "POST":
        return render(request, question.template, {"question": question, **context})
    try:
        act()
    except DomainError as error:
        messages.error(request, error.message)
    else:
        messages.success(request, done)
    return redirect(question.back_url)
