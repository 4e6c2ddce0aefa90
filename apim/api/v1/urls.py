"""Every address of the management API: kebab-case plural nouns, actions as POST beneath."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import path, re_path, register_converter
from django.urls.converters import StringConverter

from apim.api.v1.views import (
    api_keys,
    apis,
    applications,
    audit,
    billing,
    checkouts,
    extras,
    foreign,
    gateways,
    leaks,
    money,
    organizations,
    people,
    pricing,
    products,
    reconciliation,
    revisions,
    rulesets,
    subscriptions,
    usage,
    versions,
)
from apim.api.views import Schema, UnknownPath

if TYPE_CHECKING:
    from django.urls import URLPattern, URLResolver

app_name = "api"


class PublicId(StringConverter):
    """A prefix and 20 base62 characters; anything else is no address of ours."""

    regex = "[a-z]{2,5}_[0-9A-Za-z]{20}"


register_converter(PublicId, "public")

PEOPLE = [
    path("me", people.Me.as_view(), name="me"),
    path("access-tokens", people.AccessTokens.as_view(), name="access-tokens"),
    path("access-tokens/<public:public_id>", people.OneAccessToken.as_view(), name="access-token"),
    path(
        "access-tokens/<public:public_id>/revoke",
        people.RevokeAccessToken.as_view(),
        name="access-token-revoke",
    ),
    path("users", people.Users.as_view(), name="users"),
    path("users/<public:public_id>", people.OneUser.as_view(), name="user"),
    path(
        "users/<public:public_id>/set-staff-role",
        people.SetStaffRole.as_view(),
        name="user-set-staff-role",
    ),
]

ORGANIZATIONS = [
    path("organizations", organizations.Organizations.as_view(), name="organizations"),
    path(
        "organizations/<public:public_id>",
        organizations.OneOrganization.as_view(),
        name="organization",
    ),
    path(
        "organizations/<public:public_id>/suspend",
        organizations.SuspendOrganization.as_view(),
        name="organization-suspend",
    ),
    path(
        "organizations/<public:public_id>/activate",
        organizations.ActivateOrganization.as_view(),
        name="organization-activate",
    ),
    path(
        "organizations/<public:public_id>/members", organizations.Members.as_view(), name="members"
    ),
    path(
        "organizations/<public:public_id>/members/<public:member_id>",
        organizations.OneMember.as_view(),
        name="member",
    ),
    path(
        "organizations/<public:public_id>/invitations",
        organizations.Invitations.as_view(),
        name="invitations",
    ),
    path(
        "organizations/<public:public_id>/invitations/<public:invitation_id>",
        organizations.OneInvitation.as_view(),
        name="invitation",
    ),
    path(
        "organizations/<public:public_id>/invitations/<public:invitation_id>/resend",
        organizations.ResendInvitation.as_view(),
        name="invitation-resend",
    ),
]

ACCESS = [
    path("applications", applications.Applications.as_view(), name="applications"),
    path(
        "applications/<public:public_id>", applications.OneApplication.as_view(), name="application"
    ),
    path(
        "applications/<public:public_id>/suspend",
        applications.SuspendApplication.as_view(),
        name="application-suspend",
    ),
    path(
        "applications/<public:public_id>/activate",
        applications.ActivateApplication.as_view(),
        name="application-activate",
    ),
    path("api-keys", api_keys.ApiKeys.as_view(), name="api-keys"),
    path("api-keys/revoke", api_keys.RevokeApiKeys.as_view(), name="api-keys-revoke"),
    path("api-keys/import", api_keys.ImportApiKeys.as_view(), name="api-keys-import"),
    path("leak-reports", leaks.LeakReports.as_view(), name="leak-reports"),
    path(
        "organizations/<public:public_id>/leak-policy",
        leaks.LeakPolicy.as_view(),
        name="leak-policy",
    ),
    path("api-keys/<public:public_id>", api_keys.OneApiKey.as_view(), name="api-key"),
    path(
        "api-keys/<public:public_id>/rotate", api_keys.RotateApiKey.as_view(), name="api-key-rotate"
    ),
    path(
        "api-keys/<public:public_id>/revoke", api_keys.RevokeApiKey.as_view(), name="api-key-revoke"
    ),
    path(
        "api-keys/<public:public_id>/extend-grace",
        api_keys.ExtendGrace.as_view(),
        name="api-key-extend-grace",
    ),
    path(
        "api-keys/<public:public_id>/end-grace",
        api_keys.EndGrace.as_view(),
        name="api-key-end-grace",
    ),
]

SUBSCRIPTIONS = [
    path("subscriptions", subscriptions.Subscriptions.as_view(), name="subscriptions"),
    path(
        "subscriptions/<public:public_id>",
        subscriptions.OneSubscription.as_view(),
        name="subscription",
    ),
    path(
        "subscriptions/<public:public_id>/approve",
        subscriptions.ApproveSubscription.as_view(),
        name="subscription-approve",
    ),
    path(
        "subscriptions/<public:public_id>/reject",
        subscriptions.RejectSubscription.as_view(),
        name="subscription-reject",
    ),
    path(
        "subscriptions/<public:public_id>/suspend",
        subscriptions.SuspendSubscription.as_view(),
        name="subscription-suspend",
    ),
    path(
        "subscriptions/<public:public_id>/resume",
        subscriptions.ResumeSubscription.as_view(),
        name="subscription-resume",
    ),
    path(
        "subscriptions/<public:public_id>/cancel",
        subscriptions.CancelSubscription.as_view(),
        name="subscription-cancel",
    ),
    path(
        "subscriptions/<public:public_id>/pause",
        subscriptions.PauseSubscription.as_view(),
        name="subscription-pause",
    ),
    path(
        "subscriptions/<public:public_id>/unpause",
        subscriptions.UnpauseSubscription.as_view(),
        name="subscription-unpause",
    ),
    path("checkouts", checkouts.Checkouts.as_view(), name="checkouts"),
    path("checkouts/<public:public_id>", checkouts.OneCheckout.as_view(), name="checkout"),
    path("payment-method", checkouts.PaymentMethod.as_view(), name="payment-method"),
    path(
        "subscriptions/<public:public_id>/change-plan",
        subscriptions.ChangePlan.as_view(),
        name="subscription-change-plan",
    ),
]

CATALOG = [
    path("apis", apis.Apis.as_view(), name="apis"),
    path("apis/<public:public_id>", apis.OneApi.as_view(), name="api"),
    path(
        "apis/<public:public_id>/versions",
        versions.NewVersionOfApi.as_view(),
        name="api-new-version",
    ),
    path("api-versions", versions.Versions.as_view(), name="api-versions"),
    path("api-versions/<public:public_id>", versions.OneVersion.as_view(), name="api-version"),
    path(
        "api-versions/<public:public_id>/publish",
        versions.PublishVersion.as_view(),
        name="api-version-publish",
    ),
    path(
        "api-versions/<public:public_id>/deprecate",
        versions.DeprecateVersion.as_view(),
        name="api-version-deprecate",
    ),
    path(
        "api-versions/<public:public_id>/restore",
        versions.RestoreVersion.as_view(),
        name="api-version-restore",
    ),
    path(
        "api-versions/<public:public_id>/retire",
        versions.RetireVersion.as_view(),
        name="api-version-retire",
    ),
    path(
        "api-versions/<public:public_id>/revisions",
        versions.Revisions.as_view(),
        name="api-version-revisions",
    ),
    path(
        "api-versions/<public:public_id>/revisions/<int:number>",
        revisions.OneRevision.as_view(),
        name="api-version-revision",
    ),
    path(
        "api-versions/<public:public_id>/revisions/<int:number>/publish",
        revisions.PublishRevision.as_view(),
        name="api-version-revision-publish",
    ),
    path(
        "api-versions/<public:public_id>/revisions/<int:number>/diff",
        revisions.RevisionDiff.as_view(),
        name="api-version-revision-diff",
    ),
    path(
        "api-versions/<public:public_id>/revisions/<int:number>/findings",
        revisions.RevisionFindings.as_view(),
        name="api-version-revision-findings",
    ),
    path(
        "api-versions/<public:public_id>/changelog",
        revisions.Changelog.as_view(),
        name="api-version-changelog",
    ),
    path(
        "api-versions/<public:public_id>/check",
        revisions.Check.as_view(),
        name="api-version-check",
    ),
    path("lint", revisions.Lint.as_view(), name="lint"),
    path("diff", revisions.Diff.as_view(), name="diff"),
    path("rulesets", rulesets.Rulesets.as_view(), name="rulesets"),
    path("rulesets/<public:public_id>", rulesets.OneRuleset.as_view(), name="ruleset"),
    path("gates", rulesets.Gates.as_view(), name="gates"),
    path("gates/<slug:transition>", rulesets.OneGate.as_view(), name="gate"),
    path("apis/<public:public_id>/gates", rulesets.GatesOfApi.as_view(), name="api-gates"),
    path(
        "apis/<public:public_id>/gates/<slug:transition>",
        rulesets.OneGateOfApi.as_view(),
        name="api-gate",
    ),
    path(
        "api-versions/<public:public_id>/set-operation-costs",
        versions.SetOperationCosts.as_view(),
        name="api-version-set-operation-costs",
    ),
    path(
        "api-versions/<public:public_id>/set-operation-groups",
        versions.SetOperationGroups.as_view(),
        name="api-version-set-operation-groups",
    ),
    path(
        "api-versions/<public:public_id>/operations",
        versions.Operations.as_view(),
        name="api-version-operations",
    ),
    path(
        "api-versions/<public:public_id>/document",
        versions.Document.as_view(),
        name="api-version-document",
    ),
    path("products", products.Products.as_view(), name="products"),
    path("products/<public:public_id>", products.OneProduct.as_view(), name="product"),
    path(
        "products/<public:public_id>/publish",
        products.PublishProduct.as_view(),
        name="product-publish",
    ),
    path(
        "products/<public:public_id>/retire",
        products.RetireProduct.as_view(),
        name="product-retire",
    ),
    path("plans", products.Plans.as_view(), name="plans"),
    path("plans/<public:public_id>", products.OnePlan.as_view(), name="plan"),
    path("plans/<public:public_id>/publish", products.PublishPlan.as_view(), name="plan-publish"),
    path("plans/<public:public_id>/retire", products.RetirePlan.as_view(), name="plan-retire"),
    path(
        "plans/<public:public_id>/set-limits", products.SetLimits.as_view(), name="plan-set-limits"
    ),
]

OPERATING = [
    path("gateways", gateways.Gateways.as_view(), name="gateways"),
    path("gateways/lending", gateways.Lending.as_view(), name="gateways-lending"),
    path("gateways/<public:public_id>", gateways.OneGateway.as_view(), name="gateway"),
    path(
        "gateways/<public:public_id>/connection",
        gateways.GatewayConnection.as_view(),
        name="gateway-connection",
    ),
    path(
        "gateways/<public:public_id>/rotate-token",
        gateways.RotateGatewayToken.as_view(),
        name="gateway-rotate-token",
    ),
    path(
        "gateways/<public:public_id>/disable",
        gateways.DisableGateway.as_view(),
        name="gateway-disable",
    ),
    path(
        "gateways/<public:public_id>/enable",
        gateways.EnableGateway.as_view(),
        name="gateway-enable",
    ),
    path(
        "gateways/<public:public_id>/unmatched-names",
        foreign.UnmatchedNames.as_view(),
        name="gateway-unmatched-names",
    ),
    path(
        "gateways/<public:public_id>/replay-quarantine",
        foreign.ReplayQuarantine.as_view(),
        name="gateway-replay-quarantine",
    ),
    path("foreign-mappings", foreign.ForeignMappings.as_view(), name="foreign-mappings"),
    path(
        "foreign-mappings/<public:public_id>",
        foreign.OneForeignMapping.as_view(),
        name="foreign-mapping",
    ),
    path("quarantined-records", foreign.QuarantinedRecords.as_view(), name="quarantined-records"),
    path(
        "quarantined-records/<int:entry_id>",
        foreign.OneQuarantinedRecord.as_view(),
        name="quarantined-record",
    ),
    path(
        "quarantined-records/<int:entry_id>/replay",
        foreign.ReplayQuarantinedRecord.as_view(),
        name="quarantined-record-replay",
    ),
    path("audit-events", audit.AuditEvents.as_view(), name="audit-events"),
    path("audit-events/<public:public_id>", audit.OneAuditEvent.as_view(), name="audit-event"),
    path("jobs", audit.Jobs.as_view(), name="jobs"),
    path("jobs/<int:entry_id>/retry", audit.RetryJob.as_view(), name="job-retry"),
]

USAGE_AND_MONEY = [
    path("usage/series", usage.Series.as_view(), name="usage-series"),
    path("usage/totals", usage.Totals.as_view(), name="usage-totals"),
    path("usage/by", usage.By.as_view(), name="usage-by"),
    path(
        "subscriptions/<public:public_id>/limits",
        usage.SubscriptionLimits.as_view(),
        name="subscription-limits",
    ),
    path("plans/<public:public_id>/prices", billing.Prices.as_view(), name="plan-prices"),
    path("plans/<public:public_id>/set-price", billing.SetPrice.as_view(), name="plan-set-price"),
    path("plans/<public:public_id>/versions", pricing.Versions.as_view(), name="plan-versions"),
    path("plan-versions/<public:public_id>", pricing.OneVersion.as_view(), name="plan-version"),
    path(
        "plan-versions/<public:public_id>/change",
        pricing.ChangeVersion.as_view(),
        name="plan-version-change",
    ),
    path(
        "plan-versions/<public:public_id>/publish",
        pricing.PublishVersion.as_view(),
        name="plan-version-publish",
    ),
    path(
        "plan-versions/<public:public_id>/end",
        pricing.EndVersion.as_view(),
        name="plan-version-end",
    ),
    path(
        "plan-versions/<public:public_id>/example",
        pricing.Example.as_view(),
        name="plan-version-example",
    ),
    path(
        "plan-versions/<public:public_id>/simulation",
        pricing.Simulation.as_view(),
        name="plan-version-simulation",
    ),
    path(
        "subscriptions/<public:public_id>/preview-change",
        money.PreviewChange.as_view(),
        name="subscription-preview-change",
    ),
    path(
        "subscriptions/<public:public_id>/plan-change",
        money.PlanChangeLater.as_view(),
        name="subscription-plan-change",
    ),
    path(
        "subscriptions/<public:public_id>/withdraw-change",
        money.WithdrawChange.as_view(),
        name="subscription-withdraw-change",
    ),
    path("invoices", money.Invoices.as_view(), name="invoices"),
    path("invoices/<public:public_id>", money.OneInvoice.as_view(), name="invoice"),
    path("invoice-lines/<public:public_id>", money.InvoiceLine.as_view(), name="invoice-line"),
    path("credits", money.Credits.as_view(), name="credits"),
    path("credits/<public:public_id>/void", money.VoidCredit.as_view(), name="credit-void"),
    path("discounts", money.Discounts.as_view(), name="discounts"),
    path("discounts/<public:public_id>/end", money.EndDiscount.as_view(), name="discount-end"),
    path("meters", extras.Meters.as_view(), name="meters"),
    path("meters/usage", extras.MeterUsage.as_view(), name="meter-usage"),
    path("meters/<public:public_id>", extras.OneMeter.as_view(), name="meter"),
    path("add-ons", extras.AddOns.as_view(), name="add-ons"),
    path("add-ons/<public:public_id>", extras.OneAddOn.as_view(), name="add-on"),
    path(
        "add-ons/<public:public_id>/withdraw",
        extras.WithdrawAddOn.as_view(),
        name="add-on-withdraw",
    ),
    path(
        "subscriptions/<public:public_id>/offered-add-ons",
        extras.OfferedAddOns.as_view(),
        name="subscription-offered-add-ons",
    ),
    path(
        "subscriptions/<public:public_id>/add-ons",
        extras.HeldAddOns.as_view(),
        name="subscription-add-ons",
    ),
    path(
        "subscription-add-ons/<public:public_id>/end",
        extras.EndHeldAddOn.as_view(),
        name="subscription-add-on-end",
    ),
    path("reconciliations", reconciliation.Reconciliations.as_view(), name="reconciliations"),
    path(
        "reconciliations/<public:public_id>",
        reconciliation.OneReconciliation.as_view(),
        name="reconciliation",
    ),
    path(
        "reconciliations/<public:public_id>/differences",
        reconciliation.Differences.as_view(),
        name="reconciliation-differences",
    ),
    path("billing-periods", reconciliation.BillingPeriods.as_view(), name="billing-periods"),
    path("stripe-events", money.StripeEvents.as_view(), name="stripe-events"),
    path(
        "stripe-events/<str:event_id>/replay",
        money.ReplayStripeEvent.as_view(),
        name="stripe-event-replay",
    ),
    path("charges", billing.Charges.as_view(), name="charges"),
    path("charges/overview", billing.ChargesOverview.as_view(), name="charges-overview"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *PEOPLE,
    *ORGANIZATIONS,
    *ACCESS,
    *SUBSCRIPTIONS,
    *CATALOG,
    *OPERATING,
    *USAGE_AND_MONEY,
    path("schema", Schema.as_view(), name="schema"),
    re_path(r"^.*$", UnknownPath.as_view(), name="unknown"),
]
