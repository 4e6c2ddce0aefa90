"""Revisions: publishing one, what changed, what the rules find, and trying it without keeping."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from apim.api.endpoint import Endpoint, JSONBody
from apim.api.schema import operation
from apim.api.v1 import visibility
from apim.api.v1.serializers.catalog import RevisionSerializer, StaffVersionSerializer
from apim.api.v1.serializers.revisions import (
    CheckSource,
    DiffQuery,
    DiffSerializer,
    DiffSource,
    LintSerializer,
    LintSource,
    PublicationSerializer,
    ReviewSerializer,
    RevisionPublishing,
)
from apim.api.v1.views.apis import TakesDocument
from apim.catalog import reviews, selectors, services
from apim.catalog.changelog import publications_of, told
from apim.catalog.comparison import compare, compare_descriptions
from apim.catalog.governance import Publication
from apim.catalog.services.linting import compiled_text, judge, result_of
from apim.catalog.services.revisions import read_upload
from apim.core.errors import DomainError, NotFound

if TYPE_CHECKING:
    from rest_framework.request import Request

    from apim.catalog.descriptions import Description


class OneRevision(Endpoint):
    scopes = {"GET": "catalog:write"}

    @operation("get_spec_revision", "Read a revision", RevisionSerializer)
    def get(self, request: Request, public_id: str, number: int) -> Response:
        revision = selectors.get_revision(selectors.get_version(public_id), number)
        return Response(RevisionSerializer(revision).data)


class PublishRevision(Endpoint):
    scopes = {"POST": "catalog:write"}

    @operation(
        "publish_spec_revision",
        "Publish a revision, newer or older",
        StaffVersionSerializer,
        body=RevisionPublishing,
        description=(
            "It comes into force: gateways, reference and operations follow. Refused with "
            "`transition_refused` and its `refusals` by the gate, and with "
            "`breaking_not_acknowledged` while breaking changes are not acknowledged. "
            "The revision in force again changes nothing."
        ),
    )
    def post(self, request: Request, public_id: str, number: int) -> Response:
        version = selectors.get_version(public_id)
        services.publish_revision(
            actor=self.actor,
            version=version,
            revision=selectors.get_revision(version, number),
            acknowledges_breaking=self.valid(RevisionPublishing)["acknowledge_breaking"],
        )
        return Response(StaffVersionSerializer(version).data)


class RevisionDiff(Endpoint):
    scopes = {"GET": "catalog:write"}

    @operation(
        "diff_spec_revisions",
        "What a revision changes for callers",
        DiffSerializer,
        parameters=[DiffQuery],
        description="Breaking changes first.",
    )
    def get(self, request: Request, public_id: str, number: int) -> Response:
        asked = self.asked(DiffQuery)
        version = selectors.get_version(public_id)
        revision = selectors.get_revision(version, number)
        other = version
        if "version" in asked:
            other = selectors.get_version(asked["version"])
            if other.api_id != version.api_id:
                raise NotFound
        against = selectors.get_revision(other, asked.get("against"))
        return Response(DiffSerializer(compare(against, revision)).data)


class RevisionFindings(Endpoint):
    scopes = {"GET": "catalog:write"}

    @operation(
        "list_findings",
        "What the rules find in a revision",
        LintSerializer,
        description="By line, as far as kept (2,000); the counts are complete.",
    )
    def get(self, request: Request, public_id: str, number: int) -> Response:
        revision = selectors.get_revision(selectors.get_version(public_id), number)
        return Response(LintSerializer(result_of(revision)).data)


class Changelog(Endpoint):
    scopes = {"GET": "catalog:read"}
    queryset = Publication.objects.none()

    @operation(
        "list_changelog",
        "What was published in a version, and what it changed",
        PublicationSerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        version = visibility.one(visibility.versions(self.viewer), public_id)
        return self.pages(publications_of(version), PublicationSerializer, told)


class Lint(TakesDocument):
    scopes = {"POST": "catalog:write"}
    body = LintSource

    @operation(
        "lint_document",
        "Judge a document by the rules",
        LintSerializer,
        body=LintSource,
        description="Nothing is kept. By the rules in force for all APIs unless told otherwise.",
    )
    def post(self, request: Request) -> Response:
        with self.document_errors():
            document = self.read()
        texts = self.values.get("rulesets")
        if texts:
            found = judge(document, [compiled_text(text) for text in texts])
        else:
            api = self.values.get("api")
            found = reviews.judge_document(document, api=selectors.get_api(api) if api else None)
        return Response(LintSerializer(found).data)


class Check(TakesDocument):
    scopes = {"POST": "catalog:write"}
    body = CheckSource

    @operation(
        "check_api_version",
        "Try a transition of a version, with a document or its newest one",
        ReviewSerializer,
        body=CheckSource,
        description="Rules, changes for callers, and why the gate would refuse. Nothing is kept.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        version = selectors.get_version(public_id)
        document = None
        if self.has_document:
            with self.document_errors():
                document = self.read()
        found = reviews.review(
            version,
            document=document,
            transition=self.values.get("transition", ""),
            sunset_on=self.values.get("sunset_on"),
        )
        return Response(ReviewSerializer(found).data)


class Diff(Endpoint):
    scopes = {"POST": "catalog:write"}
    parser_classes = (JSONBody, MultiPartParser)

    @operation(
        "diff_documents",
        "What changes for callers between two documents",
        DiffSerializer,
        body=DiffSource,
        description="Nothing is kept. Breaking changes first.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(DiffSource)
        found = compare_descriptions(self._read("old", values), self._read("new", values))
        return Response(DiffSerializer(found).data)

    @staticmethod
    def _read(side: str, values: dict[str, Any]) -> Description:
        """Raises InvalidSpecification, whose fields name the side."""
        upload = values.get(f"{side}_file")
        raw = upload.read() if upload is not None else values[side].encode()
        try:
            return read_upload(raw, filename=upload.name if upload is not None else None)
        except DomainError as error:
            if "raw" in error.fields:
                error.fields[side] = error.fields.pop("raw")
            raise
