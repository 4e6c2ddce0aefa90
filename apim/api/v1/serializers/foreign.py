"""Foreign names, what they stand for, and records that could not be counted."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from analytics.formats.registry import READERS
from analytics.models import ForeignMapping, QuarantinedRecord
from apim.api.v1.serializers.base import Body, Resource

TARGET = (
    "Public id: an API key or an application for a credential or consumer, an API version or an "
    "operation for a route or service."
)


class ForeignMappingSerializer(Resource):
    gateway = serializers.CharField(source="gateway.public_id", read_only=True)
    target = serializers.CharField(source="target.public_id", read_only=True, help_text=TARGET)

    class Meta:
        model = ForeignMapping
        fields = ["id", "gateway", "kind", "value", "target", "created_at"]
        read_only_fields = fields


class NewForeignMapping(Body):
    gateway = serializers.CharField(max_length=32, help_text="Public id.")
    kind = serializers.ChoiceField(choices=ForeignMapping.Kind.choices)
    value = serializers.CharField(max_length=128, help_text="The name as the gateway reports it.")
    target = serializers.CharField(max_length=32, help_text=TARGET)


class SuggestionSerializer(serializers.Serializer[Any]):
    target = serializers.CharField(help_text="Public id.")
    label = serializers.CharField()  # type: ignore[assignment]  # DRF has a text of this name
    reason = serializers.CharField()


class UnmatchedNameSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=ForeignMapping.Kind.choices)
    value = serializers.CharField()
    calls = serializers.IntegerField(help_text="In the last 30 days.")
    succeeded = serializers.IntegerField(help_text="With a status below 400.")
    refused = serializers.IntegerField(help_text="With 4xx.")
    failed = serializers.IntegerField(help_text="With 5xx, or not answered.")
    first_seen_at = serializers.DateTimeField()
    last_seen_at = serializers.DateTimeField()
    path = serializers.CharField(help_text="That a call went to.")
    suggestion = SuggestionSerializer(allow_null=True)


class UnmatchedNamesSerializer(serializers.Serializer[Any]):
    results = UnmatchedNameSerializer(many=True)
    nameless_calls = serializers.IntegerField(
        help_text="Calls that belong to nobody or no API and name nothing that could be mapped."
    )


class QuarantinedRecordSerializer(serializers.ModelSerializer[QuarantinedRecord]):
    """A usage record that could not be counted. Credentials in it are masked."""

    gateway = serializers.CharField(source="gateway_public_id", read_only=True)

    class Meta:
        model = QuarantinedRecord
        fields = [
            "id",
            "gateway",
            "code",
            "message",
            "format",
            "raw",
            "original",
            "received_at",
            "replayed_at",
        ]
        read_only_fields = fields


class Replay(Body):
    raw = serializers.CharField(
        required=False, help_text="The corrected record; by default it is tried as it is."
    )
    format = serializers.ChoiceField(
        required=False, choices=sorted(READERS), help_text="The dialect to read it in."
    )


class ReplayAll(Body):
    code = serializers.CharField(
        required=False, allow_blank=True, max_length=40, help_text="Only records with this reason."
    )


class ReplayAllSerializer(serializers.Serializer[Any]):
    records = serializers.IntegerField(help_text="That are tried again in the background.")
