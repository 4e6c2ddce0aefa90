"""Every page a person can open: whose it is, its URL name and what it is about."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from django.urls import reverse


class Viewer(StrEnum):
    VISITOR = "visitor"
    DEVELOPER = "alice"
    NEWCOMER = "nina"
    ADMIN = "admin"
    FINANCE = "fiona"


@dataclass(frozen=True)
class Shown:
    """`arguments` are texts for the URL; "{name}" is taken from the world that `WORLD` prints."""

    viewer: Viewer
    name: str
    arguments: tuple[str, ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    status: int = 200
    note: str = ""

    @property
    def slug(self) -> str:
        parts = (self.viewer.value, self.name.replace(":", "-").replace("_", "-"), self.note)
        return "-".join(part for part in parts if part)

    def path(self, world: dict[str, str]) -> str:
        found = [argument.format_map(world) for argument in self.arguments]
        return reverse(self.name, args=found) + (f"?{urlencode(self.query)}" if self.query else "")


def _of(viewer: Viewer, *entries: str | tuple) -> tuple[Shown, ...]:
    """Each entry is a URL name, or a URL name with its arguments."""
    return tuple(
        Shown(viewer, entry) if isinstance(entry, str) else Shown(viewer, entry[0], entry[1:])
        for entry in entries
    )


_SUN = ("sun", "v1")

VISITOR = (
    *_of(
        Viewer.VISITOR,
        "portal:home",
        "portal:catalog",
        ("portal:api", "sun"),
        ("portal:api-version", "sun", "v0"),
        ("portal:reference", *_SUN),
        ("portal:changelog", *_SUN),
        "portal:pricing",
        "portal:report-leaked-key",
        ("portal:product", "earth"),
        "portal:guides",
        ("portal:guide", "first-call"),
        "account_login",
        "account_signup",
        "account_reset_password",
        "account_reset_password_done",
        ("account_reset_password_from_key", "1", "set-password"),
        "account_reset_password_from_key_done",
        "account_email_verification_sent",
        ("account_confirm_email", "unknown"),
        "account_inactive",
        "socialaccount_login_cancelled",
        ("invitation", "{invitation}"),
        "dev_mail",
        ("dev_mail_detail", "{mail}"),
        "api-docs:docs",
    ),
    Shown(Viewer.VISITOR, "portal:catalog", query=(("q", "zzz"),), note="nothing-found"),
    Shown(Viewer.VISITOR, "socialaccount_login_error", status=401),
    Shown(Viewer.VISITOR, "portal:api", ("missing",), status=404, note="missing"),
)

DEVELOPER = (
    *_of(
        Viewer.DEVELOPER,
        "portal:home",
        ("portal:api", "sun"),
        ("portal:reference", *_SUN),
        "portal:pricing",
        "portal:applications",
        "portal:application-create",
        ("portal:application", "{application}"),
        ("portal:application-subscriptions", "{application}"),
        ("portal:application-limits", "{application}"),
        ("portal:application-usage", "{application}"),
        ("portal:application-edit", "{application}"),
        ("portal:application-delete", "{application}"),
        "portal:keys",
        "portal:leaks",
        "portal:leak-policy",
        ("portal:key-issue", "{application}"),
        ("portal:key-rules", "{key}"),
        ("portal:key", "{key}"),
        ("portal:key-rotate", "{key}"),
        ("portal:key-rename", "{key}"),
        ("portal:key-revoke", "{key}"),
        ("portal:subscribe", "{free_plan}"),
        ("portal:subscription", "{subscription}"),
        ("portal:subscription-change", "{subscription}"),
        ("portal:subscription-cancel", "{subscription}"),
        ("portal:subscription-pause", "{subscription}"),
        "portal:usage",
        "portal:billing",
        "portal:invoices",
        ("portal:invoice", "{invoice}"),
        "portal:organization",
        "portal:organization-invite",
        ("portal:organization-invitation-revoke", "{invitation_id}"),
        ("portal:organization-member", "{member}"),
        ("portal:organization-member-remove", "{member}"),
        "portal:organization-leave",
        "portal:organization-settings",
        "portal:organization-activity",
        "portal:organization-tokens",
        "portal:organization-token-issue",
        ("portal:organization-token-revoke", "{token}"),
        "portal:profile",
        "start_organization",
        "account_email",
        "account_change_password",
        "account_logout",
        "account_reauthenticate",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_list_webauthn",
        "mfa_add_webauthn",
        "usersessions_list",
        "socialaccount_connections",
        "ui:components",
    ),
    Shown(Viewer.DEVELOPER, "dashboard:overview", status=404, note="not-theirs"),
    Shown(
        Viewer.DEVELOPER,
        "portal:usage",
        query=(("range", "90d"),),
        note="ninety-days",
    ),
)

NEWCOMER = _of(
    Viewer.NEWCOMER,
    "portal:home",
    ("portal:api", "sun"),
    "portal:applications",
    ("portal:subscribe", "{free_plan}"),
    "portal:usage",
    "portal:billing",
    "portal:organization",
    "portal:organization-activity",
    "portal:organization-tokens",
)

ADMIN = (
    *_of(
        Viewer.ADMIN,
        "dashboard:overview",
        "dashboard:apis",
        "dashboard:api-new",
        ("dashboard:api", "{api}"),
        ("dashboard:api-edit", "{api}"),
        ("dashboard:version-new", "{api}"),
        ("dashboard:version", "{version}"),
        ("dashboard:version-edit", "{version}"),
        ("dashboard:version-cost", "{version}"),
        ("dashboard:revision-new", "{version}"),
        ("dashboard:revisions", "{version}"),
        ("dashboard:revision-source", "{version}", "1"),
        ("dashboard:revision-findings", "{version}", "1"),
        ("dashboard:revision-publish", "{version}", "1"),
        ("dashboard:compare", "{api}"),
        "dashboard:rulesets",
        "dashboard:ruleset-new",
        ("dashboard:ruleset", "{ruleset}"),
        ("dashboard:gate", "publish_revision"),
        ("dashboard:api-gates", "{api}"),
        ("dashboard:api-gate", "{api}", "publish_revision"),
        ("dashboard:api-gate-remove", "{api}", "publish_revision"),
        ("dashboard:version-publish", "{draft}"),
        ("dashboard:version-deprecate", "{version}"),
        ("dashboard:version-retire", "{version}"),
        ("dashboard:version-restore", "{deprecated}"),
        "dashboard:products",
        "dashboard:product-new",
        ("dashboard:product", "{product}"),
        ("dashboard:product-edit", "{product}"),
        ("dashboard:product-retire", "{product}"),
        ("dashboard:plan-new", "{product}"),
        ("dashboard:plan", "{plan}"),
        ("dashboard:plan-edit", "{plan}"),
        ("dashboard:limit-new", "{plan}"),
        ("dashboard:limit-edit", "{limit}"),
        ("dashboard:limit-remove", "{limit}"),
        ("dashboard:plan-retire", "{plan}"),
        "dashboard:organizations",
        ("dashboard:organization", "{organization}"),
        ("dashboard:organization-suspend", "{organization}"),
        "dashboard:subscriptions",
        ("dashboard:subscription-approve", "{waiting}"),
        ("dashboard:subscription-reject", "{waiting}"),
        ("dashboard:subscription-suspend", "{subscription}"),
        "dashboard:keys",
        "dashboard:keys-import",
        "dashboard:leaks",
        ("dashboard:key", "{key}"),
        ("dashboard:key-revoke", "{key}"),
        "dashboard:usage",
        "dashboard:quarantine",
        "dashboard:unmatched",
        "dashboard:mappings",
        "dashboard:mapping-new",
        "dashboard:gateways",
        "dashboard:gateway-new",
        ("dashboard:gateway", "{gateway}"),
        ("dashboard:gateway-rotate", "{gateway}"),
        ("dashboard:gateway-disable", "{gateway}"),
        "dashboard:audit",
        "dashboard:jobs",
        "dashboard:staff",
        "dashboard:tokens",
        "dashboard:token-new",
        "dashboard:revenue",
        "dashboard:prices",
    ),
    Shown(Viewer.ADMIN, "dashboard:usage", query=(("by", "organization"),), note="by-organization"),
)

FINANCE = _of(
    Viewer.FINANCE,
    "dashboard:overview",
    "dashboard:organizations",
    "dashboard:revenue",
    "dashboard:prices",
    ("dashboard:plan-price", "{plan}"),
    "dashboard:customers",
    ("dashboard:customer", "{organization}"),
    ("dashboard:customer-credit", "{organization}"),
    ("dashboard:customer-discount", "{organization}"),
    "dashboard:finance-subscriptions",
    "dashboard:invoices",
    ("dashboard:invoice", "{invoice}"),
    ("dashboard:invoice-line", "{line}"),
    "dashboard:reconciliation",
    "dashboard:stripe",
    "dashboard:webhooks",
    ("dashboard:plan-versions", "{plan}"),
    ("dashboard:plan-version-new", "{plan}"),
    ("dashboard:plan-version", "{price}"),
    ("dashboard:plan-version-simulation", "{price}"),
    "dashboard:meters",
    "dashboard:meter-new",
    "dashboard:add-ons",
    "dashboard:add-on-new",
)

EVERY = {
    Viewer.VISITOR: VISITOR,
    Viewer.DEVELOPER: DEVELOPER,
    Viewer.NEWCOMER: NEWCOMER,
    Viewer.ADMIN: ADMIN,
    Viewer.FINANCE: FINANCE,
}

# URL names that answer no page of their own: files, fragments, and what only a POST reaches.
# Pages of a state that the demo is not in (a plan to publish, a disabled gateway) are here too;
# tests/portal and tests/apim open those.
NOT_SHOWN = {
    "portal": {
        "specification-json",
        "specification-yaml",
        "description",
        "reference-document",
        "changelog-feed",
        "changelog-document",
        "try",
        "usage-live",
        "application-limits-live",
        "usage-export",
        "billing-export",
        "billing-line",
        "payment-method",
        "payment-method-added",
        "checkout",
        "subscription-keep",
        "subscription-add-ons",
        "add-on-end",
        "subscription-resume",
        "key-seen",
        "keys-revoke",
        "key-extend",
        "key-end-grace",
        "organization-invitation-resend",
        "llms-txt",
        "api-catalog",
    },
    "dashboard": {
        "revision-document",
        "ruleset-remove",
        "product-publish",
        "plan-publish",
        "credit-void",
        "discount-end",
        "reconciliation-now",
        "reconciliation-run",
        "webhook-replay",
        "plan-sheet",
        "plan-sheet-remove",
        "plan-version-publish",
        "plan-version-delete",
        "plan-version-end",
        "meter-edit",
        "add-on-prices",
        "add-on-withdraw",
        "organization-activate",
        "subscription-resume",
        "usage-export",
        "gateway-enable",
        "mapping-accept",
        "mapping-edit",
        "mapping-remove",
        "quarantine-replay",
        "quarantined-record",
        "quarantined-record-replay",
        "gateway-sync",
        "keys-revoke",
        "job-retry",
        "staff-role",
        "token-revoke",
        "revenue-export",
    },
}

# Prints the world of the demo as JSON, and adds what a newcomer and a token holder need.
WORLD = """
import json
from datetime import timedelta
from allauth.account.models import EmailAddress
from apim.accounts.models import Invitation, Membership, Organization, User
from apim.accounts.services import create_organization, issue_access_token
from apim.audit.actors import SYSTEM
from apim.catalog.models import Api, ApiVersion, Limit, Plan, Product
from apim.catalog.ruleset_selectors import ruleset_list
from apim.core import clock
from apim.gateway.models import Gateway
from apim.keys.models import ApiKey, Application, Subscription
from billing.models import Invoice, PlanVersion, RatedLine

