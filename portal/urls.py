from django.urls import include, path

from portal.views import (
    add_ons,
    applications,
    billing,
    catalog,
    changelog,
    guides,
    home,
    invoices,
    key_lists,
    keys,
    leaks,
    machines,
    payments,
    plan_changes,
    reference,
    subscriptions,
    usage,
)

app_name = "portal"

_version = "apis/<slug:slug>/<slug:version>/"

urlpatterns = [
    path("", home.home, name="home"),
    # Visitors
    path("apis/", catalog.catalog, name="catalog"),
    path("apis/<slug:slug>/", catalog.api, name="api"),
    path(_version, catalog.api, name="api-version"),
    path(
        f"{_version}openapi.json",
        catalog.specification,
        {"suffix": "json"},
        name="specification-json",
    ),
    path(
        f"{_version}openapi.yaml",
        catalog.specification,
        {"suffix": "yaml"},
        name="specification-yaml",
    ),
    path(f"{_version}changelog/", changelog.changelog, name="changelog"),
    path(f"{_version}changelog.atom", changelog.feed, name="changelog-feed"),
    path(
        f"{_version}revisions/<int:number>/", changelog.document, name="changelog-document"
    ),
    path(f"{_version}reference/", reference.reference, name="reference"),
    path(f"{_version}reference/openapi.json", reference.document, name="reference-document"),
    path("try/<slug:slug>/<slug:version>/", reference.try_it, name="try"),
    path("pricing/", catalog.pricing, name="pricing"),
    path("products/<slug:slug>/", catalog.product, name="product"),
    path("guides/", guides.guides, name="guides"),
    path("guides/<slug:slug>/", guides.guide, name="guide"),
    # Developers
    path("apps/", applications.applications, name="applications"),
    path("apps/new/", applications.create, name="application-create"),
    path("apps/<str:public_id>/", applications.application, name="application"),
    path(
        "apps/<str:public_id>/subscriptions/",
        applications.subscriptions,
        name="application-subscriptions",
    ),
    path("apps/<str:public_id>/limits/", applications.limits, name="application-limits"),
    path(
        "apps/<str:public_id>/limits/live/",
        applications.limits_live,
        name="application-limits-live",
    ),
    path("apps/<str:public_id>/usage/", applications.usage, name="application-usage"),
    path("apps/<str:public_id>/edit/", applications.edit, name="application-edit"),
    path("apps/<str:public_id>/delete/", applications.delete, name="application-delete"),
    path("apps/<str:public_id>/keys/new/", keys.issue, name="key-issue"),
    path("keys/", key_lists.keys, name="keys"),
    path("keys/revoke/", key_lists.revoke, name="keys-revoke"),
    path("keys/<str:public_id>/", keys.key, name="key"),
    path("keys/<str:public_id>/seen/", keys.seen, name="key-seen"),
    path("keys/<str:public_id>/rules/", keys.rules, name="key-rules"),
    path("keys/<str:public_id>/rotate/", keys.rotate, name="key-rotate"),
    path("keys/<str:public_id>/rename/", keys.rename, name="key-rename"),
    path("keys/<str:public_id>/extend/", keys.extend, name="key-extend"),
    path("keys/<str:public_id>/end-grace/", keys.end_grace, name="key-end-grace"),
    path("keys/<str:public_id>/revoke/", keys.revoke, name="key-revoke"),
    path("leaks/", leaks.reports, name="leaks"),
    path("leaks/policy/", leaks.policy, name="leak-policy"),
    path("report-leaked-key/", leaks.report, name="report-leaked-key"),
    path("plans/<str:public_id>/subscribe/", subscriptions.create, name="subscribe"),
    path("subscriptions/<str:public_id>/", subscriptions.subscription, name="subscription"),
    path("subscriptions/<str:public_id>/change/", plan_changes.change, name="subscription-change"),
    path("subscriptions/<str:public_id>/cancel/", plan_changes.cancel, name="subscription-cancel"),
    path("subscriptions/<str:public_id>/pause/", plan_changes.pause, name="subscription-pause"),
    path("subscriptions/<str:public_id>/resume/", plan_changes.resume, name="subscription-resume"),
    path(
        "subscriptions/<str:public_id>/add-ons/", add_ons.add_ons, name="subscription-add-ons"
    ),
    path("add-ons/<str:public_id>/end/", add_ons.end, name="add-on-end"),
    path("subscriptions/<str:public_id>/keep/", plan_changes.withdraw, name="subscription-keep"),
    path("usage/", usage.usage, name="usage"),
    path("usage/live/", usage.live, name="usage-live"),
    path("usage/export.csv", usage.export, name="usage-export"),
    path("billing/", billing.billing, name="billing"),
    path("billing/invoices/", invoices.invoices, name="invoices"),
    path("billing/invoices/<str:public_id>/", invoices.invoice, name="invoice"),
    path("billing/lines/<str:public_id>/", invoices.line, name="billing-line"),
    path("billing/payment-method/", payments.payment_method, name="payment-method"),
    path(
        "billing/payment-method/added/",
        payments.payment_method_added,
        name="payment-method-added",
    ),
    path("checkouts/<str:public_id>/", payments.checkout, name="checkout"),
    path("billing/export.csv", billing.export, name="billing-export"),
    path("", include("portal.urls_account")),
    # Machines
    path("llms.txt", machines.llms_txt, name="llms-txt"),
    path(".well-known/api-catalog", machines.api_catalog, name="api-catalog"),
]
