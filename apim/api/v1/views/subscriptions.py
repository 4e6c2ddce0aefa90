"""Subscriptions, and the decisions on them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.response import Response

from apim.api.endpoint import Endpoint
from apim.api.schema import operation
from apim.api.v1.filters.access import SubscriptionFilter
from apim.api.v1.serializers.access import (
    Decision,
    NewSubscription,
    PlanChange,
    StatedBody,
    SubscriptionSerializer,
)
from apim.catalog import selectors as catalog
from apim.keys import selectors, services
from apim.keys.models import Subscription
from billing import services as billing
from billing.models import ScheduledChange

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request

Kind = ScheduledChange.Kind


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
        description="Pending where the plan asks for approval. A plan that needs a payment method"
        " first is refused with payment_method_needed: POST /checkouts leads to it.",
    )
    def post(self, request: Request) -> Response:
        values = self.valid(NewSubscription)
        begin = services.subscribe if self.viewer.is_staff else billing.subscribe
        made = begin(
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
        values = self.valid(PlanChange)
        plan = catalog.get_published_plan(values.pop("plan"))
        named: dict[str, Any] = {
            "actor": self.actor,
            "subscription": subscription,
            "plan": plan,
            "is_approved": self.viewer.is_staff,
        }
        if subscription.state == Subscription.State.PENDING:
            changed = services.change_plan(**named)
        else:
            changed = billing.change_now(kind=Kind.PLAN, **named, **values)
        return Response(SubscriptionSerializer(changed).data)


class _ChangeNow(Endpoint):
    scopes = {"POST": "subscriptions:write"}

    def change(self, public_id: str, kind: str) -> Response:
        subscription = selectors.get_subscription(self.organization, public_id)
        changed = billing.change_now(
            actor=self.actor, subscription=subscription, kind=kind, **self.valid(StatedBody)
        )
        return Response(SubscriptionSerializer(changed).data)


class CancelSubscription(_ChangeNow):
    @operation("cancel_subscription", "End a subscription", SubscriptionSerializer, body=StatedBody)
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(public_id, Kind.CANCEL)


class PauseSubscription(_ChangeNow):
    @operation(
        "pause_subscription",
        "Pause a subscription of your own",
        SubscriptionSerializer,
        body=StatedBody,
        description="Calls are refused, and neither fees nor minimums are due, until `unpause`.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(public_id, Kind.PAUSE)


class UnpauseSubscription(_ChangeNow):
    @operation(
        "unpause_subscription",
        "End your own pause",
        SubscriptionSerializer,
        body=StatedBody,
        description="What the publisher or billing suspended stays suspended.",
    )
    def post(self, request: Request, public_id: str) -> Response:
        return self.change(public_id, Kind.RESUME)


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
