"""Keys that were found in the open, and what an organization wants done with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import LeakReportFilter
from apim.api.v1.serializers.access import (
    LeakPolicyBody,
    LeakPolicySerializer,
    LeakReportSerializer,
)
from apim.keys import selectors, services
from apim.keys.models import LeakReport

if TYPE_CHECKING:
    from rest_framework.request import Request


class LeakReports(Endpoint):
    scopes = {"GET": "keys:read"}
    queryset = LeakReport.objects.none()
    filterset_class = LeakReportFilter

    @operation("list_leak_reports", "List leaked keys", LeakReportSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(selectors.leak_reports(self.organization), LeakReportSerializer)


class LeakPolicy(Endpoint):
    """Owners only, as in the portal, although members read it."""

    scopes = {"GET": "keys:read", "PATCH": "organizations:write"}

    @operation("get_leak_policy", "Read the policy for leaked keys", LeakPolicySerializer)
    def get(self, request: Request, public_id: str) -> Response:
        organization = self.organization_named(public_id)
        return Response({"action": services.leak_action(organization)})

    @operation(
        "set_leak_policy",
        "Choose what happens to leaked keys",
        LeakPolicySerializer,
        body=LeakPolicyBody,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        organization = self.organization_named(public_id)
        action = self.valid(LeakPolicyBody)["action"]
        services.set_leak_policy(actor=self.actor, organization=organization, action=action)
        return self.get(request, public_id)
