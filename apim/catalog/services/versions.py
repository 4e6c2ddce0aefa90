"""API versions and the specification revisions uploaded to them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.descriptions import Description, OperationSpec, read_description
from apim.catalog.errors import NameTaken, WrongState
from apim.catalog.models import Api, ApiVersion, Operation, SpecRevision
from apim.catalog.naming import (
    checked_slug,
    checked_upstream,
    upstream_of,
    version_name_for,
)
from apim.catalog.references import fetch_reference
from apim.catalog.services.changes import change, unique
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.audit.actors import Actor

VERSION_NAME_MAX_LENGTH = 30
TIMEOUT_MAX_SECONDS = 600
NOTE_MAX_LENGTH = 500
HEADER_MAX_LENGTH = 60
# RFC 9110 section 5.1 allows more; nobody uses it, and templates of gateways might stumble.
HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_OPERATION_FIELDS = (
    "operation_id",
    "summary",
    "description",
    "tags",
    "is_deprecated",
    "position",
    "removed_at",
)


@dataclass(frozen=True, slots=True)
class VersionInput:
    """A document for a version, new or not, and what overrides it in a new one."""

    raw: bytes
    document: Description
    source_url: str = ""
    filename: str = ""
    note: str = ""
    name: str | None = None
    upstream_url: str | None = None
    sandbox_upstream_url: str = ""
    timeout_seconds: int = 30


def create_version(  # noqa: PLR0913 - what the document says can each be overridden
    *,
    actor: Actor,
    api: Api,
    raw: bytes,
    filename: str | None = None,
    source_url: str = "",
    note: str = "",
    name: str | None = None,
    upstream_url: str | None = None,
    sandbox_upstream_url: str = "",
    timeout_seconds: int = 30,
) -> ApiVersion:
    """Add a draft version with its first revision and operations to an API.

    Raises InvalidSpecification, InvalidInput, NameTaken, UpstreamInvalid.
    """
    values = VersionInput(
        raw=raw,
        document=read_upload(raw, filename=filename),
        source_url=source_url,
        filename=filename or "",
        note=note,
        name=name,
        upstream_url=upstream_url,
        sandbox_upstream_url=sandbox_upstream_url,
        timeout_seconds=timeout_seconds,
    )
    with transaction.atomic():
        return add_version(actor=actor, api=api, values=values)


def add_version(*, actor: Actor, api: Api, values: VersionInput) -> ApiVersion:
    """In the caller's transaction. Raises NameTaken, UpstreamInvalid, InvalidInput."""
    name = values.name or version_name_for(values.document.version)
    checked_slug(name, max_length=VERSION_NAME_MAX_LENGTH, field="version_name")
    if api.versions.filter(name=name).exists():
        message = _("%(api)s already has a version %(name)s. Give the new one another name.")
        message = message % {"api": api.name, "name": name}
        raise NameTaken(message, fields={"name": [message], "version_name": [message]})
    version = ApiVersion(
        api=api,
        name=name,
        upstream_url=_upstream(values),
        sandbox_upstream_url=_sandbox(values.sandbox_upstream_url),
        timeout_seconds=_checked_timeout(values.timeout_seconds),
    )
    with unique("name"):
        version.save()
    record(
        actor,
        "api_version.created",
        version,
        after={"name": name, "upstream_url": version.upstream_url},
    )
    _add_revision(actor, version, values)
    return version


def upload_revision(
    *,
    actor: Actor,
    version: ApiVersion,
    raw: bytes,
    filename: str | None = None,
    source_url: str = "",
    note: str = "",
) -> SpecRevision:
    """Make a new document the version's current one and bring its operations up to date.

    The same bytes again change nothing and return the current revision, so a script may repeat
    itself. Raises InvalidSpecification, and WrongState for a retired version.
    """
    document = read_upload(raw, filename=filename)
    values = VersionInput(
        raw=raw, document=document, source_url=source_url, filename=filename or "", note=note
    )
    with transaction.atomic():
        version = ApiVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
        if version.state == ApiVersion.State.RETIRED:
            raise WrongState(_("%(version)s is retired.") % {"version": version})
        current = version.current_revision
        if current is not None and current.sha256 == document.sha256:
            return current
        return _add_revision(actor, version, values)


@transaction.atomic
def update_version(
    *,
    actor: Actor,
    version: ApiVersion,
    upstream_url: str | None = None,
    sandbox_upstream_url: str | None = None,
    timeout_seconds: int | None = None,
    cost_header: str | None = None,
    fails_open: bool | None = None,
) -> ApiVersion:
    """Change where and how gateways forward; what is None stays, an empty sandbox is removed.

    `cost_header` names the response header in which the upstream states what a call costs, empty
    for none; `fails_open` lets known keys by while nobody can check them.

    Raises UpstreamInvalid, InvalidInput, and WrongState for a retired version.
    """
    locked = ApiVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.state == ApiVersion.State.RETIRED:
        raise WrongState(_("%(version)s is retired.") % {"version": version})
    values: dict[str, Any] = {
        "upstream_url": None if upstream_url is None else checked_upstream(upstream_url),
        "sandbox_upstream_url": None
        if sandbox_upstream_url is None
        else _sandbox(sandbox_upstream_url),
        "timeout_seconds": None if timeout_seconds is None else _checked_timeout(timeout_seconds),
        "cost_header": None if cost_header is None else _checked_header(cost_header),
        "fails_open": fails_open,
    }
    if change(locked, actor=actor, action="api_version.updated", values=values):
        publish("api_version.changed", version_id=locked.pk)
    version.refresh_from_db()
    return version


