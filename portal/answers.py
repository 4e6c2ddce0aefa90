"""The few shapes of answer that the portal's views share."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar

from django.core.paginator import Page, Paginator
from django.shortcuts import render
from django.utils.cache import patch_cache_control

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import Model, QuerySet
    from django.forms import BaseForm
    from django.http import HttpRequest, HttpResponse

Row = TypeVar("Row", bound="Model")

PAGE_SIZE = 25


def form_page(
    request: HttpRequest, template: str, form: BaseForm, context: Mapping[str, Any]
) -> HttpResponse:
    """A page around a form: 422 when the form was sent and is not valid."""
    status = HTTPStatus.UNPROCESSABLE_ENTITY if form.is_bound and form.errors else HTTPStatus.OK
    return render(request, template, {**context, "form": form}, status=status)


def secret_page(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """The one answer that holds a secret: no cache may keep it."""
    response = render(request, template, dict(context))
    patch_cache_control(response, no_store=True, private=True)
    return response


def page_of(
    request: HttpRequest, rows: QuerySet[Row] | Sequence[Any], size: int = PAGE_SIZE
) -> Page[Any]:
    """The page that `?page=` names; a wrong number gives the nearest page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))
