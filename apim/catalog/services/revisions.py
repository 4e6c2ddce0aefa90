"""Specification revisions: uploading them, and putting one of them into force."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apim.audit.services import record
from apim.catalog.comparison import NO_CHANGES, compare, compare_in_every_language
from apim.catalog.descriptions import Description, OperationSpec, read_description
from apim.catalog.errors import BreakingNotAcknowledged, WrongState
from apim.catalog.governance import Gate, Publication
from apim.catalog.models import ApiVersion, Operation, SpecRevision
from apim.catalog.references import fetch_reference
from apim.catalog.selectors import description_of
from apim.catalog.services.gates import pass_gate
from apim.catalog.services.linting import ask_for_lint
from apim.core import clock
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from apim.audit.actors import Actor
    from apim.catalog.comparison import Comparison

NOTE_MAX_LENGTH = 500
SOURCE_URL_MAX_LENGTH = 500
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
class Upload:
    """A document as it came, and what it says."""

    raw: bytes
    document: Description
    source_url: str = ""
    filename: str = ""
    note: str = ""


def upload_revision(
    *,
    actor: Actor,
    version: ApiVersion,
    raw: bytes,
    filename: str | None = None,
    source_url: str = "",
    note: str = "",
) -> SpecRevision:
    """Keep a new document of the version.

    A draft takes it at once. In a version that is called it changes nothing before it is
    published (publish_revision). The newest document's bytes again change nothing and return its
    revision, so a script may repeat itself.

    Raises InvalidSpecification, InvalidInput, and WrongState for a retired version.
    """
    upload = Upload(
        raw=raw,
        document=read_upload(raw, filename=filename, source_url=source_url),
        source_url=source_url,
        filename=filename or "",
        note=note,
    )
    with transaction.atomic():
        version = _locked(version)
        newest = version.revisions.order_by("-number").first()
        if newest is not None and newest.sha256 == upload.document.sha256:
            return newest
        return add_revision(actor, version, upload)


def publish_revision(
    *,
    actor: Actor,
    version: ApiVersion,
    revision: SpecRevision,
    acknowledges_breaking: bool = False,
) -> SpecRevision:
    """Put a revision into force: a newer one, or an older one to roll back.

    Gateways, reference and operations follow, and what changed for callers becomes an entry of
    the changelog. Subscribers are told when it breaks them. Of a draft only its document changes.
    The revision in force again changes nothing.

    Raises WrongState for a retired version or when another revision was published meanwhile,
    TransitionRefused by the gate, BreakingNotAcknowledged.
    """
    replaced = version.current_revision
    if replaced is not None and replaced.pk == revision.pk:
        return revision
    is_callable = version.is_callable
    if is_callable:
        check_revision(version, revision, acknowledges_breaking=acknowledges_breaking)
    document = description_of(revision)
    changes = (
        compare_in_every_language(replaced, revision, after=document)
        if is_callable and replaced
        else {}
    )
    with transaction.atomic():
        locked = _locked(version)
        if (locked.current_revision_id, locked.is_callable) != (
            version.current_revision_id,
            is_callable,
        ):
            raise WrongState(
                _("Somebody else has just published or changed %(version)s. Look at it again.")
                % {"version": version}
            )
        changed = _put_into_force(locked, revision, document.operations)
        record(
            actor,
            "api_version.revision_published",
            locked,
            before={"revision": replaced.number if replaced else None},
            after={"revision": revision.number, **changed},
        )
        if is_callable:
            note_publication(actor, locked, revision, previous=replaced, changes=changes)
    version.refresh_from_db()
    return revision


def check_revision(
    version: ApiVersion, revision: SpecRevision, *, acknowledges_breaking: bool
) -> None:
    """Raises TransitionRefused by the gate, and BreakingNotAcknowledged."""
    current = version.current_revision
    found = compare(current, revision) if current else NO_CHANGES
    pass_gate(
        Gate.Transition.PUBLISH_REVISION,
        api=version.api,
        revision=revision,
        breaking=found.breaking,
    )
    if found.is_breaking and not acknowledges_breaking:
        message = ngettext(
            "%(count)d change breaks programs that call this version. Acknowledge it to publish.",
            "%(count)d changes break programs that call this version. Acknowledge them to publish.",
            found.breaking,
        ) % {"count": found.breaking}
        raise BreakingNotAcknowledged(message, fields={"acknowledges_breaking": [message]})


def note_publication(
    actor: Actor,
    version: ApiVersion,
    revision: SpecRevision,
    *,
    previous: SpecRevision | None = None,
    changes: dict[str, Comparison] | None = None,
) -> Publication:
    """Write the changelog's entry, in the caller's transaction."""
    found = (changes or {}).get(settings.LANGUAGE_CODE, NO_CHANGES)
    publication = Publication.objects.create(
        version=version,
        revision=revision,
        previous=previous,
        changes={code: one.as_json() for code, one in (changes or {}).items()},
        breaking=found.breaking,
        risky=found.risky,
        compatible=found.compatible,
        published_by=actor.label[:200],
    )
    publish("api_version.revised", publication_id=publication.pk)
    return publication


def read_upload(raw: bytes, *, filename: str | None, source_url: str = "") -> Description:
    """What the upload describes; documents elsewhere come from APIM_SPEC_REFERENCE_HOSTS only.

    Relative references lead from `source_url`, from where it was imported. Raises
    InvalidSpecification.
    """
    # What is kept of a longer address would lead elsewhere when the revision is read again.
    source_url = source_url if len(source_url) <= SOURCE_URL_MAX_LENGTH else ""
    return read_description(raw, filename=filename, fetch=fetch_reference, source_url=source_url)


def checked_note(note: str) -> str:
    """Raises InvalidInput when too long."""
    note = note.strip()
    if len(note) > NOTE_MAX_LENGTH:
        message = _("At most %(max)d characters.") % {"max": NOTE_MAX_LENGTH}
        raise InvalidInput(message, fields={"note": [message]})
    return note


def add_revision(actor: Actor, version: ApiVersion, upload: Upload) -> SpecRevision:
    """The version's row is locked, or new in this transaction: numbers have no race."""
    document = upload.document
    latest = version.revisions.aggregate(latest=Max("number"))["latest"] or 0
    revision = SpecRevision.objects.create(
        version=version,
        number=latest + 1,
        raw=upload.raw,
        media_type=document.media_type,
        style=document.style.value,
        style_version=document.style_version,
        filename=upload.filename[:200],
        fetched=document.fetched,
        note=checked_note(upload.note),
        title=document.title[:200],
        sha256=document.sha256,
        warnings=[problem.as_dict() for problem in document.warnings],
        source_url=upload.source_url[:SOURCE_URL_MAX_LENGTH],
        created_by=actor.label[:200],
    )
    changed: dict[str, list[str]] = {}
    if version.state == ApiVersion.State.DRAFT:
        changed = _put_into_force(version, revision, document.operations)
    record(
        actor,
        "api_version.revision_uploaded",
        version,
        after={"revision": revision.number, "sha256": revision.sha256, **changed},
    )
    ask_for_lint(revision)
    return revision


def _locked(version: ApiVersion) -> ApiVersion:
    """The version's row for this transaction. Raises WrongState for a retired one."""
    locked = ApiVersion.objects.select_for_update(of=("self",)).get(pk=version.pk)
    if locked.state == ApiVersion.State.RETIRED:
        raise WrongState(_("%(version)s is retired.") % {"version": version})
    return locked


def _put_into_force(
    version: ApiVersion, revision: SpecRevision, operations: Iterable[OperationSpec]
) -> dict[str, list[str]]:
    """The version's row is locked, or new in this transaction; says which operations changed."""
    version.current_revision = revision
    version.save(update_fields=["current_revision", "updated_at"])
    added, removed = sync_operations(version, operations)
    publish("api_version.changed", version_id=version.pk)
    return {
        "operations_added": [str(o) for o in added[:50]],
        "operations_removed": [str(o) for o in removed[:50]],
    }


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
