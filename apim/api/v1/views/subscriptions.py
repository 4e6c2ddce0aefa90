"""Subscriptions, and the decisions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import SubscriptionFilter
from apim.api.v1.serializers.access import (
    Decision,
    NewSubscription,
    PlanChange,
    SubscriptionSerializer,
)
from apim.catalog import selectors as catalog
from apim.keys import selectors, services
from apim.keys.models import Subscription

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request


class Subscriptions(Endpoint):
    scopes = {"GET": "subscriptions:read", "POST": "subscriptions:write"}
    queryset = Subscription.objects.none()
    filterset_class = SubscriptionFilter

    @operation("list_subscriptions", "List subscriptions", SubscriptionSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.pages(selectors.subscriptions(self.organization), SubscriptionSerializer)

    @operation(
        "create_subscription",
        "Subscribe an application to a plan",
        SubscriptionSerializer,
        body=NewSubscription,
        status=201,
        description="Pending where the plan asks for approval.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewSubscription)
        made = services.subscribe(
            actor=self.actor,
            application=selectors.get_application(self.organization, values["application"]),
            plan=catalog.get_published_plan(values["plan"]),
        )
        return self.created(SubscriptionSerializer, made, "subscription", made.public_id)


class OneSubscription(Endpoint):
    scopes = {"GET": "subscriptions:read"}

    @operation("get_subscription", "Read a subscription", SubscriptionSerializer)
    def get(self, request: Request, public_id: str) -> Response:
        subscription = selectors.get_subscription(self.organization, public_id)
        return Response(SubscriptionSerializer(subscription).data)


class ChangePlan(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation(
        "change_subscription_plan",
        "Move a subscription to another plan",
        SubscriptionSerializer,
        body=PlanChange,
        description="A plan that needs approval can only be given by staff.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        subscription = selectors.get_subscription(self.organization, public_id)
        plan = catalog.get_published_plan(self.valid(PlanChange)["plan"])
        changed = services.change_plan(
            actor=self.actor,
            subscription=subscription,
            plan=plan,
            is_approved=self.viewer.is_staff,
        )
        return Response(SubscriptionSerializer(changed).data)


class CancelSubscription(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    @operation("cancel_subscription", "End a subscription", SubscriptionSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        subscription = selectors.get_subscription(self.organization, public_id)
        ended = services.cancel_subscription(actor=self.actor, subscription=subscription)
        return Response(SubscriptionSerializer(ended).data)


class _Approval(Endpoint):
    scopes = {"POST": "subscriptions:approve"}

    def act(self, public_id: str, change: Callable[..., Subscription], **values: str) -> Response:
        subscription = selectors.get_subscription(self.organization, public_id)
        changed = change(actor=self.actor, subscription=subscription, **values)
        return Response(SubscriptionSerializer(changed).data)


class ApproveSubscription(_Approval):
    @operation(
        "approve_subscription", "Approve a subscription", SubscriptionSerializer, body=Decision
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.approve_subscription, **self.valid(Decision))


class RejectSubscription(_Approval):
    @operation(
        "reject_subscription", "Reject a subscription", SubscriptionSerializer, body=Decision
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.reject_subscription, **self.valid(Decision))


class SuspendSubscription(_Approval):
    @operation("suspend_subscription", "Suspend a subscription", SubscriptionSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.suspend_subscription)


class ResumeSubscription(_Approval):
    @operation("resume_subscription", "Resume a subscription", SubscriptionSerializer)
    def post(self, request: Request, public_id: str) -> Response:
        return self.act(public_id, services.resume_subscription)
