"""Query parameters of gateways, audit events and jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q
from django_filters import CharFilter, ChoiceFilter, FilterSet, IsoDateTimeFilter

from apim.accounts.models import Organization
from apim.gateway.models import Gateway

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from apim.audit.models import AuditEvent
    from apim.outbox.models import OutboxEntry

JOB_STATES = [("waiting", "Waiting"), ("failing", "Failing"), ("delivered", "Delivered")]


class GatewayFilter(FilterSet):
    kind = ChoiceFilter(choices=Gateway.Kind.choices)
    state = ChoiceFilter(choices=Gateway.State.choices)


class AuditFilter(FilterSet):
    organization = CharFilter(method="of_organization", label="Public id")
    action = CharFilter(method="with_action", label="Such as key.issued, or key for all of them")
    actor = CharFilter("actor_id", label="Public id")
    object = CharFilter("object_id", label="Public id")
    object_type = CharFilter("object_type")
    since = IsoDateTimeFilter("at", "gte")
    until = IsoDateTimeFilter("at", "lt")

    def of_organization(
        self, rows: QuerySet[AuditEvent], name: str, value: str
    ) -> QuerySet[AuditEvent]:
        del name
        named = Organization.objects.filter(public_id=value).values("pk")
        return rows.filter(organization_id__in=named)

    def with_action(
        self, rows: QuerySet[AuditEvent], name: str, value: str
    ) -> QuerySet[AuditEvent]:
        del name
        return rows.filter(Q(action=value) | Q(action__startswith=f"{value}."))


class JobFilter(FilterSet):
    topic = CharFilter("topic")
    state = ChoiceFilter(choices=JOB_STATES, method="in_state")

    def in_state(self, rows: QuerySet[OutboxEntry], name: str, value: str) -> QuerySet[OutboxEntry]:
        del name
        if value == "delivered":
            return rows.filter(delivered_at__isnull=False)
        waiting = rows.filter(delivered_at__isnull=True)
        return waiting.filter(attempts__gt=0) if value == "failing" else waiting