def read_upload(raw: bytes, *, filename: str | None) -> Description:
    """What the upload describes; documents elsewhere come from APIM_SPEC_REFERENCE_HOSTS only.

    Raises InvalidSpecification.
    """
    return read_description(raw, filename=filename, fetch=fetch_reference)


def checked_note(note: str) -> str:
    """Raises InvalidInput when too long."""
    note = note.strip()
    if len(note) > NOTE_MAX_LENGTH:
        message = _("At most %(max)d characters.") % {"max": NOTE_MAX_LENGTH}
        raise InvalidInput(message, fields={"note": [message]})
    return note


def _upstream(values: VersionInput) -> str:
    if values.upstream_url:
        return checked_upstream(values.upstream_url)
    return upstream_of(values.document)


def _sandbox(url: str) -> str:
    return checked_upstream(url, field="sandbox_upstream_url") if url.strip() else ""


def _checked_timeout(seconds: int) -> int:
    if not 1 <= seconds <= TIMEOUT_MAX_SECONDS:
        message = _("Between 1 and %(max)d seconds.") % {"max": TIMEOUT_MAX_SECONDS}
        raise InvalidInput(message, fields={"timeout_seconds": [message]})
    return seconds


def _checked_header(name: str) -> str:
    name = name.strip().lower()
    if name and (len(name) > HEADER_MAX_LENGTH or not HEADER_NAME.fullmatch(name)):
        message = _("Letters, digits and hyphens, at most %(max)d; for instance x-call-cost.")
        message = message % {"max": HEADER_MAX_LENGTH}
        raise InvalidInput(message, fields={"cost_header": [message]})
    return name


def _add_revision(actor: Actor, version: ApiVersion, values: VersionInput) -> SpecRevision:
    """The version's row is locked, or new in this transaction: numbers have no race."""
    document = values.document
    latest = version.revisions.aggregate(latest=Max("number"))["latest"] or 0
    revision = SpecRevision.objects.create(
        version=version,
        number=latest + 1,
        raw=values.raw,
        media_type=document.media_type,
        style=document.style.value,
        style_version=document.style_version,
        filename=values.filename[:200],
        fetched=document.fetched,
        note=checked_note(values.note),
        title=document.title[:200],
        sha256=document.sha256,
        warnings=[problem.as_dict() for problem in document.warnings],
        source_url=values.source_url[:500],
        created_by=actor.label[:200],
    )
    version.current_revision = revision
    version.save(update_fields=["current_revision", "updated_at"])
    added, removed = sync_operations(version, document.operations)
    record(
        actor,
        "api_version.revision_uploaded",
        version,
        after={
            "revision": revision.number,
            "sha256": revision.sha256,
            "operations_added": [str(o) for o in added[:50]],
            "operations_removed": [str(o) for o in removed[:50]],
        },
    )
    publish("api_version.changed", version_id=version.pk)
    return revision


def sync_operations(
    version: ApiVersion, specs: Iterable[OperationSpec]
) -> tuple[Sequence[Operation], Sequence[Operation]]:
    """Bring the version's operation rows to the state of `specs`; returns (added, removed).

    Rows are matched by method and path, so an operation that disappears and comes back is the
    same row, and usage keeps its name.
    """
    known = {(o.method, o.path): o for o in version.operations.all()}
    added: list[Operation] = []
    kept: list[Operation] = []
    for position, spec in enumerate(specs):
        operation = known.pop((spec.method, spec.path), None)
        if operation is None:
            operation = Operation(version=version, method=spec.method, path=spec.path)
            added.append(operation)
        else:
            kept.append(operation)
        _describe(operation, spec, position)
    removed = [o for o in known.values() if o.removed_at is None]
    for operation in removed:
        operation.removed_at = clock.now()
    Operation.objects.bulk_create(added, batch_size=500)
    Operation.objects.bulk_update([*kept, *removed], _OPERATION_FIELDS, batch_size=500)
    return added, removed


def _describe(operation: Operation, spec: OperationSpec, position: int) -> None:
    operation.operation_id = spec.operation_id
    operation.summary = spec.summary[:400]
    operation.description = spec.description
    operation.tags = [tag[:80] for tag in spec.tags]
    operation.is_deprecated = spec.is_deprecated
    operation.position = position
    operation.removed_at = None
