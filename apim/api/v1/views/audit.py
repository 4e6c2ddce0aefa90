"""The audit log and the background jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.response import Response

from apim.accounts.models import Organization
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.operating import AuditFilter, JobFilter
from apim.api.v1.serializers.operating import AuditEventSerializer, JobSerializer
from apim.audit import selectors
from apim.audit.models import AuditEvent
from apim.core.errors import NotFound
from apim.outbox.models import OutboxEntry
from apim.outbox.services import deliver

if TYPE_CHECKING:
    from rest_framework.request import Request


class AuditEvents(Endpoint):
    scopes = {"GET": "audit:read"}
    queryset = AuditEvent.objects.none()
    filterset_class = AuditFilter

    @operation("list_audit_events", "List audit events", AuditEventSerializer(many=True))
    def get(self, request: Request) -> Response:
        rows = selectors.events(self.organization)
        return self.pages(rows, AuditEventSerializer, _with_organizations)


class OneAuditEvent(Endpoint):
    scopes = {"GET": "audit:read"}

    @operation("get_audit_event", "Read an audit event", AuditEventSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        event = selectors.get_event(self.organization, public_id)
        return Response(AuditEventSerializer(_with_organizations([event])[0]).data)


class Jobs(Endpoint):
    scopes = {"GET": "jobs:read"}
    queryset = OutboxEntry.objects.none()
    filterset_class = JobFilter

    @operation("list_jobs", "List background jobs", JobSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(OutboxEntry.objects.all(), JobSerializer)


class RetryJob(Endpoint):
    scopes = {"POST": "jobs:write"}
    queryset = OutboxEntry.objects.none()

    @operation(
        "retry_job",
        "Try a background job again now",
        JobSerializer,
        description="`delivered_at` says whether it worked, `last_error` why not.",
    )
    def post(self, request: Request, entry_id: int) -> Response:
        if not OutboxEntry.objects.filter(pk=entry_id).exists():
            raise NotFound
        deliver(entry_id=entry_id)
        return Response(JobSerializer(OutboxEntry.objects.get(pk=entry_id)).data)


def _with_organizations(page: list[Any]) -> list[Any]:
    """Events keep a number, for they outlive their organization; shown is the public id."""
    wanted = {event.organization_id for event in page}
    known = Organization.objects.filter(pk__in=wanted - {None}).values_list("pk", "public_id")
    names = dict(known)
    for event in page:
        event.organization_public_id = names.get(event.organization_id)
    return page
