"""Keys of another system, taken over by their hashes so that nobody has to change them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.core import clock
from apim.keys import secrets
from apim.keys.errors import ImportRefused
from apim.keys.guards import lock_active_application
from apim.keys.models import ApiKey
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apim.audit.actors import Actor
    from apim.keys.models import Application

MAX_ROWS = 1000
# Characters of a hash that stand for a key whose beginning was not given.
SHOWN_HASH_LENGTH = 8
# As the columns of ApiKey are.
LONGEST = {"name": 80, "start": 24, "last4": 4}
_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class ImportedKey:
    """One row of an import.

    `hash` is the SHA-256 of the whole key in hex; with a `pepper_version` it is our own keyed
    hash (HMAC-SHA256) under that pepper. `start` and `last4` are what lists may show of the key.
    """

    hash: str
    name: str = ""
    environment: str = ApiKey.Environment.LIVE
    start: str = ""
    last4: str = ""
    expires_at: datetime | None = None
    pepper_version: int = secrets.PLAIN_VERSION

    @property
    def digest(self) -> str:
        return self.hash.strip().lower()


@transaction.atomic
def import_keys(
    *, actor: Actor, application: Application, rows: Sequence[ImportedKey]
) -> tuple[ApiKey, ...]:
    """Make a key of every row, or none at all.

    Raises ImportRefused that names the wrong rows by number (`rows.3`), ApplicationNotActive,
    OrganizationSuspended.
    """
    application = lock_active_application(application)
    _check(rows)
    made = [_key(actor, application, row) for row in rows]
    try:
        with transaction.atomic():
            for key in made:
                key.save()
    except IntegrityError as error:  # a simultaneous import was first
        raise ImportRefused(_("Some of these keys were imported meanwhile.")) from error
    for key in made:
        record(
            actor,
            "key.imported",
            key,
            after={"application": application.public_id, "environment": key.environment},
        )
        publish("key.issued", key_id=key.pk)
    return tuple(made)


def _key(actor: Actor, application: Application, row: ImportedKey) -> ApiKey:
    return ApiKey(
        organization=application.organization,
        application=application,
        environment=row.environment,
        name=row.name.strip(),
        start=row.start.strip() or f"#{row.digest[:SHOWN_HASH_LENGTH]}",
        last4=row.last4.strip(),
        digest=row.digest,
        pepper_version=row.pepper_version,
        is_imported=True,
        created_by=actor.label[:200],
        creator_id=actor.user_pk,
        expires_at=row.expires_at,
    )


def _check(rows: Sequence[ImportedKey]) -> None:
    if not rows:
        raise ImportRefused(_("Give at least one key."))
    if len(rows) > MAX_ROWS:
        raise ImportRefused(_("At most %(most)d keys at once.") % {"most": MAX_ROWS})
    digests = [row.digest for row in rows]
    stored = ApiKey.objects.filter(Q(digest__in=digests) | Q(former_digest__in=digests))
    taken = {name for pair in stored.values_list("digest", "former_digest") for name in pair}
    seen: set[str] = set()
    problems: dict[str, list[str]] = {}
    for number, row in enumerate(rows, start=1):
        wrong = _problems(row)
        if row.digest in seen:
            wrong.append(_("The same key stands in an earlier row."))
        elif row.digest in taken:
            wrong.append(_("This key is known already."))
        seen.add(row.digest)
        if wrong:
            problems[f"rows.{number}"] = wrong
    if problems:
        raise ImportRefused(
            _("No key was imported: %(count)d of %(total)d rows are wrong.")
            % {"count": len(problems), "total": len(rows)},
            fields=dict(list(problems.items())[:50]),
        )


def _problems(row: ImportedKey) -> list[str]:
    wrong: list[str] = []
    if _HEX.fullmatch(row.digest) is None:
        wrong.append(_("The hash must be 64 hexadecimal digits: the SHA-256 of the whole key."))
    if row.environment not in ApiKey.Environment.values:
        wrong.append(_("Choose live or test."))
    for field, longest in LONGEST.items():
        if len(getattr(row, field).strip()) > longest:
            message = _("%(field)s: at most %(longest)d characters.")
            wrong.append(message % {"field": field, "longest": longest})
    if row.expires_at is not None and row.expires_at <= clock.now():
        wrong.append(_("The expiry lies in the past."))
    if not 0 <= row.pepper_version <= 9999:
        wrong.append(_("The version of a pepper is a number from 0 to 9999."))
    return wrong
