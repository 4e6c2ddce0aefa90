"""What foreign gateways' names stand for, and usage records that could not be counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import OuterRef, Subquery
from rest_framework.response import Response

from analytics import mappings, quarantine
from analytics.models import ForeignMapping, QuarantinedRecord
from analytics.unmatched import nameless_calls, unmatched_names
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.foreign import ForeignMappingFilter, QuarantinedRecordFilter
from apim.api.v1.serializers.foreign import (
    ForeignMappingSerializer,
    NewForeignMapping,
    QuarantinedRecordSerializer,
    Replay,
    ReplayAll,
    ReplayAllSerializer,
    UnmatchedNamesSerializer,
)
from apim.core.errors import NotFound
from apim.gateway.models import Gateway
from apim.gateway.selectors import get_gateway

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request


def _mappings() -> QuerySet[ForeignMapping]:
    rows: QuerySet[ForeignMapping] = ForeignMapping.objects.active().select_related(
        "gateway", "key", "application", "version", "operation"
    )
    return rows


class ForeignMappings(Endpoint):
    scopes = {"GET": "gateways:read", "POST": "usage:write"}
    queryset = ForeignMapping.objects.none()
    filterset_class = ForeignMappingFilter

    @operation(
        "list_foreign_mappings",
        "List what foreign names stand for",
        ForeignMappingSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return self.pages(_mappings(), ForeignMappingSerializer)

    @operation(
        "set_foreign_mapping",
        "Say what a foreign name stands for",
        ForeignMappingSerializer,
        body=NewForeignMapping,
        status=201,
        description="Replaces what it stood for. Calls that are stored already follow in a moment.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewForeignMapping)
        gateway = get_gateway(values.pop("gateway"))
        mapping = mappings.set_mapping(actor=self.actor, gateway=gateway, **values)
        return self.created(ForeignMappingSerializer, mapping, "foreign-mapping", mapping.public_id)


class OneForeignMapping(Endpoint):
    scopes = {"GET": "gateways:read", "DELETE": "usage:write"}

    @operation("get_foreign_mapping", "Read a mapping", ForeignMappingSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(ForeignMappingSerializer(_mapping(public_id)).data)

    @operation(
        "remove_foreign_mapping",
        "Let a foreign name stand for nothing",
        status=204,
        description="Its calls become unmatched again.",
    )
    def delete(self, request: Request, public_id: str) -> Response:
        mappings.remove_mapping(actor=self.actor, mapping=_mapping(public_id))
        return Response(status=204)


def _mapping(public_id: str) -> ForeignMapping:
    found = _mappings().filter(public_id=public_id).first()
    if found is None:
        raise NotFound
    return found


class UnmatchedNames(Endpoint):
    scopes = {"GET": "gateways:read"}

    @operation(
        "get_unmatched_names",
        "Read a gateway's names that stand for nothing",
        UnmatchedNamesSerializer,
        description="Those with the most calls in the last 30 days, at most 200.",
    )
    def get(self, request: Request, public_id: str) -> Response:
        gateway = get_gateway(public_id)
        answer = {"results": unmatched_names(gateway), "nameless_calls": nameless_calls(gateway)}
        return Response(UnmatchedNamesSerializer(answer).data)


def _records() -> QuerySet[QuarantinedRecord]:
    gateway = Gateway.objects.filter(pk=OuterRef("gateway_id")).values("public_id")
    return QuarantinedRecord.objects.annotate(gateway_public_id=Subquery(gateway))


def _record(entry_id: int) -> QuarantinedRecord:
    found = _records().filter(pk=entry_id).first()
    if found is None:
        raise NotFound
    return found


class QuarantinedRecords(Endpoint):
    scopes = {"GET": "gateways:read"}
    queryset = QuarantinedRecord.objects.none()
    filterset_class = QuarantinedRecordFilter

    @operation(
        "list_quarantined_records",
        "List records that could not be counted",
        QuarantinedRecordSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        return self.pages(_records(), QuarantinedRecordSerializer)


class OneQuarantinedRecord(Endpoint):
    scopes = {"GET": "gateways:read"}

    @operation("get_quarantined_record", "Read a record", QuarantinedRecordSerializer)
    def get(self, request: Request, entry_id: int) -> Response:
        return Response(QuarantinedRecordSerializer(_record(entry_id)).data)


class ReplayQuarantinedRecord(Endpoint):
    scopes = {"POST": "usage:write"}

    @operation(
        "replay_quarantined_record",
        "Count a record, corrected or as it is",
        QuarantinedRecordSerializer,
        body=Replay,
        description="`replayed_at` says whether it could be counted, else `code` why not.",
    )
    def post(self, request: Request, entry_id: int) -> Response:
        record = _record(entry_id)
        values = self.valid(Replay)
        if values:
            quarantine.correct_record(
                actor=self.actor,
                record=record,
                raw=values.get("raw", record.raw),
                dialect=values.get("format", record.format),
            )
            record = _record(entry_id)
        quarantine.replay_record(actor=self.actor, record=record)
        return Response(QuarantinedRecordSerializer(_record(entry_id)).data)


class ReplayQuarantine(Endpoint):
    scopes = {"POST": "usage:write"}

    @operation(
        "replay_quarantine",
        "Try a gateway's quarantined records again",
        ReplayAllSerializer,
        body=ReplayAll,
    )
    def post(self, request: Request, public_id: str) -> Response:
        gateway = get_gateway(public_id)
        code = self.valid(ReplayAll).get("code", "")
        count = quarantine.replay_all(actor=self.actor, gateway=gateway, code=code)
        return Response({"records": count})
