"""What every change of the catalog has in common."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext as _

from apim.audit.services import changes, record, snapshot
from apim.catalog.errors import NameTaken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from apim.audit.actors import Actor

Changed = TypeVar("Changed", bound=models.Model)


@contextmanager
def unique(field: str) -> Iterator[None]:
    """Turn the database's refusal of a duplicate into NameTaken: another request came first."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        message = _("This is already in use.")
        raise NameTaken(message, fields={field: [message]}) from error


def change(obj: Changed, *, actor: Actor, action: str, values: Mapping[str, Any | None]) -> bool:
    """Save the values that are given (not None) and differ; whether there were any."""
    given = {name: value for name, value in values.items() if value is not None}
    before = snapshot(obj, given)
    for name, value in given.items():
        setattr(obj, name, value)
    old, new = changes(before, snapshot(obj, given))
    if not new:
        return False
    obj.save(update_fields=[*new, "updated_at"])
    record(actor, action, obj, before=old, after=new)  # type: ignore[arg-type]
    return True
