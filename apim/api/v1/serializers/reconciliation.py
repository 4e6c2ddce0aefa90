"""Runs of reconciliation, and closed periods as rated, sent and invoiced."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Resource
from apim.api.v1.serializers.billing import MoneySerializer
from apim.api.v1.serializers.usage import PeriodSerializer
from billing.models import Reconciliation, ReconciliationDifference


class ReconciliationSerializer(Resource):
    class Meta:
        model = Reconciliation
        fields = [
            "id",
            "state",
            "starts_at",
            "ends_at",
            "events_found",
            "events_handled",
            "invoices_fetched",
            "invoices",
            "periods",
            "customers",
            "difference_count",
            "last_error",
            "created_at",
            "finished_at",
        ]
        read_only_fields = fields


class DifferenceSerializer(serializers.ModelSerializer[Any]):
    organization = serializers.CharField(
        source="organization.public_id", default=None, read_only=True
    )
    invoice = serializers.CharField(source="invoice.public_id", default=None, read_only=True)
    ours = serializers.IntegerField(help_text="Minor units of `currency`, or units of `meter`.")
    stripes = serializers.IntegerField(help_text="What it is compared with.")

    class Meta:
        model = ReconciliationDifference
        fields = [
            "kind",
            "organization",
            "subject",
            "invoice",
            "meter",
            "currency",
            "ours",
            "stripes",
            "difference",
        ]
        read_only_fields = fields


class MeterFiguresSerializer(serializers.Serializer[Any]):
    meter = serializers.CharField()
    rated = serializers.IntegerField(help_text="Whole counted units.")
    sent = serializers.IntegerField(help_text="At Stripe or on its way.")
    difference = serializers.IntegerField()


class PeriodFiguresSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="period.public_id")
    organization = serializers.CharField(source="period.organization.public_id")
    subscription = serializers.CharField(source="period.subscription.public_id")
    period = PeriodSerializer(source="period.period")
    time_zone = serializers.CharField(source="zone")
    meters = MeterFiguresSerializer(many=True)
    rated = MoneySerializer()
    invoice = serializers.CharField(source="invoice.public_id", default=None)
    invoiced = MoneySerializer(
        allow_null=True, help_text="Of the whole invoice, without what credit paid."
    )
    at_stripe = MoneySerializer(allow_null=True)
    is_equal = serializers.BooleanField()
