"""API keys. Their secrets leave in the answers that issue them and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import ApiKeyFilter
from apim.api.v1.serializers.access import (
    ApiKeySerializer,
    Grace,
    ImportedKeysSerializer,
    IssuedKeySerializer,
    KeyChange,
    KeysToImport,
    KeysToRevoke,
    NewKey,
    RevokedKeysSerializer,
    rules_from,
)
from apim.core import clock
from apim.core.errors import NotFound
from apim.keys import selectors, services
from apim.keys.errors import ImportRefused
from apim.keys.models import ApiKey
from apim.keys.rules import rules_of
from apim.keys.services import ImportedKey

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
        rows = selectors.api_keys(self.organization).prefetch_related("limits")
        return self.pages(rows, ApiKeySerializer)

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
        rules = rules_from(values)
        return self.shown_once(
            services.issue_key(actor=self.actor, application=application, rules=rules, **values)
        )


class OneApiKey(Endpoint):
    scopes = {"GET": "keys:read", "PATCH": "keys:write"}

    @operation("get_api_key", "Read an API key", ApiKeySerializer)
    def get(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        return Response(ApiKeySerializer(key).data)

    @operation(
        "update_api_key",
        "Rename an API key or change what it may do",
        ApiKeySerializer,
        body=KeyChange,
        description="New rules hold at the gateways within a second; each list is replaced whole.",
    )
    def patch(self, request: Request, public_id: str) -> Response:
        key = selectors.get_key(self.organization, public_id)
        values = self.valid(KeyChange)
        now = rules_of(key)
        rules = rules_from(values, now=now)
        if rules != now:
            services.change_key_rules(actor=self.actor, key=key, rules=rules)
        if "name" in values:
            services.update_key(actor=self.actor, key=key, name=values["name"])
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


class RevokeApiKeys(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation(
        "revoke_api_keys",
        "Revoke several API keys",
        RevokedKeysSerializer,
        body=KeysToRevoke,
        description="All in one step, at most 1,000. Keys that do not work any more are left out.",
    )
    def post(self, request: Request) -> Response:
        chosen = self._chosen(self.valid(KeysToRevoke))
        revoked = services.revoke_keys(actor=self.actor, keys=chosen)
        return Response(RevokedKeysSerializer({"revoked": revoked}).data)

    def _chosen(self, values: dict[str, Any]) -> list[ApiKey]:
        """Raises NotFound when a named key, application or organization is not to be seen."""
        rows = selectors.api_keys(self.organization)
        if named := set(values.get("keys", ())):
            found = list(rows.filter(public_id__in=named))
            if len(found) != len(named):
                raise NotFound
            return found
        rows = rows.usable(clock.now())
        if "application" in values:
            application = selectors.get_application(self.organization, values["application"])
            return list(rows.filter(application=application))
        return list(rows.filter(organization=self.organization_named(values["organization"])))


class ImportApiKeys(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation(
        "import_api_keys",
        "Import keys of another system by their hashes",
        ImportedKeysSerializer,
        body=KeysToImport,
        status=201,
        description="All of them or none, at most 1,000. The keys go on working as they are.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(KeysToImport)
        application = selectors.get_application(self.organization, values["application"])
        rows = [ImportedKey(**row) for row in values["keys"]]
        try:
            made = services.import_keys(actor=self.actor, application=application, rows=rows)
        except ImportRefused as refusal:
            raise _pointing_at_keys(refusal) from refusal
        return Response(ImportedKeysSerializer({"keys": made}).data, status=201)


def _pointing_at_keys(refusal: ImportRefused) -> ImportRefused:
    """`rows.3` of the service is the third of `keys` in the body, counted from 0."""
    fields = {
        f"keys/{int(name.removeprefix('rows.')) - 1}": messages
        for name, messages in refusal.fields.items()
    }
    return ImportRefused(refusal.message, fields=fields)


class ExtendGrace(Endpoint):
    scopes = {"POST": "keys:write"}

    @operation(
        "extend_api_key_grace",
        "Let a rotated key go on longer",
        ApiKeySerializer,
        body=Grace,
        description="Once, at most to 30 days after its rotation, and never past its own expiry.",
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
