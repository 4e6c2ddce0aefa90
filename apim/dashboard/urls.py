"""The publisher's, support's and finance's side."""

from django.urls import path

from apim.dashboard.views import (
    apis,
    audit,
    finance,
    gateways,
    jobs,
    limits,
    organizations,
    overview,
    plans,
    products,
    staff,
    subscriptions,
    usage,
    versions,
)

app_name = "dashboard"

urlpatterns = [
    path("", overview.overview, name="overview"),
    # Catalog
    path("apis/", apis.api_list, name="apis"),
    path("apis/new/", apis.api_new, name="api-new"),
    path("apis/<str:api_id>/", apis.api_detail, name="api"),
    path("apis/<str:api_id>/edit/", apis.api_edit, name="api-edit"),
    path("apis/<str:api_id>/versions/new/", versions.version_new, name="version-new"),
    path("versions/<str:version_id>/", versions.version_detail, name="version"),
    path("versions/<str:version_id>/edit/", versions.version_edit, name="version-edit"),
    path("versions/<str:version_id>/costs/", limits.version_costs, name="version-cost"),
    path("versions/<str:version_id>/revisions/new/", versions.revision_new, name="revision-new"),
    path("versions/<str:version_id>/publish/", versions.publish, name="version-publish"),
    path("versions/<str:version_id>/deprecate/", versions.deprecate, name="version-deprecate"),
    path("versions/<str:version_id>/retire/", versions.retire, name="version-retire"),
    path("versions/<str:version_id>/restore/", versions.restore, name="version-restore"),
    path(
        "versions/<str:version_id>/revisions/<int:number>/document/",
        versions.document,
        name="revision-document",
    ),
    path("products/", products.product_list, name="products"),
    path("products/new/", products.product_new, name="product-new"),
    path("products/<str:product_id>/", products.product_detail, name="product"),
    path("products/<str:product_id>/edit/", products.product_edit, name="product-edit"),
    path("products/<str:product_id>/publish/", products.publish, name="product-publish"),
    path("products/<str:product_id>/retire/", products.retire, name="product-retire"),
    path("products/<str:product_id>/plans/new/", plans.plan_new, name="plan-new"),
    path("plans/<str:plan_id>/", plans.plan_detail, name="plan"),
    path("plans/<str:plan_id>/edit/", plans.plan_edit, name="plan-edit"),
    path("plans/<str:plan_id>/price/", plans.plan_price, name="plan-price"),
    path("plans/<str:plan_id>/limits/new/", limits.limit_new, name="limit-new"),
    path("limits/<str:limit_id>/edit/", limits.limit_edit, name="limit-edit"),
    path("limits/<str:limit_id>/remove/", limits.limit_remove, name="limit-remove"),
    path("plans/<str:plan_id>/publish/", plans.publish, name="plan-publish"),
    path("plans/<str:plan_id>/retire/", plans.retire, name="plan-retire"),
    # Customers
    path("organizations/", organizations.organization_list, name="organizations"),
    path("organizations/<str:organization_id>/", organizations.detail, name="organization"),
    path(
        "organizations/<str:organization_id>/suspend/",
        organizations.suspend,
        name="organization-suspend",
    ),
    path(
        "organizations/<str:organization_id>/activate/",
        organizations.activate,
        name="organization-activate",
    ),
    path("subscriptions/", subscriptions.subscription_list, name="subscriptions"),
    path(
        "subscriptions/<str:subscription_id>/approve/",
        subscriptions.approve,
        name="subscription-approve",
    ),
    path(
        "subscriptions/<str:subscription_id>/reject/",
        subscriptions.reject,
        name="subscription-reject",
    ),
    path(
        "subscriptions/<str:subscription_id>/suspend/",
        subscriptions.suspend,
        name="subscription-suspend",
    ),
    path(
        "subscriptions/<str:subscription_id>/resume/",
        subscriptions.resume,
        name="subscription-resume",
    ),
    path("keys/<str:key_id>/revoke/", organizations.revoke_key, name="key-revoke"),
    # Traffic
    path("usage/", usage.explorer, name="usage"),
    path("usage/export/", usage.export, name="usage-export"),
    path("usage/quarantine/", usage.quarantine, name="quarantine"),
    path("gateways/", gateways.gateway_list, name="gateways"),
    path("gateways/new/", gateways.gateway_new, name="gateway-new"),
    path("gateways/<str:gateway_id>/", gateways.gateway_detail, name="gateway"),
    path("gateways/<str:gateway_id>/rotate/", gateways.rotate, name="gateway-rotate"),
    path("gateways/<str:gateway_id>/disable/", gateways.disable, name="gateway-disable"),
    path("gateways/<str:gateway_id>/enable/", gateways.enable, name="gateway-enable"),
    path("gateways/<str:gateway_id>/sync/", gateways.sync, name="gateway-sync"),
    # Operation
    path("audit/", audit.event_list, name="audit"),
    path("jobs/", jobs.job_list, name="jobs"),
    path("jobs/<int:entry_id>/retry/", jobs.retry, name="job-retry"),
    path("staff/", staff.staff_list, name="staff"),
    path("staff/<str:user_id>/role/", staff.set_role, name="staff-role"),
    # Finance
    path("finance/", finance.revenue, name="revenue"),
    path("finance/export/", finance.export, name="revenue-export"),
    path("finance/prices/", finance.prices, name="prices"),
]
