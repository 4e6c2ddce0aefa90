"""Everything that changes the catalog. Each takes an actor and leaves an audit event."""

from apim.catalog.services.apis import create_api, update_api
from apim.catalog.services.gates import remove_gate, set_gate
from apim.catalog.services.lifecycle import (
    deprecate_version,
    publish_version,
    restore_version,
    retire_version,
)
from apim.catalog.services.limits import add_limit, change_limit, remove_limit, set_limits
from apim.catalog.services.operations import set_operation_costs, set_operation_groups
from apim.catalog.services.plans import (
    create_plan,
    publish_plan,
    retire_plan,
    update_plan,
)
from apim.catalog.services.products import (
    create_product,
    publish_product,
    retire_product,
    update_product,
)
from apim.catalog.services.revisions import publish_revision, upload_revision
from apim.catalog.services.rulesets import create_ruleset, delete_ruleset, update_ruleset
from apim.catalog.services.versions import create_version, update_version

__all__ = [
    "add_limit",
    "change_limit",
    "create_api",
    "create_plan",
    "create_product",
    "create_ruleset",
    "create_version",
    "delete_ruleset",
    "deprecate_version",
    "publish_plan",
    "publish_product",
    "publish_revision",
    "publish_version",
    "remove_gate",
    "remove_limit",
    "restore_version",
    "retire_plan",
    "retire_product",
    "retire_version",
    "set_gate",
    "set_limits",
    "set_operation_costs",
    "set_operation_groups",
    "update_api",
    "update_plan",
    "update_product",
    "update_ruleset",
    "update_version",
    "upload_revision",
]
