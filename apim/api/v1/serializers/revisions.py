"""Revisions, what changed between them, what the rules find, and what gates ask."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.api.v1.serializers.catalog import SpecSource
from apim.catalog.governance import Gate, Publication, Ruleset
from apim.catalog.models import Api
from apim.catalog.services.revisions import NOTE_MAX_LENGTH

LEVELS = ("breaking", "risky", "compatible")
SEVERITIES = ("error", "warn", "info", "hint")


class PathField(serializers.ListField):
    """Keys and indexes from the document's root."""

    child = serializers.JSONField()


class ChangeSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable; oasdiff's id where the meaning is the same.")
    level = serializers.ChoiceField(choices=LEVELS)
    direction = serializers.CharField(help_text="request, response or none.")
    operation = serializers.CharField(help_text="Empty for the document itself.")
    path = PathField(help_text="Into the old document if `is_in_old`, else into the new one.")
    is_in_old = serializers.BooleanField()
    line = serializers.IntegerField(help_text="Counts from 1; 0 where it is not known.")
    text = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ChangeCounts(serializers.Serializer[Any]):
    breaking = serializers.IntegerField()
    risky = serializers.IntegerField()
    compatible = serializers.IntegerField()


class DiffSerializer(serializers.Serializer[Any]):
    is_breaking = serializers.BooleanField()
    advice = serializers.CharField(help_text="What must grow: major, minor, patch or none.")
    counts = ChangeCounts(source="*")
    changes = ChangeSerializer(many=True)


class FindingSerializer(serializers.Serializer[Any]):
    rule = serializers.CharField()
    severity = serializers.ChoiceField(choices=SEVERITIES)
    path = PathField()
    line = serializers.IntegerField()
    column = serializers.IntegerField()
    message = serializers.CharField()
    remedy = serializers.CharField()
    url = serializers.CharField()


class FindingCounts(serializers.Serializer[Any]):
    error = serializers.IntegerField()
    warn = serializers.IntegerField()
    info = serializers.IntegerField()
    hint = serializers.IntegerField()


class LintSerializer(serializers.Serializer[Any]):
    score = serializers.IntegerField(help_text="0 to 100.")
    counts = FindingCounts()
    findings = FindingSerializer(many=True)


class RefusalSerializer(serializers.Serializer[Any]):
    requirement = serializers.CharField(
        help_text="findings, score, rule, breaking_changes, sunset or notice."
    )
    reason = serializers.CharField()
    remedy = serializers.CharField()


class ReviewSerializer(serializers.Serializer[Any]):
    transition = serializers.ChoiceField(choices=Gate.Transition.choices)
    is_allowed = serializers.BooleanField(help_text="Whether the gate would let it pass.")
    needs_acknowledgement = serializers.BooleanField(
        help_text="Whether publishing asks to acknowledge breaking changes."
    )
    refusals = RefusalSerializer(many=True)
    lint = LintSerializer(source="judgement")
    diff = DiffSerializer(source="comparison")


class RevisionUpload(SpecSource):
    note = serializers.CharField(
        max_length=NOTE_MAX_LENGTH, required=False, allow_blank=True, help_text="What changed."
    )


class LintSource(SpecSource):
    api = serializers.CharField(
        required=False, help_text="Public id of an API: its own rules judge too."
    )
    rulesets = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        max_length=10,
        help_text="Texts of rulesets to judge by instead of those in force, in Spectral's format.",
    )


