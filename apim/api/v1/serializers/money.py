"""Invoices, credit, discounts, changes of subscriptions, and Stripe's events."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from apim.api.v1.serializers.billing import MoneySerializer
from apim.api.v1.serializers.pricing import Amount, WorkedBillSerializer
from apim.api.v1.serializers.usage import PeriodSerializer
from billing.models import (
    CreditGrant,
    Discount,
    Invoice,
    MoneyBack,
    ScheduledChange,
    StripeEvent,
)
from billing.services import CURRENCIES

# The publisher's pause is another: POST /subscriptions/{id}/suspend.
LATER = (("plan", "Change of plan"), ("cancel", "Cancellation"), ("pause", "Pause"))


class ChangeBody(Body):
    kind = serializers.ChoiceField(choices=LATER)
    plan = serializers.CharField(required=False, help_text="Public id; for a change of plan.")


class PreviewBody(Body):
    kind = serializers.ChoiceField(choices=ScheduledChange.Kind.choices)
    plan = serializers.CharField(required=False, help_text="Public id; for a change of plan.")
    when = serializers.ChoiceField(choices=["now", "period_end"], default="now")


class PreviewSerializer(serializers.Serializer[Any]):
    effective_at = serializers.DateTimeField(source="preview.effective_at")
    period = PeriodSerializer(source="preview.period")
    unchanged = WorkedBillSerializer(many=True, help_text="The running period as it is.")
    changed = WorkedBillSerializer(many=True, help_text="The running period with the change.")
    differences = MoneySerializer(source="preview.differences", many=True)
    fixed_before = MoneySerializer(source="preview.fixed_before")
    fixed_after = MoneySerializer(source="preview.fixed_after")
    setup = MoneySerializer(source="preview.setup")
    taxes = MoneySerializer(
        many=True,
        allow_null=True,
        help_text="What Stripe Tax adds to `changed`; null where it is not known.",
    )


class PlannedChangeSerializer(Resource):
    subscription = serializers.CharField(source="subscription.public_id", read_only=True)
    plan = serializers.CharField(source="plan.public_id", default=None, read_only=True)

    class Meta:
        model = ScheduledChange
        fields = ["id", "subscription", "kind", "plan", "due_at", "state", "note", "created_at"]
        read_only_fields = fields


class InvoiceTaxSerializer(serializers.Serializer[Any]):
    """A tax as Stripe worked it out."""

    name = serializers.CharField(allow_blank=True, default="")
    percent = serializers.CharField(allow_blank=True, default="")
    amount_minor = serializers.IntegerField()
    taxable_minor = serializers.IntegerField(allow_null=True)
    is_inclusive = serializers.BooleanField()
    reason = serializers.CharField(help_text="Such as standard_rated or reverse_charge.")


class MoneyBackSerializer(serializers.ModelSerializer[Any]):
    class Meta:
        model = MoneyBack
        fields = ["kind", "status", "reason", "amount_minor", "currency", "at"]
        read_only_fields = fields


class InvoiceSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    taxes = InvoiceTaxSerializer(many=True, read_only=True)

    class Meta:
        model = Invoice
        fields = [
            "id",
            "organization",
            "number",
            "currency",
            "ends_at",
            "status",
            "rated_minor",
            "credit_minor",
            "tax_minor",
            "taxes",
            "total_minor",
            "due_minor",
            "paid_minor",
            "payment_due_at",
            "finalized_at",
            "paid_at",
            "unpaid_since",
            "page_url",
            "pdf_url",
            "created_at",
        ]
        read_only_fields = fields


class InvoiceLineSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    description = serializers.CharField()
    kind = serializers.CharField()
    quantity = serializers.CharField()
    reasons = serializers.ListField(child=serializers.CharField())
    plan_version = serializers.CharField(source="version_id")
    amount = MoneySerializer()
    origin = PeriodSerializer(allow_null=True, help_text="The closed period late usage is of.")
    usage_of = PeriodSerializer(allow_null=True, help_text="The usage it was computed from.")


class InvoicedPeriodSerializer(serializers.Serializer[Any]):
    id = serializers.CharField(source="public_id")
    subscription = serializers.CharField(source="subscription_id")
    application_name = serializers.CharField(source="application")
    product_name = serializers.CharField(source="product")
    period = PeriodSerializer()
    lines = InvoiceLineSerializer(many=True)
    total = MoneySerializer()
    credit = MoneySerializer()


class InvoiceDetailSerializer(serializers.Serializer[Any]):
    invoice = InvoiceSerializer()
    periods = InvoicedPeriodSerializer(many=True)
    money_back = MoneyBackSerializer(many=True, help_text="Refunds, disputes, credit notes.")


class DayOfCallsSerializer(serializers.Serializer[Any]):
    day = serializers.DateField(help_text="In the customer's zone.")
    period = PeriodSerializer()
    billable = serializers.IntegerField()


class RawCallSerializer(serializers.Serializer[Any]):
    event_id = serializers.CharField(help_text="What the gateway named it by.")
    at = serializers.DateTimeField()
    method = serializers.CharField()
    path = serializers.CharField()
    status = serializers.IntegerField()
    duration_ms = serializers.FloatField()


class EvidenceSerializer(serializers.Serializer[Any]):
    """What a rated line was computed from."""

    id = serializers.CharField(source="line.public_id")
    amount = MoneySerializer()
    reasons = serializers.ListField(child=serializers.CharField())
    period = PeriodSerializer()
    zone = serializers.CharField()
    billable = serializers.IntegerField(help_text="By the rollups now; the sum of `days`.")
    days = DayOfCallsSerializer(many=True)
    calls = RawCallSerializer(many=True, help_text="The first of the asked day, while kept.")


class EvidenceQuery(Body):
    day = serializers.DateField(required=False, help_text="Whose single calls are listed.")


class CreditSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    left_minor = serializers.IntegerField(source="left", default=0, read_only=True)

    class Meta:
        model = CreditGrant
        fields = [
            "id",
            "organization",
            "name",
            "currency",
            "priority",
            "granted_at",
            "expires_at",
            "left_minor",
        ]
        read_only_fields = fields


class NewCredit(Body):
    organization = serializers.CharField(help_text="Public id.")
    name = serializers.CharField(max_length=80)
    amount_minor = serializers.IntegerField()
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES))
    expires_at = serializers.DateTimeField(required=False)
    priority = serializers.IntegerField(default=50)
    note = serializers.CharField(max_length=200, default="", allow_blank=True)


class DiscountSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    subscription = serializers.CharField(
        source="subscription.public_id", default=None, read_only=True
    )
    percent = Amount(read_only=True, allow_null=True)
    amount = Amount(read_only=True, allow_null=True)

    class Meta:
        model = Discount
        fields = [
            "id",
            "organization",
            "subscription",
            "name",
            "percent",
            "amount",
            "currency",
            "starts_at",
            "ends_at",
            "created_at",
        ]
        read_only_fields = fields


class NewDiscount(Body):
    organization = serializers.CharField(help_text="Public id.")
    subscription = serializers.CharField(required=False, help_text="Public id; else all.")
    name = serializers.CharField(max_length=80)
    percent = Amount(required=False)
    amount = Amount(required=False, help_text="Major units off each period.")
    currency = serializers.ChoiceField(choices=sorted(CURRENCIES), required=False)
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField(required=False)


class StripeEventSerializer(serializers.ModelSerializer[Any]):
    id = serializers.CharField(source="stripe_id", read_only=True)

    class Meta:
        model = StripeEvent
        fields = [
            "id",
            "type",
            "object_type",
            "object_id",
            "source",
            "happened_at",
            "received_at",
            "deliveries",
            "processed_at",
            "last_error",
        ]
        read_only_fields = fields
