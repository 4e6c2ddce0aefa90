"""The base of every endpoint: scopes, pages, validated input, idempotent POST."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.exceptions import ParseError
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import BaseParser, JSONParser
from rest_framework.response import Response

from apim.accounts import selectors as accounts
from apim.accounts.viewers import viewer_of
from apim.api import idempotency
from apim.api.pagination import PAGE_PARAMETERS
from apim.core.errors import DomainError, InvalidInput, NotFound

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.serializers import BaseSerializer

    from apim.accounts.models import Organization
    from apim.accounts.viewers import Viewer
    from apim.audit.actors import Actor


class BodyTooLarge(DomainError):
    code = "body_too_large"
    status = 413
    title = gettext_lazy("The request's body is too large")


class JSONBody(JSONParser):
    """Counts a body nested deeper than the decoder goes among the malformed ones."""

    def parse(self, stream: Any, media_type: Any = None, parser_context: Any = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError from error


METHODS = ("get", "post", "patch", "delete")


class Endpoint(GenericAPIView[Any]):
    """One URL. `scopes` names, per method, the scope that a token needs.

    `queryset` only tells the schema which model a list holds; rows come from selectors, which
    take the viewer's organization first (None for staff: all of them).
    """

    access_rule: ClassVar[str] = "access_token"
    scopes: ClassVar[dict[str, str]] = {}
    # Fields of an answer that show a secret: null when the answer is repeated.
    secret_fields: ClassVar[tuple[str, ...]] = ()
    lookup_field = "public_id"
    parser_classes: Sequence[type[BaseParser]] = (JSONBody,)
    http_method_names = [*METHODS, "head"]  # no OPTIONS: the schema says more

    @property
    def viewer(self) -> Viewer:
        return viewer_of(self.request._request)  # noqa: SLF001 - DRF's own way to Django's request

    @property
    def actor(self) -> Actor:
        return self.viewer.actor

    @property
    def organization(self) -> Organization | None:
        """The token's organization; None for staff, who may see every one."""
        return self.viewer.organization

    def organization_named(self, public_id: str | None) -> Organization:
        """The named organization, or the token's own when none is named.

        Raises NotFound when it is missing or not the token's.
        """
        own = self.organization
        if own is not None:
            if public_id not in {None, "", own.public_id}:
                raise NotFound
            return own
        if not public_id or not self.viewer.is_staff:
            raise NotFound
        return accounts.get_organization(public_id)

    def valid(self, serializer: type[BaseSerializer[Any]], *, partial: bool = False) -> Any:
        """The request's body as validated values. Raises DRF's ValidationError."""
        form = serializer(data=self.request.data, partial=partial)
        form.is_valid(raise_exception=True)
        return form.validated_data

    def asked(self, serializer: type[BaseSerializer[Any]]) -> dict[str, Any]:
        """The query parameters as validated values. Raises DRF's ValidationError."""
        form = serializer(data=self.request.query_params.dict())
        form.is_valid(raise_exception=True)
        values: dict[str, Any] = form.validated_data
        return values

    def pages(
        self,
        rows: QuerySet[Any],
        serializer: type[BaseSerializer[Any]],
        prepare: Callable[[list[Any]], list[Any]] | None = None,
    ) -> Response:
        """One page of the filtered rows, after `prepare` has completed them.

        Raises InvalidInput for a parameter that nobody reads.
        """
        self._refuse_unknown_parameters()
        page = self.paginate_queryset(self.filter_queryset(rows))
        assert page is not None, "pagination is on for every list"
        shown = list(page) if prepare is None else prepare(list(page))
        return self.get_paginated_response(serializer(shown, many=True).data)

    def created(
        self, serializer: type[BaseSerializer[Any]], value: Any, route: str, *ids: str
    ) -> Response:
        """201 with the new object and where it is."""
        headers = {"Location": reverse(f"api:{route}", args=ids)}
        return Response(serializer(value).data, status=201, headers=headers)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if int(request.META.get("CONTENT_LENGTH") or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise BodyTooLarge

    def require_staff(self) -> None:
        """Raise NotFound for a member's token, although its scope has the same name."""
        if not self.viewer.is_staff:
            raise NotFound

    def _refuse_unknown_parameters(self) -> None:
        filters = getattr(self, "filterset_class", None)
        known = {*(filters.base_filters if filters else ()), *PAGE_PARAMETERS}
        unknown = sorted(set(self.request.query_params) - known)
        if unknown:
            message = _("There is no such parameter.")
            raise InvalidInput(source="query", fields={name: [message] for name in unknown})

    def before_transaction(self) -> None:
        """Work that a POST must do outside its transaction, such as fetching an address."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "post" in cls.__dict__:
            cls.post = _once(cls.__dict__["post"])  # type: ignore[attr-defined]


def _once(handler: Callable[..., Response]) -> Callable[..., Response]:
    """Every POST of every endpoint understands Idempotency-Key."""

    @wraps(handler)
    def post(view: Endpoint, request: Request, *args: Any, **kwargs: Any) -> Response:
        key = idempotency.key_of(request)
        if key is None:
            view.before_transaction()
            return handler(view, request, *args, **kwargs)
        repeated = idempotency.replay(request, key)
        if repeated is not None:
            return repeated
        view.before_transaction()
        return idempotency.run_once(
            request,
            key,
            lambda: handler(view, request, *args, **kwargs),
            secret_fields=view.secret_fields,
        )

    return post
