"""APIs, versions, revisions, operations."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.catalog.models import Api, ApiVersion, Operation, SpecRevision
from apim.catalog.services.operations import COST_MAX, GROUP_MAX_LENGTH, GROUPS_MAX
from apim.catalog.services.versions import HEADER_MAX_LENGTH


class ApiSerializer(Resource):
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = Api
        fields = [
            "id",
            "slug",
            "name",
            "summary",
            "description",
            "tags",
            "owner_email",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class VersionSerializer(Resource):
    api = serializers.CharField(source="api.public_id", read_only=True)
    listen_path = serializers.CharField(read_only=True, help_text="Path prefix at the gateway.")
    revision = serializers.IntegerField(
        source="current_revision.number", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = ApiVersion
        fields = [
            "id",
            "api",
            "name",
            "state",
            "listen_path",
            "revision",
            "created_at",
            "updated_at",
            "published_at",
            "deprecated_at",
            "sunset_on",
            "retired_at",
        ]
        read_only_fields = fields


class StaffVersionSerializer(VersionSerializer):
    """With what only publishers need to know: where gateways forward to."""

    class Meta(VersionSerializer.Meta):
        fields = [
            *VersionSerializer.Meta.fields,
            "upstream_url",
            "sandbox_upstream_url",
            "timeout_seconds",
            "cost_header",
            "fails_open",
        ]
        read_only_fields = fields


class SpecWarning(serializers.Serializer[Any]):
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    pointer = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()
    severity = serializers.CharField()


class RevisionSerializer(Resource):
    version = serializers.CharField(source="version.public_id", read_only=True)
    warnings = SpecWarning(many=True, read_only=True)

    class Meta:
        model = SpecRevision
        fields = [
            "id",
            "version",
            "number",
            "title",
            "style",
            "style_version",
            "media_type",
            "filename",
            "note",
            "sha256",
            "warnings",
            "source_url",
            "created_at",
            "created_by",
        ]
        read_only_fields = fields


class OperationSerializer(Resource):
    version = serializers.CharField(source="version.public_id", read_only=True)
    tags = serializers.ListField(child=serializers.CharField(), read_only=True)
    groups = serializers.ListField(
        child=serializers.CharField(),
        read_only=True,
        help_text="What limits and scopes of keys name: the tags unless they were set.",
    )

    class Meta:
        model = Operation
        fields = [
            "id",
            "version",
            "method",
            "path",
            "operation_id",
            "summary",
            "description",
            "tags",
            "groups",
            "is_deprecated",
            "cost",
        ]
        read_only_fields = fields


class SpecSource(Body):
    """A description of any style, or a zip of its files: exactly one of the three fields.

    OpenAPI 2.0 and 3, AsyncAPI, GraphQL, gRPC (.proto or a descriptor set), WSDL 1.1, Markdown.
    """

    spec = serializers.CharField(
        required=False, trim_whitespace=False, help_text="The document's text."
    )
    file = serializers.FileField(required=False, help_text="The document, as multipart/form-data.")
    url = serializers.URLField(
        required=False, max_length=500, help_text="Where we fetch the document from, once."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in ("spec", "file", "url") if name in attrs]
        if len(given) != 1:
            raise serializers.ValidationError(
                _("Send exactly one of spec, file and url."), code="one_source"
            )
        return attrs


class DocumentQuery(Body):
    revision = serializers.IntegerField(
        required=False, min_value=1, help_text="An earlier revision's number (staff)."
    )


class NewVersion(SpecSource):
    name = serializers.SlugField(
        max_length=30, required=False, help_text="By default v and the document's major version."
    )
    upstream_url = serializers.URLField(
        max_length=500, required=False, help_text="By default the document's first server."
    )
    sandbox_upstream_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    timeout_seconds = serializers.IntegerField(required=False, min_value=1)


class NewApi(SpecSource):
    name = serializers.CharField(
        max_length=120, required=False, help_text="By default the document's title."
    )
    slug = serializers.SlugField(max_length=60, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    owner_email = serializers.EmailField(required=False, allow_blank=True)
    version_name = serializers.SlugField(max_length=30, required=False)
    upstream_url = serializers.URLField(max_length=500, required=False)
    sandbox_upstream_url = serializers.URLField(max_length=500, required=False, allow_blank=True)


class ApiChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    description = serializers.CharField(required=False, allow_blank=True)
    tags = serializers.ListField(child=serializers.CharField(max_length=40), required=False)
    owner_email = serializers.EmailField(required=False, allow_blank=True)


class VersionChange(Body):
    upstream_url = serializers.URLField(max_length=500, required=False)
    sandbox_upstream_url = serializers.URLField(max_length=500, required=False, allow_blank=True)
    timeout_seconds = serializers.IntegerField(required=False, min_value=1)
    cost_header = serializers.CharField(
        max_length=HEADER_MAX_LENGTH,
        required=False,
        allow_blank=True,
        help_text="Response header in which the upstream states what a call costs.",
    )
    fails_open = serializers.BooleanField(
        required=False, help_text="Let known keys by while nobody can check them."
    )


class OperationCosts(Body):
    costs = serializers.DictField(
        child=serializers.IntegerField(min_value=1, max_value=COST_MAX),
        help_text="Public id of an operation to what one call of it counts; others stay.",
    )


class OperationGroups(Body):
    groups = serializers.DictField(
        child=serializers.ListField(
            child=serializers.CharField(max_length=GROUP_MAX_LENGTH),
            max_length=GROUPS_MAX,
            allow_null=True,
        ),
        help_text="Public id of an operation to its groups, null for those of the description; "
        "others stay.",
    )


class OperationsSetSerializer(serializers.Serializer[Any]):
    operations = OperationSerializer(many=True, help_text="Those that changed.")


class Deprecation(Body):
    sunset_on = serializers.DateField(
        required=False,
        allow_null=True,
        default=None,
        help_text="From this day on the version may stop answering.",
    )
