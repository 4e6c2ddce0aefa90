"""Products, plans, limits."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.catalog.models import Limit, Plan, Product


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


class LimitSerializer(serializers.ModelSerializer[Limit]):
    class Meta:
        model = Limit
        fields = ["window", "quota"]


class LimitBody(Body):
    window = serializers.ChoiceField(choices=Limit.Window.choices)
    quota = serializers.IntegerField(min_value=1, help_text="Calls per window.")


class PlanSerializer(Resource):
    product = serializers.CharField(source="product.public_id", read_only=True)
    limits = LimitSerializer(many=True, read_only=True)

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
    limits = LimitBody(many=True, required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=32767)


class PlanChangeBody(Body):
    name = serializers.CharField(max_length=120, required=False)
    summary = serializers.CharField(max_length=240, required=False, allow_blank=True)
    approval = serializers.ChoiceField(choices=Plan.Approval.choices, required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=32767)


class LimitsBody(Body):
    limits = LimitBody(many=True, help_text="Replaces all limits; none means unlimited.")


def pairs(limits: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """(window, calls), as the services take limits."""
    return [(limit["window"], limit["quota"]) for limit in limits]
