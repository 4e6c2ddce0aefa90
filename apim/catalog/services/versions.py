"""API versions: new ones, and how gateways forward their calls."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils.translation import gettext as _

from apim.audit.services import record
from apim.catalog.errors import NameTaken, WrongState
from apim.catalog.models import Api, ApiVersion
from apim.catalog.naming import (
    checked_slug,
    checked_upstream,
    upstream_of,
    version_name_for,
)
from apim.catalog.services.changes import change, unique
from apim.catalog.services.revisions import Upload, add_revision, read_upload
from apim.core.errors import InvalidInput
from apim.outbox.services import publish

if TYPE_CHECKING:
    from apim.audit.actors import Actor

VERSION_NAME_MAX_LENGTH = 30
TIMEOUT_MAX_SECONDS = 600
HEADER_MAX_LENGTH = 60
# RFC 9110 section 5.1 allows more; nobody uses it, and templates of gateways might stumble.
HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class VersionInput(Upload):
    """The document of a new version, and what overrides it."""

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
        document=read_upload(raw, filename=filename, source_url=source_url),
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
    add_revision(actor, version, values)
    return version


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


def _upstream(values: VersionInput) -> str:
    if values.upstream_url:
        return checked_upstream(values.upstream_url)
    if not any(operation.is_call for operation in values.document.operations):
        return ""  # nothing to call: the version is published as documentation
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
