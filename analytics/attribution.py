"""To whom a call belongs: believes the key first, and nothing that contradicts it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.db import connection, transaction

from analytics import directory, foreign
from analytics.events import NO_FOREIGN, Flag, Foreign, Names
from analytics.foreign import own_ids

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analytics.directory import ApplicationRow, KeyRow, PlanRow, SubscriptionRow, VersionRow
    from analytics.events import Event

MAX_REMEMBERED = 200_000
_ENVIRONMENTS = frozenset({"live", "test"})
# RFC 9110 §9 and RFC 5789; whatever else a caller makes up is one group.
_METHODS = frozenset(
    {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"}
)
OTHER_METHOD = "OTHER"


class Belonging(NamedTuple):
    """The columns of `Attribution`, in the order in which they are stored."""

    gateway_id: int
    environment: str
    organization_id: int | None
    application_id: int | None
    key_id: int | None
    subscription_id: int | None
    plan_id: int | None
    product_id: int | None
    api_id: int | None
    version_id: int | None
    operation_id: int | None
    method: str
    foreign_id: int | None


class Attributed(NamedTuple):
    attribution_id: int
    organization_id: int | None
    flags: int


class _Facts(NamedTuple):
    """What the names of an event stand for, before its operation is known."""

    belonging: Belonging
    version: VersionRow | None
    flags: int
    # The operation, if a foreign route stands for one; else the path tells.
    operation_id: int | None = None


# What calls are told apart by, and what they have in common: the number of the caller, the method
# and the operation.
_Call = tuple[Names, Foreign, str, str]
_Kind = tuple[int, str, int | None]

# Committed attributions: immutable rows, so they may be remembered for ever.
_ids: dict[Belonging, int] = {}


def attribute(gateway_id: int, events: Sequence[Event]) -> list[Attributed]:
    """One answer per event, in their order; stores combinations that are new."""
    calls = [(event.names, event.foreign, event.method, event.path) for event in events]
    different = set(calls)
    # Of each caller, a path that it called.
    callers = {(names, other): path for names, other, _, path in different}
    facts = _facts_of_callers(gateway_id, callers)
    numbered = {caller: number for number, caller in enumerate(facts)}
    known = list(facts.values())
    # Calls of many paths are of few kinds; each kind is made up once.
    kinds: dict[_Kind, list[_Call]] = {}
    for call in different:
        names, other, method, path = call
        number = numbered[names, other]
        if method not in _METHODS and method:
            method = OTHER_METHOD
        kind = (number, method, _operation_id(known[number], method, path))
        kinds.setdefault(kind, []).append(call)
    belongings = {
        kind: known[kind[0]].belonging._replace(method=kind[1], operation_id=kind[2])
        for kind in kinds
    }
    ids = ids_of_belongings(set(belongings.values()))
    attributed: dict[_Call, Attributed] = {}
    for kind, its_calls in kinds.items():
        belonging = belongings[kind]
        one = Attributed(ids[belonging], belonging.organization_id, known[kind[0]].flags)
        attributed.update(dict.fromkeys(its_calls, one))
    return [attributed[call] for call in calls]


def _operation_id(facts: _Facts, method: str, path: str) -> int | None:
    if facts.operation_id is not None or facts.version is None:
        return facts.operation_id
    is_foreign = facts.belonging.foreign_id is not None
    return operation_of(facts.version, method, path, is_foreign=is_foreign)


def operation_of(version: VersionRow, method: str, path: str, *, is_foreign: bool) -> int | None:
    """The operation that a call to `path` reached; a foreign gateway may serve it at its root."""
    found = version.operation(method, path)
    if found is None and is_foreign:
        found = version.operation_at_root(method, path)
    return found


def _facts_of_callers(
    gateway_id: int, callers: Mapping[tuple[Names, Foreign], str]
) -> dict[tuple[Names, Foreign], _Facts]:
    said = {
        (names, other): _filled(names, own_ids(other)) if other != NO_FOREIGN else names
        for names, other in callers
    }
    facts = _facts_by_names(gateway_id, set(said.values()))
    answers = {caller: facts[names] for caller, names in said.items()}
    foreigners = {caller: names for caller, names in said.items() if caller[1] != NO_FOREIGN}
    unmatched = {
        caller: names
        for caller, names in foreigners.items()
        if _is_unmatched(answers[caller].belonging)
    }
    if unmatched:
        answers |= _mapped(gateway_id, unmatched, callers)
    return answers | _subscribed({caller: answers[caller] for caller in foreigners})


def _mapped(
    gateway_id: int,
    unmatched: Mapping[tuple[Names, Foreign], Names],
    paths: Mapping[tuple[Names, Foreign], str],
) -> dict[tuple[Names, Foreign], _Facts]:
    """With the gateway's own names, kept and understood by its mapping."""
    meanings = foreign.resolve(gateway_id, {other for _, other in unmatched})
    ids = foreign.ids_of(gateway_id, {caller[1]: paths[caller] for caller in unmatched})
    filled = {
        caller: _filled(names, meanings.get(caller[1], foreign.NOTHING).names)
        for caller, names in unmatched.items()
    }
    facts = _facts_by_names(gateway_id, set(filled.values()))
    answers = {}
    for caller, names in filled.items():
        found = facts[names]
        meaning = meanings.get(caller[1], foreign.NOTHING)
        answers[caller] = found._replace(
            belonging=found.belonging._replace(foreign_id=ids[caller[1]]),
            operation_id=meaning.operation_id if names.version == meaning.names.version else None,
        )
    return answers