def person(email, name, password):
    user = User.objects.create_user(email, password, name=name)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user

nina = person("nina@apim.localhost", "Nina Newcomer", {password!r})
create_organization(actor=SYSTEM, name="Empty Harbor", owner=nina)
alice = User.objects.get(email="alice@apim.localhost")
harbor = Organization.objects.get(name="Harbor Lights")
expires_at = clock.now() + timedelta(days=30)
token = issue_access_token(
    actor=SYSTEM, user=alice, organization=harbor, name="Deployments",
    scopes=["usage:read"], expires_at=expires_at,
).token
clocks = Application.objects.get(name="Lighthouse clock")
versions = ApiVersion.objects.filter(api__slug="sun")
invited = Invitation.objects.get()
first = lambda found: found.order_by("id")[0].public_id
print(json.dumps({{
    "application": clocks.public_id,
    "key": first(ApiKey.objects.filter(application=clocks, name="Production")),
    "subscription": first(Subscription.objects.filter(application=clocks)),
    "waiting": first(Subscription.objects.filter(state="pending")),
    "free_plan": first(Plan.objects.filter(name="Free", product__name="Earth")),
    "member": first(Membership.objects.filter(user__email="bob@apim.localhost")),
    "organization": harbor.public_id,
    "invitation_id": invited.public_id,
    "invitation": invited.secret,
    "token": token.public_id,
    "api": first(Api.objects.filter(slug="sun")),
    "version": versions.get(name="v1").public_id,
    "deprecated": versions.get(name="v0").public_id,
    "draft": first(ApiVersion.objects.filter(state="draft")),
    "ruleset": ruleset_list().get(name="apim:default").public_id,
    "product": first(Product.objects.filter(name="Earth")),
    "plan": first(Plan.objects.filter(name="Business")),
    "price": first(PlanVersion.objects.filter(plan__name="Business")),
    "invoice": Invoice.objects.filter(organization=harbor).latest("ends_at").public_id,
    "line": first(RatedLine.objects.filter(organization=harbor, kind="usage")),
    "limit": first(Limit.objects.all()),
    "gateway": first(Gateway.objects.all()),
}}))
"""
