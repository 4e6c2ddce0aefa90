"""Applications, subscriptions, API keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.keys.models import ApiKey, Application, Subscription

ORGANIZATION_HELP = "Public id. Needed with a staff token; a member's token has its own."


class ApplicationSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    usable_keys = serializers.IntegerField(source="key_count", read_only=True)
    open_subscriptions = serializers.IntegerField(source="subscription_count", read_only=True)

    class Meta:
        model = Application
        fields = [
            "id",
            "organization",
            "name",
            "description",
            "state",
            "usable_keys",
            "open_subscriptions",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class NewApplication(Body):
    organization = serializers.CharField(required=False, help_text=ORGANIZATION_HELP)
    name = serializers.CharField(max_length=120)
    description = serializers.CharField(max_length=400, required=False, allow_blank=True)


class ApplicationChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    description = serializers.CharField(max_length=400, required=False, allow_blank=True)


class SubscriptionSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    application = serializers.CharField(source="application.public_id", read_only=True)
    plan = serializers.CharField(source="plan.public_id", read_only=True)
    product = serializers.CharField(source="product.public_id", read_only=True)

    class Meta:
        model = Subscription
        fields = [
            "id",
            "organization",
            "application",
            "plan",
            "product",
            "state",
            "decision_note",
            "created_at",
            "activated_at",
            "ended_at",
        ]
        read_only_fields = fields


class NewSubscription(Body):
    application = serializers.CharField(help_text="Public id of the application.")
    plan = serializers.CharField(help_text="Public id of a published plan.")


class Decision(Body):
    note = serializers.CharField(
        max_length=400,
        required=False,
        default="",
        allow_blank=True,
        help_text="The applicant reads it.",
    )


class PlanChange(Body):
    plan = serializers.CharField(help_text="Public id of another plan of the same product.")


class ApiKeySerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    application = serializers.CharField(source="application.public_id", read_only=True)
    status = serializers.ChoiceField(choices=ApiKey.Status.choices, read_only=True)
    successor = serializers.CharField(
        source="successor.public_id", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = ApiKey
        fields = [
            "id",
            "organization",
            "application",
            "environment",
            "name",
            "start",
            "last4",
            "status",
            "created_at",
            "created_by",
            "expires_at",
            "rotated_at",
            "revoked_at",
            "last_used_at",
            "successor",
        ]
        read_only_fields = fields


class IssuedKeySerializer(serializers.Serializer[Any]):
    """The one answer that holds the secret."""

    key = ApiKeySerializer()
    secret = serializers.CharField(
        allow_null=True, help_text="Shown this once. Null in a repeated answer."
    )


class NewKey(Body):
    application = serializers.CharField(help_text="Public id of the application.")
    environment = serializers.ChoiceField(
        choices=ApiKey.Environment.choices, default=ApiKey.Environment.LIVE
    )
    name = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class KeyChange(Body):
    name = serializers.CharField(max_length=80, allow_blank=True)


class Grace(Body):
    """How long the old key goes on."""

    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=settings.APIM_ROTATION_GRACE_MAX_HOURS * 3600,
        help_text="From now; 0 stops the old key at once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"grace": timedelta(seconds=attrs["grace_seconds"])}