def _subscribed(
    facts: Mapping[tuple[Names, Foreign], _Facts],
) -> dict[tuple[Names, Foreign], _Facts]:
    """With the applications' subscriptions: foreign gateways do not know them."""
    pairs = {caller: pair for caller, one in facts.items() if (pair := unsubscribed(one.belonging))}
    found = directory.subscriptions_to(set(pairs.values()))
    return {
        caller: facts[caller]._replace(
            belonging=with_subscription(facts[caller].belonging, found.get(pair))
        )
        for caller, pair in pairs.items()
    }


def unsubscribed(belonging: Belonging) -> tuple[int, int] | None:
    """The application and the version, if a subscription may be found by them."""
    application_id, version_id = belonging.application_id, belonging.version_id
    if belonging.subscription_id is not None or application_id is None or version_id is None:
        return None
    return application_id, version_id


def with_subscription(belonging: Belonging, found: SubscriptionRow | None) -> Belonging:
    return belonging._replace(
        subscription_id=found.pk if found else None,
        plan_id=found.plan_id if found else None,
        product_id=found.product_id if found else None,
    )


def _filled(names: Names, known: Names) -> Names:
    """What the gateway says in our words wins over what its own names stand for."""
    return Names(*(said or meant for said, meant in zip(names, known, strict=True)))


def _is_unmatched(belonging: Belonging) -> bool:
    return belonging.organization_id is None or belonging.version_id is None


def _facts_by_names(gateway_id: int, names: set[Names]) -> dict[Names, _Facts]:
    keys = directory.keys.find({name.key for name in names})
    applications = directory.applications.find({name.application for name in names})
    subscriptions = directory.subscriptions.find({name.subscription for name in names})
    plans = directory.plans.find({name.plan for name in names})
    versions = directory.versions.find({name.version for name in names})
    return {
        name: _facts(
            gateway_id,
            name,
            key=keys.get(name.key),
            application=applications.get(name.application),
            subscription=subscriptions.get(name.subscription),
            plan=plans.get(name.plan),
            version=versions.get(name.version),
        )
        for name in names
    }


def _facts(
    gateway_id: int,
    names: Names,
    *,
    key: KeyRow | None,
    application: ApplicationRow | None,
    subscription: SubscriptionRow | None,
    plan: PlanRow | None,
    version: VersionRow | None,
) -> _Facts:
    flags = 0
    environment = names.environment if names.environment in _ENVIRONMENTS else ""
    owner: tuple[int, int] | None = None  # application, organization
    if key is not None:
        owner = (key.application_id, key.organization_id)
        if application is not None and application.pk != key.application_id:
            flags |= Flag.CONTRADICTED
        if environment not in {"", key.environment}:
            flags |= Flag.CONTRADICTED
        environment = key.environment
    elif names.key:  # a key that we never issued proves nothing about the other names
        subscription = None
    elif application is not None:
        owner = (application.pk, application.organization_id)
    elif subscription is not None:
        owner = (subscription.application_id, subscription.organization_id)
    if subscription is not None and (owner is None or subscription.application_id != owner[0]):
        flags |= Flag.CONTRADICTED
        subscription = None
    belonging = Belonging(
        gateway_id,
        environment,
        owner[1] if owner else None,
        owner[0] if owner else None,
        key.pk if key else None,
        subscription.pk if subscription else None,
        _plan(subscription, plan),
        subscription.product_id if subscription else None,
        version.api_id if version else None,
        version.pk if version else None,
        None,
        "",
        None,
    )
    return _Facts(belonging, version, flags)


def _plan(subscription: SubscriptionRow | None, reported: PlanRow | None) -> int | None:
    """The plan that the check applied, if the gateway says so; else the subscription's present one.

    They differ for calls that arrive after a change of plan.
    """
    if subscription is None:
        return None
    if reported is not None and reported.product_id == subscription.product_id:
        return reported.pk
    return subscription.plan_id


_COLUMNS = ", ".join(Belonging._fields)
_ROW = "(" + ", ".join(["%s"] * len(Belonging._fields)) + ")"


def ids_of_belongings(belongings: set[Belonging]) -> dict[Belonging, int]:
    found = {belonging: _ids[belonging] for belonging in belongings if belonging in _ids}
    missing = sorted(belongings - found.keys(), key=repr)  # one order for all: no deadlock
    if missing:
        stored = _store(missing)
        found |= stored
        transaction.on_commit(lambda: _remember(stored))
    return found


def _store(belongings: list[Belonging]) -> dict[Belonging, int]:
    """The ids of these combinations, inserted where new. The idle update makes the row come back."""
    found: dict[Belonging, int] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(belongings), 1000):
            some = belongings[start : start + 1000]
            values = ", ".join([_ROW] * len(some))
            cursor.execute(
                f"INSERT INTO analytics_attribution ({_COLUMNS}) VALUES {values}"  # noqa: S608
                f" ON CONFLICT ({_COLUMNS}) DO UPDATE SET gateway_id = excluded.gateway_id"
                f" RETURNING id, {_COLUMNS}",
                [value for belonging in some for value in belonging],
            )
            found.update({Belonging(*row): pk for pk, *row in cursor.fetchall()})
    return found


def _remember(ids: dict[Belonging, int]) -> None:
    if len(_ids) > MAX_REMEMBERED:
        _ids.clear()
    _ids.update(ids)
