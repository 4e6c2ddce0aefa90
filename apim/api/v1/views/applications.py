"""Applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import ApplicationFilter
from apim.api.v1.serializers.access import (
    ApplicationChange,
    ApplicationSerializer,
    NewApplication,
)
from apim.keys import selectors, services
from apim.keys.models import Application

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request


class Applications(Endpoint):
    scopes = {"GET": "applications:read", "POST": "applications:write"}
    queryset = Application.objects.none()
    filterset_class = ApplicationFilter

    @operation("list_applications", "List applications", ApplicationSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(selectors.applications(self.organization), ApplicationSerializer)

    @operation(
        "create_application",
        "Create an application",
        ApplicationSerializer,
        body=NewApplication,
        status=201,
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewApplication)
        organization = self.organization_named(values.pop("organization", None))
        made = services.create_application(actor=self.actor, organization=organization, **values)
        shown = selectors.get_application(organization, made.public_id)
        return self.created(ApplicationSerializer, shown, "application", made.public_id)


class OneApplication(Endpoint):
    scopes = {
        "GET": "applications:read",
        "PATCH": "applications:write",
        "DELETE": "applications:write",
    }

    @operation("get_application", "Read an application", ApplicationSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        application = selectors.get_application(self.organization, public_id)
        return Response(ApplicationSerializer(application).data)

    @operation(
        "update_application", "Rename an application", ApplicationSerializer, body=ApplicationChange
    )
    def patch(self, request: Request, public_id: str) -> Response:
        application = selectors.get_application(self.organization, public_id)
        values = self.valid(ApplicationChange)
        services.update_application(
            actor=self.actor,
            application=application,
            name=values.get("name", application.name),
            description=values.get("description", application.description),
        )
        return self.get(request, public_id)

    @operation(
        "delete_application",
        "Delete an application",
        status=204,
        description="Its keys are revoked and its subscriptions cancelled.",
    )
    def delete(self, request: Request, public_id: str) -> Response:
        application = selectors.get_application(self.organization, public_id)
        services.delete_application(actor=self.actor, application=application)
        return Response(status=204)


class _ApplicationAction(Endpoint):
    """Staff only, although owners and members hold the scope."""

    scopes = {"POST": "applications:write"}

    def act(self, public_id: str, change: Callable[..., Application]) -> Response:
        self.require_staff()
        application = selectors.get_application(None, public_id)
        change(actor=self.actor, application=application)
        shown = selectors.get_application(None, public_id)
        return Response(ApplicationSerializer(shown).data)


class SuspendApplication(_ApplicationAction):
    @operation("suspend_application", "Suspend an application (staff)", ApplicationSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.suspend_application)


class ActivateApplication(_ApplicationAction):
    @operation("activate_application", "Activate an application (staff)", ApplicationSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.activate_application)
