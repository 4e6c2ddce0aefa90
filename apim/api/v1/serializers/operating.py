"""Gateways, audit events, background jobs."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.audit.models import AuditEvent
from apim.catalog.limit_terms import LimitKind, LimitWindow
from apim.gateway.models import Gateway
from apim.outbox.models import OutboxEntry

CONTACTS = ["online", "silent", "never", "disabled"]


class GatewaySerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="gateway.public_id")
    name = serializers.CharField(source="gateway.name")
    kind = serializers.ChoiceField(source="gateway.kind", choices=Gateway.Kind.choices)
    state = serializers.ChoiceField(source="gateway.state", choices=Gateway.State.choices)
    token_start = serializers.CharField(source="gateway.token_start")
    software_version = serializers.CharField(source="gateway.software_version")
    contact = serializers.ChoiceField(choices=CONTACTS)
    last_contact_at = serializers.DateTimeField(allow_null=True)
    last_usage_at = serializers.DateTimeField(source="gateway.last_usage_at", allow_null=True)
    desired_version = serializers.CharField(allow_blank=True)
    applied_version = serializers.CharField(allow_blank=True)
    lag_seconds = serializers.FloatField()
    last_error = serializers.CharField(source="gateway.last_error", allow_blank=True)
    created_at = serializers.DateTimeField(source="gateway.created_at")


class UsedUpWindowSerializer(serializers.Serializer[Any]):
    """A window of a hard limit that refused calls, after its end."""

    owner = serializers.CharField(
        help_text="Whose calls were counted: id of an organization, application or key."
    )
    product = serializers.CharField(source="product_name")
    kind = serializers.ChoiceField(choices=LimitKind.choices)
    window = serializers.ChoiceField(choices=LimitWindow.choices)
    every = serializers.IntegerField()
    group = serializers.CharField(allow_blank=True)
    quota = serializers.IntegerField()
    made = serializers.IntegerField(help_text="Calls in the usage log, weighted by their cost.")
    never_made = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()


class LendingSerializer(serializers.Serializer[Any]):
    """Calls that gateways were lent in the last 24 hours, and what came of them."""

    lent = serializers.IntegerField()
    returned = serializers.IntegerField(help_text="Not made, and given back.")
    recalls = serializers.IntegerField(
        help_text="How often a limit had no room while calls of it might be lent."
    )
    window_count = serializers.IntegerField(help_text="Windows of hard limits that were used up.")
    quota = serializers.IntegerField(help_text="What those allowed together.")
    made = serializers.IntegerField(help_text="What the usage log shows of it.")
    never_made = serializers.IntegerField()
    never_made_share = serializers.FloatField()
    windows = UsedUpWindowSerializer(many=True)


class RegisteredGatewaySerializer(serializers.Serializer[Any]):
    """The one answer that holds the token."""

    gateway = GatewaySerializer()
    secret = serializers.CharField(
        allow_null=True, help_text="The gateway's token, shown this once."
    )


class SnippetSerializer(serializers.Serializer[Any]):
    title = serializers.CharField()
    text = serializers.CharField(help_text="The token belongs where `<token>` stands.")


class ConnectionSerializer(serializers.Serializer[Any]):
    """Where the gateway sends its usage, and texts to paste into its configuration."""

    url = serializers.CharField()
    page = serializers.CharField(help_text="Page of docs/integrations that explains the texts.")
    snippets = SnippetSerializer(many=True)


class NewGateway(Body):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Gateway.Kind.choices)


class AuditEventSerializer(Resource):
    organization = serializers.SerializerMethodField(help_text="Public id, null for none.")
    before = serializers.DictField(read_only=True)
    after = serializers.DictField(read_only=True)

    class Meta:
        model = AuditEvent
        fields = [
            "id",
            "at",
            "organization",
            "actor_kind",
            "actor_id",
            "actor_label",
            "action",
            "object_type",
            "object_id",
            "object_label",
            "before",
            "after",
            "ip_address",
            "request_id",
        ]
        read_only_fields = fields

    def get_organization(self, event: AuditEvent) -> str | None:
        shown: str | None = getattr(event, "organization_public_id", None)
        return shown


class JobSerializer(serializers.ModelSerializer[OutboxEntry]):
    """News of one app waiting for, or delivered to, others."""

    pending = serializers.ListField(
        child=serializers.CharField(), read_only=True, help_text="Subscribers not yet served."
    )

    class Meta:
        model = OutboxEntry
        fields = [
            "id",
            "topic",
            "pending",
            "attempts",
            "last_error",
            "created_at",
            "due_at",
            "delivered_at",
        ]
        read_only_fields = fields
