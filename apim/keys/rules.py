"""What an API key may do beyond its application's plans: scopes, networks, origins, limits."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apim.core.errors import InvalidInput
from apim.keys.models import ApiKey, KeyLimit
from apim.keys.selectors import operation_groups, plan_limits

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.catalog.models import Limit
    from apim.keys.models import Application

MAX_SCOPES = 100
MAX_NETWORKS = 100
MAX_ORIGINS = 50
MAX_LIMITS = 20
_HOST = re.compile(
    r"(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class LimitTermsGiven:
    """One limit of a key; the fields are those of catalog's LimitTerms."""

    quota: int
    window: str = ""
    kind: str = KeyLimit.Kind.CALENDAR
    every: int = 1
    group: str = ""

    @property
    def parts(self) -> tuple[str, int, str]:
        """What there can be one limit of."""
        return self.window, self.every, self.group


@dataclass(frozen=True, slots=True)
class KeyRules:
    """Empty means any, and no limits of its own."""

    scopes: Sequence[str] = ()
    cidrs: Sequence[str] = ()
    origins: Sequence[str] = ()
    limits: Sequence[LimitTermsGiven] = ()


def rules_of(key: ApiKey) -> KeyRules:
    """The rules that the key has now."""
    return KeyRules(
        scopes=tuple(key.scopes),
        cidrs=tuple(key.cidrs),
        origins=tuple(key.origins),
        limits=tuple(
            LimitTermsGiven(
                quota=limit.quota,
                window=limit.window,
                kind=limit.kind,
                every=limit.every,
                group=limit.group,
            )
            for limit in key.limits.all()
        ),
    )


def checked_rules(
    application: Application, rules: KeyRules, *, already: Sequence[str] = ()
) -> KeyRules:
    """The rules in their canonical form, duplicates dropped.

    `already` are scopes that the key has: they may stay although no API offers them any more.
    Raises InvalidInput that names every wrong field.
    """
    problems: dict[str, list[str]] = {}
    found = KeyRules(
        scopes=_scopes(application, rules.scopes, already, problems),
        cidrs=_each("cidrs", rules.cidrs, _network, MAX_NETWORKS, problems),
        origins=_each("origins", rules.origins, _origin, MAX_ORIGINS, problems),
        limits=_limits(application, rules.limits, problems),
    )
    if problems:
        first = next(iter(problems.values()))[0]
        raise InvalidInput(first, fields=problems)
    return found


def _scopes(
    application: Application,
    wanted: Sequence[str],
    already: Sequence[str],
    problems: dict[str, list[str]],
) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(wanted))
    if not scopes:
        return ()
    known = {*operation_groups(application), *already}
    unknown = [scope for scope in scopes if scope not in known]
    if unknown:
        problems["scopes"] = [
            _("“%(scope)s” is no operation group of the application's APIs.")
            % {"scope": scope[:80]}
            for scope in unknown[:5]
        ]
    elif len(scopes) > MAX_SCOPES:
        problems["scopes"] = [_at_most(MAX_SCOPES)]
    return scopes


def _each(
    field: str, texts: Iterable[str], read: Any, most: int, problems: dict[str, list[str]]
) -> tuple[str, ...]:
    found: dict[str, None] = {}
    wrong: list[str] = []
    for text in texts:
        stripped = text.strip()
        if not stripped:
            continue
        value = read(stripped)
        if value is None:
            wrong.append(_WRONG[field]() % {"given": stripped[:80]})
        else:
            found[value] = None
    if len(found) > most:
        wrong.append(_at_most(most))
    if wrong:
        problems[field] = wrong[:5]
    return tuple(found)


_WRONG = {
    "cidrs": lambda: _(
        "“%(given)s” is no network: write an address like 203.0.113.7 or a network like 203.0.113.0/24."
    ),
    "origins": lambda: _(
        "“%(given)s” is no origin: write it like https://shop.example, without a path."
    ),
}


def _at_most(most: int) -> str:
    return _("At most %(most)d are possible.") % {"most": most}


def _network(text: str) -> str | None:
    """Canonical, host bits refused: `10.0.0.5/8` rarely means all of 10.0.0.0/8."""
    try:
        return str(ipaddress.ip_network(text, strict=True))
    except ValueError:
        return None


def _origin(text: str) -> str | None:
    """RFC 6454 serialization: scheme, host and a port that is not the scheme's own."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").rstrip(".")
    is_bare = parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username)
    if parts.scheme not in _DEFAULT_PORTS or not is_bare or _HOST.fullmatch(host) is None:
        return None
    shown_port = "" if port in {None, _DEFAULT_PORTS[parts.scheme]} else f":{port}"
    origin = f"{parts.scheme}://{host}{shown_port}"
    return origin if len(origin) <= 200 else None


def _limits(
    application: Application, wanted: Sequence[LimitTermsGiven], problems: dict[str, list[str]]
) -> tuple[LimitTermsGiven, ...]:
    if not wanted:
        return ()
    wrong: list[str] = []
    if len({limit.parts for limit in wanted}) != len(wanted):
        wrong.append(_("There can be one limit per window and operation group."))
    if len(wanted) > MAX_LIMITS:
        wrong.append(_at_most(MAX_LIMITS))
    groups = set(operation_groups(application)) if any(limit.group for limit in wanted) else set()
    plans = plan_limits(application)
    if wrong:
        problems["limits"] = wrong
    for place, limit in enumerate(wanted):
        if found := _limit_problems(limit, groups, plans):
            problems[f"limits/{place}"] = found
    return tuple(wanted)


def _limit_problems(
    limit: LimitTermsGiven, groups: set[str], plans: Sequence[Sequence[Limit]]
) -> list[str]:
    row = KeyLimit(
        kind=limit.kind,
        window=limit.window,
        every=limit.every,
        quota=limit.quota,
        group=limit.group,
    )
    try:
        row.clean_fields(exclude=["organization", "key"])
        row.validate_constraints(exclude=["organization", "key"])
    except ValidationError:
        given = f"{limit.quota} / {limit.every} {limit.window or limit.kind}"
        message = _(
            "“%(limit)s” is no possible limit: calls from 1, and a window that its kind has."
        )
        return [message % {"limit": given}]
    if limit.group and limit.group not in groups:
        message = _("“%(scope)s” is no operation group of the application's APIs.")
        return [message % {"scope": limit.group}]
    bounds = [_bound(limit, plan) for plan in plans]
    most = max((bound for bound in bounds if bound is not None), default=None)
    if most is not None and None not in bounds and limit.quota > most:
        message = _("%(given)d is more than the %(most)d that the plan allows in the same window.")
        return [message % {"given": limit.quota, "most": most}]
    return []


def _bound(limit: LimitTermsGiven, plan: Sequence[Limit]) -> int | None:
    """What the plan allows in the same window, for the same operations or for all."""
    same = (
        other.quota
        for other in plan
        if not other.is_soft
        and (other.kind, other.window, other.every) == (limit.kind, limit.window, limit.every)
        and other.group in {"", limit.group}
    )
    return min(same, default=None)
