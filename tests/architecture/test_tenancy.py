"""Every table that belongs to an organization carries its id, so that it can be filtered by it."""

import pytest
from django.apps import apps

OURS = ("apim.", "analytics", "billing", "portal")
# What belongs to no single organization: the publisher's side, people, and the machinery.
SHARED = {
    "User",
    "Organization",
    "Api",
    "ApiVersion",
    "SpecRevision",
    "Publication",
    "LintResult",
    "Ruleset",
    "RulesetRevision",
    "Gate",
    "Operation",
    "Product",
    "Plan",
    "Limit",
    "Meter",
    "PriceComponent",
    "AddOnPrice",
    "StripeObject",
    "StripeEvent",
    "Reconciliation",
    "Gateway",
    "EnvoySnapshot",
    "EnvoyRefusal",
    "OutboxEntry",
    "UsageBatch",
    "QuarantinedRecord",
    "ForeignNames",
    "ForeignMapping",
    "ClientFamily",
    "UsageEventId",
}


def _own_models():
    for model in apps.get_models(include_auto_created=False):
        if model._meta.app_config.name.startswith(OURS):
            yield pytest.param(model, id=model.__name__)


@pytest.mark.parametrize("model", list(_own_models()))
def test_a_table_is_shared_or_carries_its_organization(model):
    columns = {field.attname for field in model._meta.concrete_fields}
    assert ("organization_id" in columns) != (model.__name__ in SHARED)


@pytest.mark.parametrize("model", list(_own_models()))
def test_a_foreign_key_to_the_tenant_is_named_organization(model):
    for field in model._meta.concrete_fields:
        if field.related_model is not None and field.related_model.__name__ == "Organization":
            assert field.name == "organization"
