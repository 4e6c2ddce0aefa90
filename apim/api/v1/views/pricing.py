"""Plan versions: drafted, tried on real usage, published, ended. Staff only."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.accounts.selectors import get_organization
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.pricing import (
    ExampleQuery,
    NewPlanVersion,
    PlanVersionPublication,
    PlanVersionSerializer,
    Sheets,
    SimulationQuery,
    SimulationSerializer,
    WorkedBillSerializer,
)
from apim.catalog import selectors as catalog
from billing import services
from billing.errors import NotInCurrency
from billing.models import PlanVersion
from billing.price_words import worked_example
from billing.selectors import plan_versions
from billing.selectors.simulator import simulate
from billing.selectors.versions import get_version
from billing.terms import terms_of

if TYPE_CHECKING:
    from rest_framework.request import Request


class _Staff(Endpoint):
    scopes = {"GET": "billing:read", "POST": "billing:write", "DELETE": "billing:write"}

    def version(self, public_id: str) -> PlanVersion:
        """Drafts and private prices too, hence staff only. Raises NotFound."""
        self.require_staff()
        return get_version(public_id)


class Versions(_Staff):
    queryset = PlanVersion.objects.none()

    @operation(
        "list_plan_versions",
        "List a plan's versions, drafts and private ones too (staff)",
        PlanVersionSerializer(many=True),
    )
    def get(self, request: Request, public_id: str) -> Response:
        self.require_staff()
        return self.pages(plan_versions(catalog.get_plan(public_id)), PlanVersionSerializer)

    @operation(
        "draft_plan_version",
        "Draft a version of a plan's price",
        PlanVersionSerializer,
        body=NewPlanVersion,
        status=201,
        description="Nobody pays it until it is published.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        plan = catalog.get_plan(public_id)
        values = self.valid(NewPlanVersion)
        named = values.pop("organization", None)
        organization = get_organization(named) if named else None
        made = services.draft_version(
            actor=self.actor, plan=plan, organization=organization, **values
        )
        return self.created(
            PlanVersionSerializer, get_version(made.public_id), "plan-version", made.public_id
        )


class OneVersion(_Staff):
    @operation(
        "get_plan_version", "Read a version of a plan's price (staff)", PlanVersionSerializer
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(PlanVersionSerializer(self.version(public_id)).data)

    @operation("delete_plan_version", "Delete a draft", status=204)
    def delete(self, request: Request, public_id: str) -> Response:
        services.delete_draft(actor=self.actor, version=self.version(public_id))
        return Response(status=204)


class ChangeVersion(_Staff):
    @operation(
        "change_plan_version", "Replace a draft's prices", PlanVersionSerializer, body=Sheets
    )
    def post(self, request: Request, public_id: str) -> Response:
        version = self.version(public_id)
        services.change_draft(actor=self.actor, version=version, **self.valid(Sheets))
        return Response(PlanVersionSerializer(get_version(public_id)).data)


class PublishVersion(_Staff):
    @operation(
        "publish_plan_version",
        "Publish a version",
        PlanVersionSerializer,
        body=PlanVersionPublication,
        description="It never changes from then on; moving subscribers needs notice.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        version = self.version(public_id)
        services.publish_version(
            actor=self.actor, version=version, **self.valid(PlanVersionPublication)
        )
        return Response(PlanVersionSerializer(get_version(public_id)).data)


class EndVersion(_Staff):
    @operation("end_plan_version", "End a customer's private price", PlanVersionSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        services.end_private_version(actor=self.actor, version=self.version(public_id))
        return Response(PlanVersionSerializer(get_version(public_id)).data)


class Example(_Staff):
    @operation(
        "get_plan_version_example",
        "What so many units of each meter cost in the first period (staff)",
        WorkedBillSerializer,
        parameters=[ExampleQuery],
    )
    def get(self, request: Request, public_id: str) -> Response:
        version = self.version(public_id)
        asked = self.asked(ExampleQuery)
        slugs = {c.meter.slug for c in version.components.all() if c.meter}
        bill = worked_example(
            version,
            {slug: Decimal(asked["units"]) for slug in slugs},
            _currency(version, asked.get("currency")),
        )
        return Response(WorkedBillSerializer(bill).data)


class Simulation(_Staff):
    @operation(
        "simulate_plan_version",
        "The last three months' real usage under this version (staff)",
        SimulationSerializer,
        parameters=[SimulationQuery],
    )
    def get(self, request: Request, public_id: str) -> Response:
        version = self.version(public_id)
        currency = _currency(version, self.asked(SimulationQuery).get("currency"))
        meters = {c.meter.slug: c.meter for c in version.components.all() if c.meter}
        found = simulate(
            version.plan,
            terms_of(version, currency),
            meters=meters,
            organization_id=version.organization_id,
        )
        return Response(SimulationSerializer(found).data)


def _currency(version: PlanVersion, asked: str | None) -> str:
    """Raises NotInCurrency."""
    if asked and asked not in version.currencies:
        raise NotInCurrency
    return asked or version.currency
