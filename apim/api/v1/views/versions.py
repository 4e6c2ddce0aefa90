"""API versions with their revisions, operations and documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1 import visibility
from apim.api.v1.filters.catalog import OperationFilter, VersionFilter
from apim.api.v1.serializers.catalog import (
    Deprecation,
    DocumentQuery,
    NewVersion,
    OperationCosts,
    OperationGroups,
    OperationSerializer,
    OperationsSetSerializer,
    RevisionSerializer,
    StaffVersionSerializer,
    VersionChange,
    VersionSerializer,
)
from apim.api.v1.serializers.revisions import RevisionUpload
from apim.api.v1.views.apis import TakesDocument
from apim.catalog import selectors, services
from apim.catalog.models import ApiVersion, Operation, SpecRevision

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rest_framework.request import Request


class _Versions(Endpoint):
    """Members do not learn where gateways forward to."""

    @property
    def shape(self) -> type[VersionSerializer]:
        return StaffVersionSerializer if self.viewer.is_staff else VersionSerializer

    def shown(self, version: ApiVersion) -> Response:
        return Response(self.shape(version).data)


class Versions(_Versions):
    scopes = {"GET": "catalog:read"}
    queryset = ApiVersion.objects.none()
    filterset_class = VersionFilter

    @operation("list_api_versions", "List API versions", StaffVersionSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(visibility.versions(self.viewer), self.shape)


class NewVersionOfApi(TakesDocument):
    scopes = {"POST": "catalog:write"}
    body = NewVersion

    @operation(
        "create_api_version",
        "Add a version from its OpenAPI document",
        StaffVersionSerializer,
        body=NewVersion,
        status=201,
    )
    def post(self, request: Request, public_id: str) -> Response:
        api = selectors.get_api(public_id)
        with self.document_errors():
            made = services.create_version(actor=self.actor, api=api, **self.values)
        return self.created(StaffVersionSerializer, made, "api-version", made.public_id)


class OneVersion(_Versions):
    scopes = {"GET": "catalog:read", "PATCH": "catalog:write"}

    @operation("get_api_version", "Read an API version", StaffVersionSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return self.shown(visibility.one(visibility.versions(self.viewer), public_id))

    @operation(
        "update_api_version",
        "Change where and how gateways forward",
        StaffVersionSerializer,
        body=VersionChange,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        changed = services.update_version(
            actor=self.actor,
            version=selectors.get_version(public_id),
            **self.valid(VersionChange),
        )
        return self.shown(changed)


class _VersionAction(_Versions):
    scopes = {"POST": "catalog:write"}

    def act(self, public_id: str, change: Callable[..., ApiVersion], **values: Any) -> Response:
        version = selectors.get_version(public_id)
        return self.shown(change(actor=self.actor, version=version, **values))


class PublishVersion(_VersionAction):
    @operation("publish_api_version", "Publish an API version", StaffVersionSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.publish_version)


class DeprecateVersion(_VersionAction):
    @operation(
        "deprecate_api_version",
        "Deprecate an API version",
        StaffVersionSerializer,
        body=Deprecation,
        description="Gateways answer with Deprecation and Sunset headers from then on.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.deprecate_version, **self.valid(Deprecation))


class RestoreVersion(_VersionAction):
    @operation(
        "restore_api_version",
        "Take a deprecation or retirement back",
        StaffVersionSerializer,
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.restore_version)


class RetireVersion(_VersionAction):
    @operation(
        "retire_api_version",
        "Retire an API version",
        StaffVersionSerializer,
        description="Gateways stop serving it.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.retire_version)


class Revisions(TakesDocument):
    scopes = {"GET": "catalog:write", "POST": "catalog:write"}
    body = RevisionUpload
    queryset = SpecRevision.objects.none()

    @operation("list_spec_revisions", "List a version's revisions", RevisionSerializer(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        version = selectors.get_version(public_id)
        rows = selectors.revisions_of(version).select_related("version")
        return self.pages(rows, RevisionSerializer)

    @operation(
        "upload_spec_revision",
        "Upload a new revision of the document",
        RevisionSerializer,
        body=RevisionUpload,
        status=201,
        description=(
            "In a draft it comes into force at once; otherwise it waits to be published. The "
            "newest document again answers the revision that exists."
        ),
    )
    def post(self, request: Request, public_id: str) -> Response:
        version = selectors.get_version(public_id)
        with self.document_errors():
            made = services.upload_revision(actor=self.actor, version=version, **self.values)
        return self.created(
            RevisionSerializer, made, "api-version-revision", public_id, str(made.number)
        )


class Operations(Endpoint):
    scopes = {"GET": "catalog:read"}
    queryset = Operation.objects.none()
    filterset_class = OperationFilter

    @operation("list_operations", "List a version's operations", OperationSerializer(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        version = visibility.one(visibility.versions(self.viewer), public_id)
        rows = selectors.operations_of(version).select_related("version")
        return self.pages(rows, OperationSerializer)


class SetOperationCosts(Endpoint):
    scopes = {"POST": "catalog:write"}

    @operation(
        "set_operation_costs",
        "Set what operations cost",
        OperationsSetSerializer,
        body=OperationCosts,
        description="A new revision keeps the cost of an operation that it still describes.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        changed = services.set_operation_costs(
            actor=self.actor,
            version=selectors.get_version(public_id),
            costs=self.valid(OperationCosts)["costs"],
        )
        return Response(OperationsSetSerializer({"operations": changed}).data)


class SetOperationGroups(Endpoint):
    scopes = {"POST": "catalog:write"}

    @operation(
        "set_operation_groups",
        "Put operations into groups",
        OperationsSetSerializer,
        body=OperationGroups,
        description="A new revision keeps the groups of an operation that it still describes.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        changed = services.set_operation_groups(
            actor=self.actor,
            version=selectors.get_version(public_id),
            groups=self.valid(OperationGroups)["groups"],
        )
        return Response(OperationsSetSerializer({"operations": changed}).data)


class Document(Endpoint):
    scopes = {"GET": "catalog:read"}

    @extend_schema(
        operation_id="download_document",
        summary="Download a version's OpenAPI document",
        description="As it was uploaded; of the current revision unless another is named.",
        parameters=[DocumentQuery],
        responses={
            (200, "application/json"): OpenApiTypes.BINARY,
            (200, "application/yaml"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, public_id: str) -> HttpResponse:
        number = self.asked(DocumentQuery).get("revision")
        if number is not None:
            self.require_staff()
        version = visibility.one(visibility.versions(self.viewer), public_id)
        document = selectors.spec_document(version, number)
        return HttpResponse(
            document.raw,
            content_type=document.media_type,
            headers={
                "Content-Disposition": f'attachment; filename="{document.filename}"',
                "ETag": f'"{document.sha256}"',
            },
        )
