"""The customer portal: configurations, and sessions that lead to a plain page of ours."""

from typing import Any

from billing.stripe_simulator.errors import required, wrong
from billing.stripe_simulator.resources.customers import live_customer
from billing.stripe_simulator.routing import Call, page, route, with_metadata
from billing.stripe_simulator.store import Obj
from billing.stripe_simulator.world import World

FLOWS = ("payment_method_update", "subscription_cancel", "customer_update")
FEATURES: dict[str, dict[str, Any]] = {
    "customer_update": {"allowed_updates": [], "enabled": False},
    "invoice_history": {"enabled": True},
    "payment_method_update": {"enabled": True, "payment_method_configuration": None},
    "subscription_cancel": {
        "cancellation_reason": {"enabled": False, "options": []},
        "enabled": True,
        "mode": "at_period_end",
        "proration_behavior": "none",
    },
    "subscription_pause": {
        "duration": {"interval_options": [], "type": "indefinite"},
        "enabled": False,
    },
    "subscription_update": {
        "billing_cycle_anchor": None,
        "default_allowed_updates": [],
        "enabled": False,
        "proration_behavior": "none",
        "schedule_at_period_end": {"conditions": []},
        "trial_update_behavior": "end_trial",
    },
}


@route(
    "POST /v1/billing_portal/configurations",
    "business_profile default_return_url features metadata name",
)
def create_configuration(world: World, call: Call) -> Obj:
    return _configure(world, call.params, is_default=False)


def _configure(world: World, given: dict[str, Any], *, is_default: bool) -> Obj:
    now = world.now()
    configuration: Obj = {
        "id": world.new_id("bpc"),
        "object": "billing_portal.configuration",
        "active": True,
        "business_profile": {"headline": None, "privacy_policy_url": None},
        "created": now,
        "default_return_url": None,
        "features": {name: dict(feature) for name, feature in FEATURES.items()},
        "is_default": is_default,
        "livemode": False,
        "login_page": {"enabled": False, "url": None},
        "metadata": {},
        "updated": now,
    }
    _write(configuration, given)
    return world.add(configuration, "billing_portal.configuration.created")


def _write(configuration: Obj, given: dict[str, Any]) -> None:
    for name, feature in given.get("features", {}).items():
        configuration["features"][name] |= feature
    configuration["business_profile"] |= given.get("business_profile", {})
    for name in ("active", "default_return_url", "name"):
        if name in given:
            configuration[name] = given[name]
    with_metadata(configuration, given.get("metadata"))


@route("GET /v1/billing_portal/configurations/{}")
def retrieve_configuration(world: World, call: Call) -> Obj:
    return world.get("billing_portal.configuration", call.id)


@route(
    "POST /v1/billing_portal/configurations/{}",
    "active business_profile default_return_url features metadata name",
)
def update_configuration(world: World, call: Call) -> Obj:
    configuration = world.get("billing_portal.configuration", call.id)
    before = world.snapshot(configuration)
    _write(configuration, call.params)
    configuration["updated"] = world.now()
    world.emit("billing_portal.configuration.updated", configuration, before)
    return configuration


@route("GET /v1/billing_portal/configurations", "active is_default")
def list_configurations(world: World, call: Call) -> Obj:
    given = call.params
    return page(
        world,
        call,
        world.store.find("billing_portal.configuration"),
        what="configuration",
        keep=lambda c: all(given.get(n) in (None, c[n]) for n in ("active", "is_default")),
    )


@route("POST /v1/billing_portal/sessions", "configuration customer flow_data locale return_url")
def create_session(world: World, call: Call) -> Obj:
    given = call.params
    if "customer" not in given:
        raise required("customer")
    customer = live_customer(world, given["customer"])
    configuration = _configuration(world, given.get("configuration"))
    flow = given.get("flow_data")
    if flow:
        _check_flow(world, customer, configuration, flow)
    session_id = world.new_id("bps")
    after = {"type": "portal_homepage", "hosted_confirmation": None, "redirect": None}
    session: Obj = {
        "id": session_id,
        "object": "billing_portal.session",
        "configuration": configuration["id"],
        "created": world.now(customer.get("test_clock") or ""),
        "customer": customer["id"],
        "flow": {"after_completion": after, **flow} if flow else None,
        "livemode": False,
        "locale": given.get("locale"),
        "return_url": given.get("return_url") or configuration["default_return_url"],
        "url": f"{world.base_url}/portal/{session_id}",
    }
    return world.add(session, "billing_portal.session.created")


def _configuration(world: World, configuration_id: str | None) -> Obj:
    if configuration_id:
        return world.get("billing_portal.configuration", configuration_id, param="configuration")
    known = world.store.find("billing_portal.configuration")
    default = next((c for c in known if c["is_default"]), None)
    return default or _configure(world, {}, is_default=True)


def _check_flow(world: World, customer: Obj, configuration: Obj, flow: dict[str, Any]) -> None:
    kind = flow["type"]
    if kind not in FLOWS:
        raise wrong(
            f"The simulator's portal knows these flows: {', '.join(FLOWS)}.", "flow_data[type]"
        )
    if kind != "customer_update" and not configuration["features"][kind]["enabled"]:
        raise wrong(
            f"This flow is disabled in the portal's configuration: {kind}.", "flow_data[type]"
        )
    if kind == "subscription_cancel":
        wanted = flow.get("subscription_cancel", {}).get("subscription")
        param = "flow_data[subscription_cancel][subscription]"
        subscription = world.get("subscription", wanted, param=param)
        if subscription["customer"] != customer["id"]:
            raise wrong("The subscription is not the customer's.", param)
