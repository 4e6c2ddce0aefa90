"""What the demo's descriptions were before, and what one of them is about to become.

The documents of today are in this folder; the others are made from them, so that only what
differs is written down.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from apim.audit.actors import SYSTEM
from apim.catalog import services as catalog
from apim.catalog.governance import Publication
from apim.catalog.models import ApiVersion, SpecRevision

if TYPE_CHECKING:
    from datetime import datetime

# How long after the first document today's came into force.
REVISED_AFTER = timedelta(days=41)
RULES = """\
rules:
  # Everybody must find somebody to ask.
  contact-has-email:
    description: A description names an address for questions.
    message: "{{error}}: write the address of the team that answers for it."
    severity: error
    given: $.info.contact
    then: { field: email, function: truthy }
"""

# API -> (text of today, text of then).
_BEFORE: dict[str, tuple[tuple[str, str], ...]] = {
    "sun": (
        ("version: 1.0.0", "version: 0.9.0"),
        ("    email: sun@apim.localhost\n", ""),
        ("kind, sunrise, solar_noon", "sunrise, solar_noon"),
        (
            "schema: { type: number, minimum: -180, maximum: 180 }",
            "schema: { type: number, minimum: -180, maximum: 360 }",
        ),
        (
            "        is_up: { type: boolean, description: Whether any part of the sun can be seen. }\n",
            "",
        ),
        ("elevation_degrees, azimuth_degrees, is_up]", "elevation_degrees, azimuth_degrees]"),
    ),
    "geo": (
        ("version: 1.0.0", "version: 0.9.0"),
        ("maximum: 20037508", "maximum: 10000000"),
        ("minimum: 0, maximum: 360", "minimum: -180, maximum: 360"),
    ),
}
# What begins with one text and ends before the other was not there.
_LATER_PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "sun": (("        kind:\n          type: string", "        sunrise:\n"),),
    "geo": (("  /midpoint:\n", "components:\n"),),
}
NOTES = {
    "sun": "Says whether the sun stays up or down, and takes longitudes in one form only.",
    "geo": "Adds the point half-way, and azimuths in one form only.",
}
# The next document of one API, uploaded and not yet published: (text of today, text of then).
CANDIDATE_OF = "sun"
CANDIDATE_NOTE = "The day must be named; the length of the day can be worked out from the times."
_AFTER: tuple[tuple[str, str], ...] = (
    ("version: 1.0.0", "version: 1.1.0"),
    ("solar_noon, sunset, day_length_seconds]", "solar_noon, sunset]"),
    (
        "          description: The day. Today in UTC if left out.\n",
        "          description: The day.\n          required: true\n",
    ),
    (
        "        elevation_degrees:\n          type: number\n",
        (
            "        distance_kilometres: { type: number, minimum: 0, description: To the sun. }\n"
            "        elevation_degrees:\n          type: number\n"
        ),
    ),
)
_GONE = ("        day_length_seconds:\n          type: integer", "    SunPosition:\n")


def first_document(slug: str, today: bytes) -> bytes:
    """What the API's first version began with."""
    text = _replaced(today.decode(), _BEFORE[slug])
    for start, end in _LATER_PARTS[slug]:
        text = _without(text, start, end)
    return text.encode()


def next_document(today: bytes) -> bytes:
    """What waits to be published."""
    return _without(_replaced(today.decode(), _AFTER), *_GONE).encode()


def revise(version: ApiVersion, slug: str, today: bytes, filename: str) -> None:
    """Bring a version that began with its first document to today's; one has a candidate too."""

    def upload(raw: bytes, note: str) -> SpecRevision:
        return catalog.upload_revision(
            actor=SYSTEM, version=version, raw=raw, filename=filename, note=note
        )

    catalog.publish_revision(
        actor=SYSTEM,
        version=version,
        revision=upload(today, NOTES[slug]),
        acknowledges_breaking=True,
    )
    if slug == CANDIDATE_OF:
        upload(next_document(today), CANDIDATE_NOTE)


def add_rules() -> None:
    """A ruleset of the publisher's own, and notice before a version ends."""
    catalog.create_ruleset(actor=SYSTEM, name="House rules", text=RULES)
    catalog.set_gate(actor=SYSTEM, transition="publish_revision", blocks="error")
    catalog.set_gate(actor=SYSTEM, transition="deprecate", requires_sunset=True, notice_days=30)


def date_back(*, since: datetime) -> None:
    """Let the documents come into force when the demo's story says; the candidate is of today."""
    revised_at = since + REVISED_AFTER
    Publication.objects.filter(previous=None).update(published_at=since)
    Publication.objects.exclude(previous=None).update(
        published_at=revised_at,
        announced_at=revised_at,  # that is long ago: nobody gets a mail today
    )
    revised = Publication.objects.exclude(previous=None).values("revision")
    SpecRevision.objects.filter(pk__in=revised).update(created_at=revised_at)
    last = SpecRevision.objects.filter(note=CANDIDATE_NOTE)
    last.update(created_at=since + 2 * REVISED_AFTER)


def _replaced(text: str, changes: tuple[tuple[str, str], ...]) -> str:
    for now, then in changes:
        assert now in text, f"the demo's description has no longer: {now}"
        text = text.replace(now, then)
    return text


def _without(text: str, start: str, end: str) -> str:
    before, found, after = text.partition(start)
    assert found, f"the demo's description has no longer: {start}"
    return before + end + after.partition(end)[2]
