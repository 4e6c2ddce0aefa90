"""Paid plans on their way, and how an organization pays."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.api.v1.serializers.base import Body, Resource
from billing.models import Checkout


class NewCheckout(Body):
    application = serializers.CharField(help_text="Public id of the application.")
    plan = serializers.CharField(help_text="Public id of a published plan.")
    return_url = serializers.URLField(
        help_text="Where Stripe leads afterwards; `{checkout}` in it becomes the checkout's id."
    )
    cancel_url = serializers.URLField(help_text="Where its link back leads.")


class CheckoutSerializer(Resource):
    organization = serializers.CharField(source="organization.public_id", read_only=True)
    application = serializers.CharField(source="application.public_id", read_only=True)
    plan = serializers.CharField(source="plan.public_id", read_only=True)
    subscription = serializers.CharField(
        source="subscription.public_id", default=None, read_only=True
    )

    class Meta:
        model = Checkout
        fields = [
            "id",
            "organization",
            "application",
            "plan",
            "state",
            "url",
            "subscription",
            "note",
            "created_at",
            "settled_at",
        ]
        read_only_fields = fields


class PaymentPageBody(Body):
    return_url = serializers.URLField(help_text="Where Stripe leads afterwards.")
    page = serializers.ChoiceField(
        choices=[("method", "A new payment method"), ("manage", "Methods, address, tax number")],
        default="method",
    )


class PaymentPageSerializer(serializers.Serializer[Any]):
    url = serializers.URLField(help_text="A page of Stripe's, for a person's browser.")


class PaymentMethodSerializer(serializers.Serializer[Any]):
    label = serializers.CharField(  # type: ignore[assignment]  # a field of that name
        help_text="Such as visa 4242; empty without a method."
    )
    is_delinquent = serializers.BooleanField()
