"""Products, plans, limits."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.catalog.limit_checks import LimitInput, warnings_of
from apim.catalog.limit_terms import GROUP_MAX_LENGTH, NAME_MAX_LENGTH
from apim.catalog.models import Limit, Plan, Product
from apim.catalog.selectors import groups_of


class ProductSerializer(Resource):
    versions = serializers.SerializerMethodField(help_text="Public ids of its API versions.")

    class Meta:
        model = Product
        fields = ["id", "slug", "name", "summary", "state", "versions", "created_at", "updated_at"]
        read_only_fields = fields

    def get_versions(self, product: Product) -> list[str]:
        shown = getattr(product, "callable_versions", None)
        rows = product.versions.all() if shown is None else shown
        return [version.public_id for version in rows]


class NewProduct(Body):
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=60, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    versions = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Public ids of API versions."
    )


class ProductChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    versions = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="Replaces the whole set."
    )


class LimitSerializer(Resource):
    name = serializers.CharField(
        source="policy_name", read_only=True, help_text="As in RateLimit headers and refusals."
    )
    kind = serializers.ChoiceField(choices=Limit.Kind.choices)
    window = serializers.ChoiceField(choices=Limit.Window.choices, allow_blank=True)
    per = serializers.ChoiceField(choices=Limit.Per.choices)
    words = serializers.CharField(read_only=True, help_text="What the limit says.")

    class Meta:
        model = Limit
        fields = [
            "id",
            "name",
            "kind",
            "window",
            "every",
            "quota",
            "per",
            "group",
            "is_soft",
            "words",
        ]
        read_only_fields = fields


class LimitBody(Body):
    kind = serializers.ChoiceField(
        choices=Limit.Kind.choices,
        default=Limit.Kind.CALENDAR,
        help_text="calendar: starts anew in the organization's time zone; fixed: aligned to the "
        "unix epoch; sliding: any stretch of that length; concurrent: calls in flight.",
    )
    window = serializers.ChoiceField(
        choices=Limit.Window.choices,
        allow_blank=True,
        default="",
        help_text="Empty for concurrent limits, else required.",
    )
    every = serializers.IntegerField(
        min_value=1,
        default=1,
        help_text="How many windows long; more than 1 for fixed and sliding limits, up to 31 days.",
    )
    quota = serializers.IntegerField(
        min_value=1, help_text="Calls per window, weighted by their operation's cost."
    )
    per = serializers.ChoiceField(
        choices=Limit.Per.choices,
        default=Limit.Per.APPLICATION,
        help_text="Whose calls are added up.",
    )
    group = serializers.CharField(
        max_length=GROUP_MAX_LENGTH,
        allow_blank=True,
        default="",
        help_text="Operation group (OpenAPI tag); empty for every operation.",
    )
    is_soft = serializers.BooleanField(
        default=False, help_text="Calls beyond it pass and are marked as overage."
    )
    name = serializers.CharField(
        max_length=NAME_MAX_LENGTH,
        allow_blank=True,
        default="",
        help_text="Made from the parts when empty.",
    )


class PlanSerializer(Resource):
    product = serializers.CharField(source="product.public_id", read_only=True)
    limits = LimitSerializer(source="limits_in_order", many=True, read_only=True)

    class Meta:
        model = Plan
        fields = [
            "id",
            "product",
            "slug",
            "name",
            "summary",
            "state",
            "approval",
            "charges_overage",
            "position",
            "limits",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields


class NewPlan(Body):
    product = serializers.CharField(help_text="Public id of the product.")
    name = serializers.CharField(max_length=120)
    slug = serializers.SlugField(max_length=60, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    approval = serializers.ChoiceField(choices=Plan.Approval.choices, required=False)
    charges_overage = serializers.BooleanField(
        required=False, help_text="Calls beyond a soft limit are charged."
    )
    limits = LimitBody(many=True, required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=32767)


class PlanChangeBody(Body):
    name = serializers.CharField(max_length=120, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    approval = serializers.ChoiceField(choices=Plan.Approval.choices, required=False)
    charges_overage = serializers.BooleanField(
        required=False, help_text="Calls beyond a soft limit are charged."
    )
    position = serializers.IntegerField(required=False, min_value=0, max_value=32767)


class LimitsBody(Body):
    limits = LimitBody(many=True, help_text="Replaces all limits; none means unlimited.")


class LimitsSet(PlanSerializer):
    warnings = serializers.SerializerMethodField(
        help_text="What is allowed but hardly meant, such as a limit that another forestalls."
    )

    class Meta(PlanSerializer.Meta):
        fields = [*PlanSerializer.Meta.fields, "warnings"]
        read_only_fields = fields

    def get_warnings(self, plan: Plan) -> list[str]:
        return list(warnings_of(plan.limits_in_order, groups=groups_of(plan.product)))


def limit_inputs(limits: list[dict[str, Any]]) -> list[LimitInput]:
    """As the services take limits."""
    return [LimitInput(**limit) for limit in limits]
