"""Applications, subscriptions, API keys."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.catalog.limit_terms import GROUP_MAX_LENGTH, QUOTA_MAX, LimitKind, LimitWindow
from apim.keys.models import ApiKey, Application, LeakAction, LeakReport, Subscription
from apim.keys.rules import KeyRules, LimitTermsGiven

RULES = ("scopes", "cidrs", "origins", "limits")

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
    holds = serializers.ListField(
        child=serializers.ChoiceField(choices=Subscription.Hold.choices),
        source="reasons",
        read_only=True,
        help_text="Why it is suspended; each is lifted by who put it there.",
    )

    class Meta:
        model = Subscription
        fields = [
            "id",
            "organization",
            "application",
            "plan",
            "product",
            "state",
            "holds",
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


class StatedBody(Body):
    stated_at = serializers.DateTimeField(
        required=False,
        help_text="`effective_at` of a preview at most an hour old: fees are reckoned as of it.",
    )


class PlanChange(StatedBody):
    plan = serializers.CharField(help_text="Public id of another plan of the same product.")


class KeyLimitSerializer(serializers.Serializer[Any]):
    """A limit of a key's own, below those of the plan."""

    name = serializers.CharField(source="policy_name", read_only=True)
    kind = serializers.ChoiceField(choices=LimitKind.choices, default=LimitKind.CALENDAR)
    window = serializers.ChoiceField(
        choices=LimitWindow.choices,
        default="",
        allow_blank=True,
        help_text="Empty for concurrent.",
    )
    every = serializers.IntegerField(
        min_value=1, default=1, help_text="So many windows together; only fixed and sliding."
    )
    quota = serializers.IntegerField(min_value=1, max_value=QUOTA_MAX)
    group = serializers.CharField(
        max_length=GROUP_MAX_LENGTH,
        default="",
        allow_blank=True,
        help_text="An operation group (OpenAPI tag); empty: every operation.",
    )


class ApiKeySerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    application = serializers.CharField(source="application.public_id", read_only=True)
    status = serializers.ChoiceField(choices=ApiKey.Status.choices, read_only=True)
    successor = serializers.CharField(
        source="successor.public_id", read_only=True, allow_null=True, default=None
    )
    limits = KeyLimitSerializer(many=True, read_only=True)

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
            "scopes",
            "cidrs",
            "origins",
            "limits",
            "is_imported",
            "created_at",
            "created_by",
            "expires_at",
            "rotated_at",
            "revoked_at",
            "last_used_at",
            "last_used_ip",
            "last_used_gateway",
            "successor",
        ]
        read_only_fields = fields


class IssuedKeySerializer(serializers.Serializer[Any]):
    """The one answer that holds the secret."""

    key = ApiKeySerializer()
    secret = serializers.CharField(
        allow_null=True, help_text="Shown this once. Null in a repeated answer."
    )


class KeyRulesBody(Body):
    """What a key may do; empty lists allow everything."""

    scopes = serializers.ListField(
        child=serializers.CharField(max_length=GROUP_MAX_LENGTH),
        required=False,
        help_text="Operation groups (OpenAPI tags) of the APIs that the application subscribes to.",
    )
    cidrs = serializers.ListField(
        child=serializers.CharField(max_length=60),
        required=False,
        help_text="Addresses or networks that calls may come from, such as 203.0.113.0/24.",
    )
    origins = serializers.ListField(
        child=serializers.CharField(max_length=220),
        required=False,
        help_text="Origins of browsers, such as https://shop.example or https://*.shop.example.",
    )
    limits = KeyLimitSerializer(many=True, required=False)


def rules_from(values: dict[str, Any], *, now: KeyRules | None = None) -> KeyRules:
    """Take the rules out of a body's values; what it leaves out stays as it is `now`."""
    given = {name: values.pop(name) for name in RULES if name in values}
    if "limits" in given:
        given["limits"] = [LimitTermsGiven(**limit) for limit in given["limits"]]
    return replace(now or KeyRules(), **given)


class NewKey(KeyRulesBody):
    application = serializers.CharField(help_text="Public id of the application.")
    environment = serializers.ChoiceField(
        choices=ApiKey.Environment.choices, default=ApiKey.Environment.LIVE
    )
    name = serializers.CharField(max_length=80, required=False, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class KeyChange(KeyRulesBody):
    """What is left out stays."""

    name = serializers.CharField(max_length=80, allow_blank=True, required=False)


class KeysToRevoke(Body):
    """Exactly one of the three."""

    keys = serializers.ListField(
        child=serializers.CharField(max_length=32),
        required=False,
        min_length=1,
        max_length=1000,
        help_text="Public ids.",
    )
    application = serializers.CharField(
        required=False, help_text="Every key of this application that works."
    )
    organization = serializers.CharField(
        required=False, help_text="Every key of this organization that works."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError(_("Give keys, application or organization."))
        return attrs


class RevokedKeysSerializer(serializers.Serializer[Any]):
    revoked = serializers.IntegerField(help_text="Keys that worked until now.")


class KeyToImport(Body):
    hash = serializers.CharField(
        max_length=80,
        help_text="SHA-256 of the whole key, hex; with a pepper_version our own keyed hash.",
    )
    name = serializers.CharField(max_length=80, default="", allow_blank=True)
    environment = serializers.ChoiceField(
        choices=ApiKey.Environment.choices, default=ApiKey.Environment.LIVE
    )
    start = serializers.CharField(
        max_length=24, default="", allow_blank=True, help_text="Beginning that lists may show."
    )
    last4 = serializers.CharField(max_length=4, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(allow_null=True, default=None)
    pepper_version = serializers.IntegerField(min_value=0, max_value=9999, default=0)


class KeysToImport(Body):
    application = serializers.CharField(help_text="Public id of the application.")
    keys = KeyToImport(many=True)


class ImportedKeysSerializer(serializers.Serializer[Any]):
    keys = ApiKeySerializer(many=True)


class LeakReportSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    key = serializers.CharField(source="key.public_id", read_only=True)

    class Meta:
        model = LeakReport
        fields = [
            "id",
            "organization",
            "key",
            "source",
            "url",
            "kind",
            "note",
            "action",
            "reported_at",
        ]
        read_only_fields = fields


class LeakPolicyBody(Body):
    action = serializers.ChoiceField(choices=LeakAction.choices)


class LeakPolicySerializer(serializers.Serializer[Any]):
    action = serializers.ChoiceField(choices=LeakAction.choices)


class Grace(Body):
    """How long the old key goes on."""

    grace_seconds = serializers.IntegerField(
        min_value=0,
        max_value=settings.APIM_ROTATION_GRACE_MAX_HOURS * 3600,
        help_text="From now; 0 stops the old key at once.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"grace": timedelta(seconds=attrs["grace_seconds"])}
