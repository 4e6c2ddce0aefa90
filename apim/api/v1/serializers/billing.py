"""Prices and charges. Money is exact: minor units as a number, major units as a string."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _
from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.api.v1.serializers.usage import PeriodSerializer
from apim.core import clock
from billing.models import PlanVersion
from billing.services import CURRENCIES


class UnitAmount(serializers.DecimalField):
    """Major units per call, as a plain decimal without trailing zeros."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_digits=20, decimal_places=12, normalize_output=True, **kwargs)


class MoneySerializer(serializers.Serializer[Any]):
    amount_minor = serializers.IntegerField(help_text="In the currency's minor unit.")
    amount = serializers.CharField(help_text="In major units.")
    currency = serializers.CharField()


class PriceSerializer(Resource):
    plan = serializers.CharField(source="plan.public_id", read_only=True)
    unit_amount = UnitAmount(
        read_only=True, help_text="Of the first charged unit, in major units; see plan versions."
    )
    included_calls = serializers.IntegerField(read_only=True)
    starts_at = serializers.DateTimeField(read_only=True)

    class Meta:
        model = PlanVersion
        fields = [
            "id",
            "plan",
            "currency",
            "unit_amount",
            "included_calls",
            "starts_at",
            "ended_at",
            "created_at",
        ]
        read_only_fields = fields


class NewPrice(Body):
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES))
    unit_amount = serializers.DecimalField(max_digits=20, decimal_places=12, min_value=0)
    included_calls = serializers.IntegerField(min_value=0, max_value=2**63 - 1, default=0)


class MonthQuery(Body):
    month = serializers.RegexField(
        r"^20[0-9]{2}-(0[1-9]|1[0-2])$",
        required=False,
        help_text="A calendar month (UTC) as YYYY-MM; by default the present one.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        named = attrs.pop("month", None)
        first = datetime.strptime(named, "%Y-%m").replace(tzinfo=UTC) if named else clock.now()
        if first > clock.now():
            raise serializers.ValidationError({"month": [_("This month lies ahead.")]})
        return {**attrs, "period": clock.month_of(first)}


class ChargesQuery(MonthQuery):
    organization = serializers.CharField(
        required=False, help_text="Public id. Needed with a staff token."
    )


class ChargeSerializer(serializers.Serializer[Any]):
    subscription = serializers.CharField(source="subscription_id")
    organization = serializers.CharField(source="organization_id")
    organization_name = serializers.CharField()
    application_name = serializers.CharField()
    product = serializers.CharField(source="product_id")
    product_name = serializers.CharField()
    plan = serializers.CharField(source="plan_id")
    plan_name = serializers.CharField()
    currency = serializers.CharField()
    calls = serializers.IntegerField(help_text="Billable calls in the live environment.")
    included_calls = serializers.IntegerField()
    charged_calls = serializers.IntegerField()
    unit_amount = UnitAmount()
    amount = MoneySerializer()
    is_priced = serializers.BooleanField()


class ChargesSerializer(serializers.Serializer[Any]):
    period = PeriodSerializer()
    charges = ChargeSerializer(many=True)
    totals = MoneySerializer(many=True)


class ChargeGroupSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="key")
    name = serializers.CharField(source="label")
    currency = serializers.CharField()
    calls = serializers.IntegerField()
    charged_calls = serializers.IntegerField()
    amount = MoneySerializer()


class OverviewSerializer(ChargesSerializer):
    by_product = ChargeGroupSerializer(many=True)
    by_organization = ChargeGroupSerializer(many=True)
