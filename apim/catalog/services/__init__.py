"""Everything that changes the catalog. Each takes an actor and leaves an audit event."""

from apim.catalog.services.apis import create_api, update_api
from apim.catalog.services.lifecycle import (
    deprecate_version,
    publish_version,
    restore_version,
    retire_version,
)
from apim.catalog.services.plans import (
    create_plan,
    publish_plan,
    retire_plan,
    set_limits,
    update_plan,
)
from apim.catalog.services.products import (
    create_product,
    publish_product,
    retire_product,
    update_product,
)
from apim.catalog.services.versions import create_version, update_version, upload_revision

__all__ = [
    "create_api",
    "create_plan",
    "create_product",
    "create_version",
    "deprecate_version",
    "publish_plan",
    "publish_product",
    "publish_version",
    "restore_version",
    "retire_plan",
    "retire_product",
    "retire_version",
    "set_limits",
    "update_api",
    "update_plan",
    "update_product",
    "update_version",
    "upload_revision",
]
