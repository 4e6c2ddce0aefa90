"""Rulesets that judge descriptions, and the gates that ask for what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.serializers.revisions import (
    GateChange,
    GateSerializer,
    NewRuleset,
    RulesetChange,
    RulesetSerializer,
)
from apim.catalog import services
from apim.catalog.governance import Gate, Ruleset
from apim.catalog.ruleset_selectors import gates, get_gate, get_ruleset, ruleset_list
from apim.catalog.selectors import get_api

if TYPE_CHECKING:
    from rest_framework.request import Request


class Rulesets(Endpoint):
    scopes = {"GET": "catalog:write", "POST": "catalog:write"}
    queryset = Ruleset.objects.none()

    @operation("list_rulesets", "List rulesets", RulesetSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(ruleset_list(), RulesetSerializer)

    @operation(
        "create_ruleset",
        "Add a ruleset in Spectral's format",
        RulesetSerializer,
        body=NewRuleset,
        status=201,
        description="The APIs that it is for are judged anew.",
    )
    def post(self, request: Request) -> Response:
        made = services.create_ruleset(actor=self.actor, **self.valid(NewRuleset))
        return self.created(RulesetSerializer, made, "ruleset", made.public_id)


class OneRuleset(Endpoint):
    scopes = {"GET": "catalog:write", "PATCH": "catalog:write", "DELETE": "catalog:write"}

    @operation("get_ruleset", "Read a ruleset", RulesetSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        return Response(RulesetSerializer(get_ruleset(public_id)).data)

    @operation(
        "update_ruleset",
        "Change a ruleset",
        RulesetSerializer,
        body=RulesetChange,
        description="A built-in one can be switched off and restricted to APIs.",
    )
    def patch(self, request: Request, public_id: str) -> Response:
        changed = services.update_ruleset(
            actor=self.actor, ruleset=get_ruleset(public_id), **self.valid(RulesetChange)
        )
        return Response(RulesetSerializer(changed).data)

    @operation("delete_ruleset", "Remove a ruleset", None, status=204)
    def delete(self, request: Request, public_id: str) -> Response:
        services.delete_ruleset(actor=self.actor, ruleset=get_ruleset(public_id))
        return Response(status=204)


class Gates(Endpoint):
    scopes = {"GET": "catalog:write"}
    pagination_class = None
    queryset = Gate.objects.none()

    @operation("list_gates", "List what is asked before each transition", GateSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(GateSerializer(gates(), many=True).data)


class OneGate(Endpoint):
    scopes = {"GET": "catalog:write", "PATCH": "catalog:write"}

    @operation("get_gate", "Read what is asked before a transition", GateSerializer)
    def get(self, request: Request, transition: str) -> Response:
        return Response(GateSerializer(get_gate(transition)).data)

    @operation(
        "update_gate",
        "Set what is asked before a transition",
        GateSerializer,
        body=GateChange,
        description="What is not sent stays.",
    )
    def patch(self, request: Request, transition: str) -> Response:
        values = self.valid(GateChange)
        gate = services.set_gate(
            actor=self.actor,
            transition=get_gate(transition).transition,
            has_min_score="min_score" in values,
            **values,
        )
        return Response(GateSerializer(gate).data)


class GatesOfApi(Endpoint):
    scopes = {"GET": "catalog:write"}
    pagination_class = None
    queryset = Gate.objects.none()

    @operation(
        "list_gates_of_api",
        "List what is asked before each transition of an API's versions",
        GateSerializer(many=True),
        description="Its own gates, or those for all APIs: then `api` is null.",
    )
    def get(self, request: Request, public_id: str) -> Response:
        return Response(GateSerializer(gates(get_api(public_id)), many=True).data)


class OneGateOfApi(Endpoint):
    scopes = {"GET": "catalog:write", "PATCH": "catalog:write", "DELETE": "catalog:write"}

    @operation(
        "get_gate_of_api",
        "Read what is asked before a transition of an API's versions",
        GateSerializer,
    )
    def get(self, request: Request, public_id: str, transition: str) -> Response:
        return Response(GateSerializer(get_gate(transition, get_api(public_id))).data)

    @operation(
        "update_gate_of_api",
        "Set what is asked before a transition of an API's versions",
        GateSerializer,
        body=GateChange,
        description="What is not sent stays; the first time, as it is for all APIs.",
    )
    def patch(self, request: Request, public_id: str, transition: str) -> Response:
        values = self.valid(GateChange)
        gate = services.set_gate(
            actor=self.actor,
            transition=get_gate(transition).transition,
            api=get_api(public_id),
            has_min_score="min_score" in values,
            **values,
        )
        return Response(GateSerializer(gate).data)

    @operation(
        "delete_gate_of_api",
        "Let the gate for all APIs hold for an API again",
        None,
        status=204,
    )
    def delete(self, request: Request, public_id: str, transition: str) -> Response:
        services.remove_gate(
            actor=self.actor,
            transition=get_gate(transition).transition,
            api=get_api(public_id),
        )
        return Response(status=204)
