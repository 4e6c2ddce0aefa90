"""Fills an empty installation through the same services that people use."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import transaction

from apim.accounts.models import Membership, Organization, User
from apim.accounts.services import create_organization, invite_member
from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.models import Api, ApiVersion, Plan, Product, SpecRevision
from apim.core import clock
from apim.core.locks import LockId, transaction_lock
from apim.keys import services as keys
from apim.keys.models import ApiKey, Application, Subscription
from apim.runtime.demo import revisions, world
from billing.models import PlanVersion
from billing.services import set_price

if TYPE_CHECKING:
    from datetime import datetime

    from apim.keys.services import IssuedKey

FOLDER = Path(__file__).parent
KEYS_FILE = "demo-keys.json"
HISTORY_FILE = "demo-history.done"
MONEY_FILE = "demo-money.done"
# How long the demo's organizations have been with us, a little longer than their usage.
SINCE = timedelta(days=97)
SUNSET_IN = timedelta(days=60)
EXPIRES_IN = timedelta(days=5)
GRACE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class DemoKey:
    """An issued key with its secret, for the live traffic."""

    secret: str
    apis: tuple[str, ...]
    calls_per_day: int


def keys_file() -> Path:
    """Where the secrets of the demo's keys are kept for the traffic process, for us alone."""
    return Path(settings.APIM_HOME) / KEYS_FILE


def history_file() -> Path:
    """Exists once the whole history has been written, so that a killed run is finished later."""
    return Path(settings.APIM_HOME) / HISTORY_FILE


def money_file() -> Path:
    """Exists once the demo's months have all been closed and paid."""
    return Path(settings.APIM_HOME) / MONEY_FILE


def seed(*, password: str) -> bool:
    """Create staff, APIs, products, organizations, applications and keys; False if they exist.

    All in one transaction, so that a killed seeding leaves nothing behind.
    """
    with transaction.atomic():
        transaction_lock(LockId.DEMO)
        if Api.objects.filter(slug__in=world.APIS).exists():
            return False
        for person in world.STAFF:
            make_person(person, password)
        versions = {slug: _versions(slug) for slug in world.APIS}
        plans = _products(versions)
        issued = [key for o in world.ORGANIZATIONS for key in _organization(o, plans, password)]
        _waiting(plans)
        _invite()
        revisions.add_rules()
        make_older(since=clock.now() - SINCE)
        revisions.date_back(since=clock.now() - SINCE)
        transaction.on_commit(lambda: _write_keys(issued))
    return True


def make_person(person: world.Person, password: str) -> User:
    """Somebody who can sign in at once, with the demo's password."""
    user = User.objects.create_user(
        person.email, password, name=person.name, staff_role=person.staff_role
    )
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _versions(slug: str) -> list[ApiVersion]:
    """The API's callable versions; one API also has a deprecated one, one a draft."""
    document, tags = world.APIS[slug]
    port = os.environ.get("APIM_DEMO_UPSTREAMS_PORT", "8002")
    upstream_url = f"http://127.0.0.1:{port}/{slug}/v1"
    raw = (FOLDER / document).read_bytes()
    first = revisions.first_document(slug, raw)
    has_old = slug == world.OLD_VERSION_OF
    api = catalog.create_api(
        actor=SYSTEM,
        raw=raw if has_old else first,
        filename=document,
        slug=slug,
        tags=list(tags),
        owner_email=world.STAFF[0].email,
        version_name=world.OLD_VERSION if has_old else world.VERSION,
        upstream_url=upstream_url,
    )

    def add(name: str, raw: bytes) -> ApiVersion:
        return catalog.create_version(
            actor=SYSTEM,
            api=api,
            raw=raw,
            filename=document,
            name=name,
            upstream_url=upstream_url,
        )

    found = [catalog.publish_version(actor=SYSTEM, version=api.versions.get())]
    if has_old:
        sunset_on = (clock.now() + SUNSET_IN).date()
        catalog.deprecate_version(actor=SYSTEM, version=found[0], sunset_on=sunset_on)
        found.append(catalog.publish_version(actor=SYSTEM, version=add(world.VERSION, first)))
    revisions.revise(found[-1], slug, raw, document)
    if slug == world.DRAFT_OF:
        add(world.DRAFT_VERSION, raw)
    return found


def _products(versions: dict[str, list[ApiVersion]]) -> dict[tuple[str, str], Plan]:
    plans: dict[tuple[str, str], Plan] = {}
    for wanted in world.PRODUCTS:
        product = catalog.create_product(
            actor=SYSTEM,
            name=wanted.name,
            summary=wanted.summary,
            versions=[version for slug in wanted.apis for version in versions[slug]],
        )
        for plan in wanted.plans:
            plans[wanted.name, plan.name] = _plan(product, plan)
        catalog.publish_product(actor=SYSTEM, product=product)
    return plans


