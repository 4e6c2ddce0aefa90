"""What must hold before a change of access; each guard takes the row lock it needs.

Locks are always taken in the order application, subscription, key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import models
from django.utils.translation import gettext as _

from apim.accounts.models import Organization
from apim.core.errors import InvalidInput
from apim.keys.errors import ApplicationNotActive, OrganizationSuspended
from apim.keys.models import Application

if TYPE_CHECKING:
    from apim.accounts.models import Organization as OrganizationRow


def require_active_organization(organization: OrganizationRow) -> None:
    """Raise OrganizationSuspended unless the organization is active."""
    if organization.state != Organization.State.ACTIVE:
        raise OrganizationSuspended


def lock_active_application(application: Application) -> Application:
    """The row, locked to the end of the transaction, so that no deletion slips in between.

    Raises ApplicationNotActive, OrganizationSuspended.
    """
    row = (
        Application.objects.select_for_update(of=("self",))
        .select_related("organization")
        .get(pk=application.pk)
    )
    if row.state != Application.State.ACTIVE:
        raise ApplicationNotActive
    require_active_organization(row.organization)
    return row


def fitting(model: type[models.Model], field: str, text: str, *, named: str = "") -> str:
    """The text without blanks around it.

    Raises InvalidInput, on the field or on `named`, when the column is too short for it.
    """
    column = model._meta.get_field(field)
    assert isinstance(column, models.CharField), "only columns with a length are asked for"
    stripped = text.strip()
    if column.max_length is not None and len(stripped) > column.max_length:
        message = _("At most %(longest)d characters.") % {"longest": column.max_length}
        raise InvalidInput(message, fields={named or field: [message]})
    return stripped