class CheckSource(SpecSource):
    """Without a document the version's newest one is checked."""

    transition = serializers.ChoiceField(
        choices=Gate.Transition.choices,
        required=False,
        help_text="By default publishing: of a draft, or else of a revision.",
    )
    sunset_on = serializers.DateField(
        required=False, allow_null=True, default=None, help_text="For a deprecation."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if any(name in attrs for name in ("spec", "file", "url")):
            return super().validate(attrs)
        return attrs


class DiffSource(Body):
    """Two documents, each as text or as a file (multipart/form-data)."""

    old = serializers.CharField(required=False, trim_whitespace=False)
    new = serializers.CharField(required=False, trim_whitespace=False)
    old_file = serializers.FileField(required=False)
    new_file = serializers.FileField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        wrong = {
            side: [_("Send exactly one of %(side)s and %(side)s_file.") % {"side": side}]
            for side in ("old", "new")
            if (side in attrs) == (f"{side}_file" in attrs)
        }
        if wrong:
            raise serializers.ValidationError(wrong, code="one_source")
        return attrs


class DiffQuery(Body):
    against = serializers.IntegerField(
        required=False,
        min_value=1,
        help_text="Number of the older revision; by default the one in force.",
    )
    version = serializers.CharField(
        required=False, help_text="Public id of another version of the API that `against` is of."
    )


class RevisionPublishing(Body):
    acknowledge_breaking = serializers.BooleanField(
        required=False, default=False, help_text="Publish although callers break."
    )


class PublicationSerializer(Resource):
    version = serializers.CharField(source="version.public_id", read_only=True)
    revision = serializers.IntegerField(source="revision.number", read_only=True)
    previous = serializers.IntegerField(
        source="previous.number", read_only=True, allow_null=True, default=None
    )
    note = serializers.CharField(source="revision.note", read_only=True)
    counts = ChangeCounts(source="*", read_only=True)
    changes = ChangeSerializer(many=True, read_only=True, source="told")

    class Meta:
        model = Publication
        fields = [
            "id",
            "version",
            "revision",
            "previous",
            "published_at",
            "note",
            "is_breaking",
            "counts",
            "changes",
        ]
        read_only_fields = fields


class RulesetSerializer(Resource):
    text = serializers.CharField(read_only=True, help_text="Empty for a built-in ruleset.")
    revision = serializers.IntegerField(
        source="current_revision.number", read_only=True, allow_null=True, default=None
    )
    apis: serializers.SlugRelatedField[Api] = serializers.SlugRelatedField(
        slug_field="public_id", many=True, read_only=True
    )

    class Meta:
        model = Ruleset
        fields = [
            "id",
            "name",
            "built_in",
            "is_enabled",
            "is_for_all",
            "apis",
            "revision",
            "text",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class RulesetChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    text = serializers.CharField(
        trim_whitespace=False, required=False, help_text="YAML or JSON in Spectral's format."
    )
    is_enabled = serializers.BooleanField(required=False)
    is_for_all = serializers.BooleanField(required=False, help_text="Whether it judges every API.")
    apis = serializers.SlugRelatedField(
        slug_field="public_id",
        many=True,
        queryset=Api.objects.all(),
        required=False,
        help_text="Public ids of the APIs that it judges when it is not for all.",
    )


class NewRuleset(RulesetChange):
    name = serializers.CharField(max_length=120)
    text = serializers.CharField(
        trim_whitespace=False, help_text="YAML or JSON in Spectral's format."
    )


class GateSerializer(Resource):
    api = serializers.CharField(
        source="api.public_id",
        default=None,
        allow_null=True,
        read_only=True,
        help_text="The API that it is for; null for every API that has none of its own.",
    )

    class Meta:
        model = Gate
        fields = [
            "transition",
            "api",
            "blocks",
            "min_score",
            "rules",
            "forbids_breaking",
            "requires_sunset",
            "notice_days",
        ]
        read_only_fields = fields


class GateChange(Body):
    blocks = serializers.ChoiceField(
        choices=Gate.Blocks.choices,
        required=False,
        allow_blank=True,
        help_text="Findings of this severity or a worse one block; empty: none does.",
    )
    min_score = serializers.IntegerField(
        required=False, allow_null=True, min_value=0, max_value=100
    )
    rules = serializers.ListField(
        child=serializers.CharField(max_length=120),
        required=False,
        help_text="Names of rules that must have no finding.",
    )
    forbids_breaking = serializers.BooleanField(
        required=False, help_text="A breaking change needs a new version."
    )
    requires_sunset = serializers.BooleanField(
        required=False,
        help_text="Deprecating sets a day of sunset; retiring waits for it.",
    )
    notice_days = serializers.IntegerField(
        required=False, min_value=0, help_text="How far ahead the sunset must be."
    )
