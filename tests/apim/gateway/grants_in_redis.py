"""Changes grants in Redis directly, for what the catalog's pages need not know to be tested."""

import msgspec

from apim.gateway import grant_format as wire
from apim.gateway.redis_connection import connection


def announce(store, *names):
    """Tell of changes as the projection does."""
    text = " ".join(names)
    pipe = store.pipeline(transaction=True)
    pipe.publish(wire.CHANGED, text)
    pipe.xadd(wire.CHANGES, {"n": text}, maxlen=10000, approximate=True)
    pipe.execute()


def put(name, grant):
    store = connection()
    store.set(name, msgspec.json.encode(grant))
    announce(store, name)


def _change(name, kind, **fields):
    grant = msgspec.json.decode(connection().get(name), type=kind)
    put(name, msgspec.structs.replace(grant, **fields))


def change_plan(world, **fields):
    if "limits" in fields:
        fields["limits"] = tuple(fields["limits"])
    _change(wire.plan_name(world.plan.public_id), wire.PlanGrant, **fields)


def change_key(world, **fields):
    _change(wire.key_name(world.key.digest), wire.KeyGrant, **fields)


def change_application(world, **fields):
    _change(wire.application_name(world.application.public_id), wire.ApplicationGrant, **fields)


def change_route(world, **fields):
    kind = dict[str, wire.RouteGrant]
    routes = msgspec.json.decode(connection().get(wire.ROUTES), type=kind)
    routes[world.path] = msgspec.structs.replace(routes[world.path], **fields)
    put(wire.ROUTES, routes)


def describe_operations(world, *operations):
    """Each operation as (method, path, groups, cost)."""
    items = tuple(wire.OperationGrant(*operation) for operation in operations)
    put(wire.operations_name(world.version.public_id), wire.OperationGrants(items))
