"""Organizations, their members and their invitations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.accounts import selectors, services
from apim.accounts.models import Invitation, Membership, Organization
from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.people import OrganizationFilter
from apim.api.v1.serializers.people import (
    InvitationSerializer,
    MemberSerializer,
    NewInvitation,
    NewOrganization,
    OrganizationChange,
    OrganizationSerializer,
    RoleChange,
)

if TYPE_CHECKING:
    from rest_framework.request import Request


class Organizations(Endpoint):
    scopes = {"GET": "organizations:read", "POST": "organizations:write"}
    queryset = Organization.objects.none()
    filterset_class = OrganizationFilter

    @operation(
        "list_organizations",
        "List organizations",
        OrganizationSerializer(many=True),
        description="Staff see all of them, a member's token its own.",
    )
    def get(self, request: Request) -> Response:
        rows = Organization.objects.all()
        if self.organization is not None:
            rows = rows.filter(pk=self.organization.pk)
        return self.pages(rows, OrganizationSerializer)

    @operation(
        "create_organization",
        "Create an organization (staff)",
        OrganizationSerializer,
        body=NewOrganization,
        status=201,
    )
    def post(self, request: Request) -> Response:
        self.require_staff()
        values = self.valid(NewOrganization)
        owner = selectors.get_user(values.pop("owner"))
        made = services.create_organization(actor=self.actor, owner=owner, **values)
        return self.created(OrganizationSerializer, made, "organization", made.public_id)


class OneOrganization(Endpoint):
    scopes = {"GET": "organizations:read", "PATCH": "organizations:write"}

    @operation("get_organization", "Read an organization", OrganizationSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(OrganizationSerializer(self.organization_named(public_id)).data)

    @operation(
        "update_organization",
        "Change an organization",
        OrganizationSerializer,
        body=OrganizationChange,
    )
    def patch(self, request: Request, public_id: str) -> Response:
        changed = services.update_organization(
            actor=self.actor,
            organization=self.organization_named(public_id),
            **self.valid(OrganizationChange),
        )
        return Response(OrganizationSerializer(changed).data)


class _OrganizationState(Endpoint):
    """Staff only, although owners hold the scope."""

    scopes = {"POST": "organizations:write"}

    def turn(self, public_id: str, state: Organization.State) -> Response:
        self.require_staff()
        organization = services.set_organization_state(
            actor=self.actor, organization=self.organization_named(public_id), state=state
        )
        return Response(OrganizationSerializer(organization).data)


class SuspendOrganization(_OrganizationState):
    @operation(
        "suspend_organization",
        "Suspend an organization (staff)",
        OrganizationSerializer,
        description="Its keys stop working.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.turn(public_id, Organization.State.SUSPENDED)


class ActivateOrganization(_OrganizationState):
    @operation("activate_organization", "Activate an organization (staff)", OrganizationSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.turn(public_id, Organization.State.ACTIVE)


class Members(Endpoint):
    scopes = {"GET": "organizations:read"}
    queryset = Membership.objects.none()

    @operation("list_members", "List members", MemberSerializer(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        organization = self.organization_named(public_id)
        return self.pages(selectors.members(organization), MemberSerializer)


class OneMember(Endpoint):
    scopes = {"PATCH": "organizations:write", "DELETE": "organizations:write"}

    @operation("change_member_role", "Change a member's role", MemberSerializer, body=RoleChange)
    def patch(self, request: Request, public_id: str, member_id: str) -> Response:
        membership = selectors.get_membership(self.organization_named(public_id), member_id)
        changed = services.change_role(
            actor=self.actor, membership=membership, **self.valid(RoleChange)
        )
        return Response(MemberSerializer(changed).data)

    @operation("remove_member", "Remove a member", status=204)
    def delete(self, request: Request, public_id: str, member_id: str) -> Response:
        membership = selectors.get_membership(self.organization_named(public_id), member_id)
        services.remove_member(actor=self.actor, membership=membership)
        return Response(status=204)


class Invitations(Endpoint):
    scopes = {"GET": "organizations:read", "POST": "organizations:write"}
    queryset = Invitation.objects.none()

    @operation("list_invitations", "List open invitations", InvitationSerializer(many=True))
    def get(self, request: Request, public_id: str) -> Response:
        organization = self.organization_named(public_id)
        return self.pages(selectors.open_invitations(organization), InvitationSerializer)

    @operation(
        "invite_member",
        "Invite somebody by mail",
        InvitationSerializer,
        body=NewInvitation,
        status=201,
    )
    def post(self, request: Request, public_id: str) -> Response:
        organization = self.organization_named(public_id)
        made = services.invite_member(
            actor=self.actor, organization=organization, **self.valid(NewInvitation)
        )
        return self.created(
            InvitationSerializer, made, "invitation", organization.public_id, made.public_id
        )


class OneInvitation(Endpoint):
    scopes = {"GET": "organizations:read", "DELETE": "organizations:write"}

    @operation("get_invitation", "Read an open invitation", InvitationSerializer)
    def get(self, request: Request, public_id: str, invitation_id: str) -> Response:
        organization = self.organization_named(public_id)
        invitation = selectors.get_invitation(organization, invitation_id)
        return Response(InvitationSerializer(invitation).data)

    @operation("revoke_invitation", "Take an invitation back", status=204)
    def delete(self, request: Request, public_id: str, invitation_id: str) -> Response:
        organization = self.organization_named(public_id)
        invitation = selectors.get_invitation(organization, invitation_id)
        services.revoke_invitation(actor=self.actor, invitation=invitation)
        return Response(status=204)


class ResendInvitation(Endpoint):
    scopes = {"POST": "organizations:write"}

    @operation("resend_invitation", "Send an invitation again", InvitationSerializer)
    def post(self, request: Request, public_id: str, invitation_id: str) -> Response:
        organization = self.organization_named(public_id)
        invitation = selectors.get_invitation(organization, invitation_id)
        sent = services.resend_invitation(actor=self.actor, invitation=invitation)
        return Response(InvitationSerializer(sent).data)
