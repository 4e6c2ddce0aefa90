"""Applications as the list shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analytics.selectors import calls_by_application, last_used
from apim.keys.models import ApiKey

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from apim.accounts.models import Organization
    from apim.keys.models import Application

DAYS = 7


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """`calls` and `errors` hold the last seven UTC days, oldest first."""

    application: Application
    calls: tuple[int, ...]
    errors: tuple[int, ...]
    last_used_at: datetime | None

    @property
    def total_calls(self) -> int:
        return sum(self.calls)


def application_rows(
    organization: Organization, applications: Sequence[Application]
) -> list[ApplicationRow]:
    """The applications in the same order, with their calls."""
    daily = calls_by_application(organization, days=DAYS)
    seen = _last_seen(applications)
    nothing = (0,) * DAYS
    return [
        ApplicationRow(
            application=application,
            calls=daily[application.pk].calls if application.pk in daily else nothing,
            errors=daily[application.pk].errors if application.pk in daily else nothing,
            last_used_at=seen.get(application.pk),
        )
        for application in applications
    ]


def _last_seen(applications: Sequence[Application]) -> dict[int, datetime]:
    """When any key of each application was last used, by primary key."""
    owners = dict(
        ApiKey.objects.filter(application__in=applications).values_list("pk", "application_id")
    )
    latest: dict[int, datetime] = {}
    for key_pk, at in last_used(owners).items():
        application_pk = owners[key_pk]
        latest[application_pk] = max(at, latest.get(application_pk, at))
    return latest