def _plan(product: Product, wanted: world.DemoPlan) -> Plan:
    plan = catalog.create_plan(
        actor=SYSTEM,
        product=product,
        name=wanted.name,
        summary=wanted.summary,
        approval=wanted.approval,
        limits=list(wanted.limits),
    )
    if wanted.unit_amount is not None:
        set_price(
            actor=SYSTEM,
            plan=plan,
            currency="EUR",
            unit_amount=wanted.unit_amount,
            included_calls=wanted.included_calls,
        )
    return catalog.publish_plan(actor=SYSTEM, plan=plan)


def _organization(
    wanted: world.DemoOrganization, plans: dict[tuple[str, str], Plan], password: str
) -> list[DemoKey]:
    users = [(make_person(person, password), role) for person, role in wanted.people]
    owner = users[0][0]
    organization = create_organization(
        actor=SYSTEM, name=wanted.name, owner=owner, time_zone=wanted.time_zone
    )
    for user, role in users[1:]:
        Membership.objects.create(organization=organization, user=user, role=role)
    return [_application(organization, app, plans) for app in wanted.applications]


def _application(
    organization: Organization,
    wanted: world.DemoApplication,
    plans: dict[tuple[str, str], Plan],
) -> DemoKey:
    application = keys.create_application(actor=SYSTEM, organization=organization, name=wanted.name)
    keys.subscribe(actor=SYSTEM, application=application, plan=plans[wanted.product, wanted.plan])
    issued = keys.issue_key(actor=SYSTEM, application=application, name="Production")
    _test_key(application)
    apis = next(p.apis for p in world.PRODUCTS if p.name == wanted.product)
    return DemoKey(_later_keys(application, issued), apis, wanted.calls_per_day)


def _later_keys(application: Application, issued: IssuedKey) -> str:
    """What became of the application's keys since; returns the secret to call with now."""
    if application.name == world.REVOKED:
        lost = keys.issue_key(actor=SYSTEM, application=application, name="Lost laptop")
        keys.revoke_key(actor=SYSTEM, key=lost.key)
    if application.name == world.EXPIRING:
        keys.issue_key(
            actor=SYSTEM,
            application=application,
            name="Contractor",
            expires_at=clock.now() + EXPIRES_IN,
        )
    if application.name == world.ROTATED:
        return keys.rotate_key(actor=SYSTEM, key=issued.key, grace=GRACE).secret
    return issued.secret


def _test_key(application: Application) -> ApiKey:
    return keys.issue_key(
        actor=SYSTEM, application=application, name="Staging", environment="test"
    ).key


def _waiting(plans: dict[tuple[str, str], Plan]) -> None:
    organization_name, application_name, product, plan = world.WAITING
    organization = Organization.objects.get(name=organization_name)
    application = keys.create_application(
        actor=SYSTEM, organization=organization, name=application_name
    )
    keys.subscribe(actor=SYSTEM, application=application, plan=plans[product, plan])


def _invite() -> None:
    name, email, role = world.INVITED
    invite_member(
        actor=SYSTEM, organization=Organization.objects.get(name=name), email=email, role=role
    )


def make_older(*, since: datetime) -> None:
    """Date the cast back to `since`, so that it is older than its usage; demo rows only.

    Keys that tell of today (rotated, revoked, expiring) and what waits for approval stay as they
    are. A price holds for whole months, so it starts with the month of `since`.
    """
    names = [organization.name for organization in world.ORGANIZATIONS]
    organizations = Organization.objects.filter(name__in=names)
    apis = Api.objects.filter(slug__in=world.APIS)
    products = Product.objects.filter(name__in=[p.name for p in world.PRODUCTS])
    organizations.update(created_at=since)
    Application.objects.filter(organization__in=organizations).update(created_at=since)
    Subscription.objects.active().filter(organization__in=organizations).update(
        created_at=since, activated_at=since
    )
    ApiKey.objects.filter(
        organization__in=organizations, name__in=("Production", "Staging"), predecessor=None
    ).update(created_at=since)
    apis.update(created_at=since)
    versions = ApiVersion.objects.filter(api__in=apis)
    versions.exclude(state=ApiVersion.State.DRAFT).update(created_at=since, published_at=since)
    SpecRevision.objects.filter(version__in=versions.exclude(state=ApiVersion.State.DRAFT)).update(
        created_at=since
    )
    products.update(created_at=since)
    Plan.objects.filter(product__in=products).update(created_at=since)
    starts_at = clock.month_of(since).start
    PlanVersion.objects.filter(plan__product__in=products).update(
        created_at=starts_at, starts_at=starts_at, moves_at=starts_at
    )


def _write_keys(issued: list[DemoKey]) -> None:
    path = keys_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    rows = [{"secret": k.secret, "apis": k.apis, "calls_per_day": k.calls_per_day} for k in issued]
    path.write_text(json.dumps(rows, indent=2))


def read_keys() -> list[DemoKey]:
    """What the last seeding wrote; empty before it."""
    path = keys_file()
    if not path.exists():
        return []
    return [
        DemoKey(row["secret"], tuple(row["apis"]), row["calls_per_day"])
        for row in json.loads(path.read_text())
    ]
