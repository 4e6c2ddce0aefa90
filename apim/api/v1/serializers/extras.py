"""Meters and add-ons."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.api.v1.serializers.pricing import Amount
from billing.models import AddOn, AddOnPrice, Meter, SubscriptionAddOn
from billing.services import CURRENCIES
from billing.services.add_ons import MAX_QUANTITY
from billing.services.meters import UNIT_SIZES


class MeterSerializer(Resource):
    class Meta:
        model = Meter
        fields = ["id", "slug", "name", "kind", "statuses", "unit_size", "unit_name", "created_at"]
        read_only_fields = fields


class NewMeter(Body):
    name = serializers.CharField(max_length=80)
    kind = serializers.ChoiceField(choices=Meter.Kind.choices, help_text="What is counted.")
    unit_name = serializers.CharField(max_length=40, help_text="As in: per call.")
    statuses = serializers.ListField(
        child=serializers.CharField(max_length=3),
        required=False,
        help_text="Only of answers with these statuses (404) or classes (2xx); else what is billable.",
    )
    unit_size = serializers.ChoiceField(
        choices=UNIT_SIZES, default=1, help_text="How many of what is counted make one priced unit."
    )
    slug = serializers.SlugField(max_length=60, required=False, help_text="From the name if empty.")


class MeterName(Body):
    name = serializers.CharField(max_length=80)
    unit_name = serializers.CharField(max_length=40, required=False)


class MeterUsageSerializer(serializers.Serializer[Any]):
    meter = serializers.CharField(source="meter.public_id")
    counted = serializers.DecimalField(
        max_digits=None,
        decimal_places=None,
        help_text="Units of all customers in the last seven whole days (UTC).",
    )
    prices = serializers.IntegerField(source="version_count")
    add_ons = serializers.IntegerField(source="add_on_count")


class AddOnPriceSerializer(serializers.ModelSerializer[AddOnPrice]):
    amount = Amount(read_only=True)

    class Meta:
        model = AddOnPrice
        fields = ["currency", "amount"]
        read_only_fields = fields


class AddOnSerializer(Resource):
    product = serializers.CharField(source="product.public_id", read_only=True)
    plan = serializers.CharField(source="plan.public_id", default=None, read_only=True)
    organization = serializers.CharField(
        source="organization.public_id", default=None, read_only=True
    )
    meter = serializers.CharField(source="meter.public_id", default=None, read_only=True)
    prices = AddOnPriceSerializer(many=True, read_only=True)

    class Meta:
        model = AddOn
        fields = [
            "id",
            "product",
            "plan",
            "organization",
            "meter",
            "name",
            "prices",
            "created_at",
            "withdrawn_at",
        ]
        read_only_fields = fields


class AddOnAmounts(Body):
    amounts = serializers.DictField(
        child=Amount(),
        help_text=f"By currency ({', '.join(CURRENCIES)}), in major units: per piece and period, "
        "or per unit of the meter.",
    )


class NewAddOn(AddOnAmounts):
    product = serializers.CharField(help_text="Public id.")
    plan = serializers.CharField(required=False, help_text="Public id; else any of the product.")
    organization = serializers.CharField(required=False, help_text="Public id; else everybody.")
    meter = serializers.CharField(required=False, help_text="Public id; else a flat amount.")
    name = serializers.CharField(max_length=80)


class HeldAddOnSerializer(Resource):
    subscription = serializers.CharField(source="subscription.public_id", read_only=True)
    add_on = serializers.CharField(source="add_on.public_id", read_only=True)
    name = serializers.CharField(source="add_on.name", read_only=True)
    amount = Amount(read_only=True)

    class Meta:
        model = SubscriptionAddOn
        fields = [
            "id",
            "subscription",
            "add_on",
            "name",
            "quantity",
            "amount",
            "currency",
            "started_at",
            "ended_at",
        ]
        read_only_fields = fields


class NewHeldAddOn(Body):
    add_on = serializers.CharField(help_text="Public id.")
    quantity = serializers.IntegerField(default=1, min_value=1, max_value=MAX_QUANTITY)
