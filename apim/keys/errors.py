"""What the rules of access refuse."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from apim.core.errors import Conflict, InvalidInput


class OrganizationSuspended(Conflict):
    code = "organization_suspended"
    title = _("The organization is suspended")


class ApplicationNotActive(Conflict):
    code = "application_not_active"
    title = _("The application is suspended or deleted")


class ApplicationStateConflict(Conflict):
    code = "application_state"
    title = _("The application is not in a state that allows this")


class KeyNotActive(Conflict):
    code = "key_not_active"
    title = _("The API key is revoked or expired")


class KeyAlreadyRotated(Conflict):
    code = "key_already_rotated"
    title = _("The API key has already been rotated")


class KeyNotInGrace(Conflict):
    code = "key_not_in_grace"
    title = _("The API key has no grace that could be changed")


class GraceAlreadyExtended(Conflict):
    code = "grace_already_extended"
    title = _("The grace has been extended once already")


class ImportRefused(InvalidInput):
    code = "import_refused"
    title = _("No key was imported")


class PlanNotOffered(Conflict):
    code = "plan_not_offered"
    title = _("The plan is not open to new subscriptions")


class PlanNeedsApproval(Conflict):
    code = "plan_needs_approval"
    title = _("The plan needs an approval: ask the publisher to change the subscription")


class AlreadySubscribed(Conflict):
    code = "already_subscribed"
    title = _("The application already has an open subscription to this product")


class SubscriptionStateConflict(Conflict):
    code = "subscription_state"
    title = _("The subscription is not in a state that allows this")
