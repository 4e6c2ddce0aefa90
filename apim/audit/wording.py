"""Actions of the audit log as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

ACTIONS: dict[str, StrOrPromise] = {
    "access_token.issued": _("Access token issued"),
    "access_token.revoked": _("Access token revoked"),
    "api_version.revision_uploaded": _("Revision uploaded"),
    "api_version.revision_published": _("Revision published"),
    "ruleset.created": _("Ruleset added"),
    "ruleset.updated": _("Ruleset changed"),
    "ruleset.deleted": _("Ruleset removed"),
    "gate.changed": _("Rules of a transition changed"),
    "application.created": _("Application created"),
    "application.updated": _("Application changed"),
    "application.suspended": _("Application suspended"),
    "application.activated": _("Application activated"),
    "application.deleted": _("Application deleted"),
    "billing_period.closed": _("Billing period closed"),
    "invoice.made": _("Invoice made"),
    "invoice.draft": _("Invoice drafted"),
    "invoice.open": _("Invoice opened"),
    "invoice.paid": _("Invoice paid"),
    "invoice.void": _("Invoice voided"),
    "invoice.uncollectible": _("Invoice written off"),
    "invoice.reminded": _("Reminder of an invoice sent"),
    "refund.noted": _("Refund noted"),
    "dispute.noted": _("Dispute noted"),
    "credit_note.noted": _("Credit note noted"),
    "meter_event.refused": _("Usage refused by Stripe"),
    "stripe_event.replayed": _("Stripe event handled again"),
    "invitation.sent": _("Invitation sent"),
    "invitation.resent": _("Invitation sent again"),
    "invitation.revoked": _("Invitation taken back"),
    "invitation.accepted": _("Invitation accepted"),
    "key.issued": _("API key issued"),
    "key.rotated": _("API key rotated"),
    "key.renamed": _("API key renamed"),
    "key.grace_extended": _("Old API key extended"),
    "key.grace_ended": _("Old API key ended"),
    "key.revoked": _("API key revoked"),
    "key.imported": _("API key imported"),
    "key.rules_changed": _("API key restricted"),
    "key.expiry_changed": _("End of an API key changed"),
    "key.leaked": _("API key found in the open"),
    "leak_policy.changed": _("Policy for leaked keys changed"),
    "membership.changed": _("Member's role changed"),
    "membership.removed": _("Member removed"),
    "membership.left": _("Member left"),
    "organization.created": _("Organization created"),
    "organization.updated": _("Organization changed"),
    "organization.suspended": _("Organization suspended"),
    "organization.activated": _("Organization activated"),
    "subscription.created": _("Subscription created"),
    "subscription.requested": _("Subscription requested"),
    "subscription.approved": _("Subscription approved"),
    "subscription.rejected": _("Subscription rejected"),
    "subscription.suspended": _("Subscription suspended"),
    "subscription.resumed": _("Subscription resumed"),
    "subscription.cancelled": _("Subscription cancelled"),
    "subscription.plan_changed": _("Plan changed"),
    "user.created": _("Person added"),
    "user.signed_up": _("Signed up"),
    "user.signed_in": _("Signed in"),
    "user.signed_out": _("Signed out"),
    "user.updated": _("Profile changed"),
    "user.staff_role_changed": _("Staff role changed"),
    "user.password_changed": _("Password changed"),
    "user.password_reset": _("Password reset"),
    "user.email_confirmed": _("E-mail address confirmed"),
    "user.email_changed": _("E-mail address changed"),
    "user.factor_added": _("Second factor added"),
    "user.factor_removed": _("Second factor removed"),
    "user.recovery_codes_renewed": _("Recovery codes renewed"),
    "user.connection_added": _("Connection added"),
    "user.connection_removed": _("Connection removed"),
}


def words_for(action: str) -> StrOrPromise:
    """The phrase for an action; one that is not listed stays readable."""
    return ACTIONS.get(action) or action.replace(".", " ").replace("_", " ").capitalize()
