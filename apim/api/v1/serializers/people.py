"""People, organizations, members, invitations, access tokens."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apim.accounts.models import (
    AccessToken,
    Invitation,
    Membership,
    Organization,
    StaffRole,
    User,
)
from apim.accounts.scopes import SCOPES
from apim.api.v1.serializers.base import Body, Resource

SCOPE_CHOICES = [(scope.name, scope.label) for scope in SCOPES]


class UserSerializer(Resource):
    staff_role = serializers.ChoiceField(choices=StaffRole.choices, read_only=True)

    class Meta:
        model = User
        fields = ["id", "email", "name", "staff_role", "is_active", "created_at"]
        read_only_fields = fields


class StaffRoleChange(Body):
    staff_role = serializers.ChoiceField(
        choices=StaffRole.choices, allow_blank=True, help_text="Empty takes the role away."
    )


class ProfileSerializer(Resource):
    class Meta:
        model = User
        fields = ["id", "email", "name", "language", "time_zone", "theme", "has_shortcuts"]
        read_only_fields = fields


class ProfileChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    language = serializers.CharField(max_length=10, required=False)
    time_zone = serializers.CharField(max_length=60, required=False, help_text="IANA name.")
    theme = serializers.ChoiceField(choices=User.Theme.choices, required=False)
    has_shortcuts = serializers.BooleanField(required=False)


class OrganizationSerializer(Resource):
    class Meta:
        model = Organization
        fields = ["id", "name", "state", "time_zone", "billing_email", "created_at"]
        read_only_fields = fields


class NewOrganization(Body):
    name = serializers.CharField(max_length=120)
    owner = serializers.CharField(help_text="Public id of the person who will own it.")
    time_zone = serializers.CharField(max_length=60, default="UTC", help_text="IANA name.")


class OrganizationChange(Body):
    name = serializers.CharField(max_length=120, required=False)
    time_zone = serializers.CharField(max_length=60, required=False, help_text="IANA name.")
    billing_email = serializers.EmailField(required=False)


class MeSerializer(serializers.Serializer[Any]):
    """Whom the access token stands for and what it may do."""

    user = ProfileSerializer()
    organization = OrganizationSerializer(allow_null=True)
    role = serializers.ChoiceField(choices=Membership.Role.choices, allow_null=True)
    staff_role = serializers.ChoiceField(choices=StaffRole.choices, allow_blank=True)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=SCOPE_CHOICES))


class MemberSerializer(Resource):
    user = serializers.CharField(source="user.public_id", read_only=True)
    email = serializers.EmailField(source="user.email", read_only=True)
    name = serializers.CharField(source="user.name", read_only=True)

    class Meta:
        model = Membership
        fields = ["id", "user", "email", "name", "role", "created_at"]
        read_only_fields = fields


class RoleChange(Body):
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class InvitationSerializer(Resource):
    invited_by = serializers.CharField(
        source="invited_by.email", read_only=True, allow_null=True, default=None
    )

    class Meta:
        model = Invitation
        fields = ["id", "email", "role", "invited_by", "created_at", "expires_at"]
        read_only_fields = fields


class NewInvitation(Body):
    email = serializers.EmailField()
    role = serializers.ChoiceField(choices=Membership.Role.choices)


class AccessTokenSerializer(Resource):
    organization = serializers.CharField(
        source="organization.public_id", read_only=True, allow_null=True, default=None
    )
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = AccessToken
        fields = [
            "id",
            "organization",
            "name",
            "start",
            "scopes",
            "created_at",
            "expires_at",
            "last_used_at",
        ]
        read_only_fields = fields


class IssuedTokenSerializer(serializers.Serializer[Any]):
    """The one answer that holds the secret."""

    token = AccessTokenSerializer()
    secret = serializers.CharField(
        allow_null=True, help_text="Shown this once. Null in a repeated answer."
    )


class NewAccessToken(Body):
    name = serializers.CharField(max_length=80)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(choices=SCOPE_CHOICES), min_length=1
    )
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
