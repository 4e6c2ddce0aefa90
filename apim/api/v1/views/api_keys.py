"""API keys. Their secrets leave in the answers that issue them and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import ApiKeyFilter
from apim.api.v1.serializers.access import (
    ApiKeySerializer,
    Grace,
    IssuedKeySerializer,
    KeyChange,
    NewKey,
)
from apim.keys import selectors, services
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from rest_framework.request import Request


class _ShowsSecret(Endpoint):
    secret_fields = ("secret",)

    def shown_once(self, issued: services.IssuedKey) -> Response:
        response = self.created(IssuedKeySerializer, issued, "api-key", issued.key.public_id)
        response["Cache-Control"] = "no-store"
        return response


class ApiKeys(_ShowsSecret):
    scopes = {"GET": "keys:read", "POST": "keys:write"}
    queryset = ApiKey.objects.none()
    filterset_class = ApiKeyFilter

    @operation("list_api_keys", "List API keys", ApiKeySerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(selectors.api_keys(self.organization), ApiKeySerializer)

    @operation(
        "issue_api_key",
        "Issue an API key",
        IssuedKeySerializer,
        body=NewKey,
        status=201,
        description="The secret is shown this once.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewKey)
        application = selectors.get_application(self.organization, values.pop("application"))
        return self.shown_once(
            services.issue_key(actor=self.actor, application=application, **values)
        )


class OneApiKey(Endpoint):
    scopes = {"GET": "keys:read", "PATCH": "keys:write"}

    @operation("get_api_key", "Read an API key", ApiKeySerializer)
    def get(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        return Response(ApiKeySerializer(key).data)

    @operation("update_api_key", "Rename an API key", ApiKeySerializer, body=KeyChange)
    def patch(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        services.update_key(actor=self.actor, key=key, **self.valid(KeyChange))
        return self.get(request, public_id)


class RotateApiKey(_ShowsSecret):
    scopes = {"POST": "keys:write"}

    @operation(
        "rotate_api_key",
        "Issue a successor and let the old key go on for a while",
        IssuedKeySerializer,
        body=Grace,
        status=201,
        description="Answers the new key; the grace never goes past the old key's own expiry.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        grace = self.valid(Grace)["grace"]
        return self.shown_once(services.rotate_key(actor=self.actor, key=key, grace=grace))


class RevokeApiKey(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation("revoke_api_key", "Revoke an API key", ApiKeySerializer)
    def post(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        revoked = services.revoke_key(actor=self.actor, key=key)
        return Response(ApiKeySerializer(revoked).data)


class ExtendGrace(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation(
        "extend_api_key_grace",
        "Let a rotated key go on longer",
        ApiKeySerializer,
        body=Grace,
        description="At most 30 days after its rotation, and never past its own expiry.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        grace = self.valid(Grace)["grace"]
        extended = services.extend_grace(actor=self.actor, key=key, grace=grace)
        return Response(ApiKeySerializer(extended).data)


class EndGrace(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation("end_api_key_grace", "Stop a rotated key now", ApiKeySerializer)
    def post(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        ended = services.end_grace_now(actor=self.actor, key=key)
        return Response(ApiKeySerializer(ended).data)
