"""APIs: imported from a document, described, listed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.conf import settings
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from apim.api.endpoint import Endpoint, JSONBody
from apim.api.schema import operation
from apim.api.v1 import visibility
from apim.api.v1.filters.catalog import ApiFilter
from apim.api.v1.serializers.catalog import (
    ApiChange,
    ApiSerializer,
    NewApi,
    SpecSource,
)
from apim.catalog import selectors, services
from apim.catalog.models import Api
from apim.catalog.openapi import fetch_spec, file_name_of
from apim.catalog.services.revisions import read_upload
from apim.core.errors import DomainError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rest_framework.request import Request

    from apim.catalog.descriptions import Description


class TakesDocument(Endpoint):
    """A POST that brings a description as text, as a file or by its address."""

    parser_classes = (JSONBody, MultiPartParser)
    body: type[SpecSource] = SpecSource

    def before_transaction(self) -> None:
        """Fetch the document: nothing waits for another server while rows are locked."""
        values = self.valid(self.body)
        url = values.pop("url", "")
        upload = values.pop("file", None)
        text = values.pop("spec", "")
        filename = None
        self.source = "url" if url else "file" if upload is not None else "spec"
        self.has_document = bool(url or text or upload is not None)
        if url:
            with self.document_errors():
                raw = fetch_spec(url, allowed_hosts=settings.APIM_SPEC_FETCH_ALLOWED_HOSTS)
            filename = file_name_of(url)
        elif upload is not None:
            raw, filename = upload.read(), upload.name
        else:
            raw = text.encode()
        self.values: dict[str, Any] = {
            **values,
            "raw": raw,
            "filename": filename,
            "source_url": url,
        }

    def read(self) -> Description:
        """What the document says, where it is not kept. Raises InvalidSpecification."""
        names = ("raw", "filename", "source_url")
        raw, filename, source_url = (self.values[name] for name in names)
        return read_upload(raw, filename=filename, source_url=source_url)

    @contextmanager
    def document_errors(self) -> Iterator[None]:
        """Let errors of the document point at the field that brought it."""
        try:
            yield
        except DomainError as error:
            for name in ("raw", "source_url"):
                if name in error.fields:
                    error.fields[self.source] = error.fields.pop(name)
            raise


class Apis(TakesDocument):
    scopes = {"GET": "catalog:read", "POST": "catalog:write"}
    queryset = Api.objects.none()
    filterset_class = ApiFilter
    body = NewApi

    @operation("list_apis", "List APIs", ApiSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(visibility.apis(self.viewer), ApiSerializer)

    @operation(
        "create_api",
        "Create an API from its OpenAPI document",
        ApiSerializer,
        body=NewApi,
        status=201,
        description="With a first version, as a draft. Errors name line, column and field.",
    )
    def post(self, request: Request) -> Response:
        with self.document_errors():
            made = services.create_api(actor=self.actor, **self.values)
        return self.created(ApiSerializer, made, "api", made.public_id)


class OneApi(Endpoint):
    scopes = {"GET": "catalog:read", "PATCH": "catalog:write"}

    @operation("get_api", "Read an API", ApiSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(ApiSerializer(visibility.one(visibility.apis(self.viewer), public_id)).data)

    @operation("update_api", "Change an API's description", ApiSerializer, body=ApiChange)
    def patch(self, request: Request, public_id: str) -> Response:
        api = selectors.get_api(public_id)
        changed = services.update_api(actor=self.actor, api=api, **self.valid(ApiChange))
        return Response(ApiSerializer(changed).data)
