"""Whether rated, sent, invoiced and what Stripe holds are one; for staff."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.money import BillingPeriodFilter
from apim.api.v1.serializers.reconciliation import (
    DifferenceSerializer,
    PeriodFiguresSerializer,
    ReconciliationSerializer,
)
from billing.models import BillingPeriod, Reconciliation, ReconciliationDifference
from billing.selectors.reconciliation import get_reconciliation, period_figures, reconciliations
from billing.stripe.comparing import request_reconciliation

if TYPE_CHECKING:
    from rest_framework.request import Request


class _Staff(Endpoint):
    scopes = {"GET": "billing:read", "POST": "billing:write"}


class Reconciliations(_Staff):
    queryset = Reconciliation.objects.none()

    @operation(
        "list_reconciliations",
        "List comparisons with Stripe (staff)",
        ReconciliationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        return self.pages(reconciliations(), ReconciliationSerializer)

    @operation(
        "request_reconciliation",
        "Compare with Stripe now (staff)",
        ReconciliationSerializer,
        status=201,
        description="It runs in the background. While one has not ended, that one is answered.",
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        made = request_reconciliation(actor=self.actor)
        return self.created(ReconciliationSerializer, made, "reconciliation", made.public_id)


class OneReconciliation(_Staff):
    @operation("get_reconciliation", "Read a comparison (staff)", ReconciliationSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        return Response(ReconciliationSerializer(get_reconciliation(public_id)).data)


class Differences(_Staff):
    queryset = ReconciliationDifference.objects.none()

    @operation(
        "list_reconciliation_differences",
        "List what a comparison found (staff)",
        DifferenceSerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        rows = get_reconciliation(public_id).differences.select_related("organization", "invoice")
        return self.pages(rows, DifferenceSerializer)


class BillingPeriods(_Staff):
    queryset = BillingPeriod.objects.none()
    filterset_class = BillingPeriodFilter

    @operation(
        "list_billing_periods",
        "List closed periods as rated, sent and invoiced (staff)",
        PeriodFiguresSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        self.require_staff()
        rows = BillingPeriod.objects.closed()
        return self.pages(rows, PeriodFiguresSerializer, lambda page: list(period_figures(page)))
