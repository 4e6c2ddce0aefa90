"""People: made by staff or commands, given staff roles, changing their own profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from apim.accounts.models import StaffRole, User
from apim.accounts.validation import clean_email, clean_name, clean_time_zone
from apim.audit.services import changes, record, snapshot
from apim.core.errors import Conflict, InvalidInput

if TYPE_CHECKING:
    from apim.audit.actors import Actor

PROFILE_FIELDS = ("name", "language", "time_zone", "theme", "has_shortcuts")


@transaction.atomic
def create_person(
    *, actor: Actor, email: str, name: str = "", password: str | None = None, staff_role: str = ""
) -> User:
    """Create a person whose address counts as verified: for the first admin and for imports.

    Without a password they set one through "Forgot your password?". Raises Conflict when the
    address is taken, InvalidInput for an impossible address or role.
    """
    _check_staff_role(staff_role)
    email = clean_email(email)
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, password, name=name, staff_role=staff_role)
    except IntegrityError as error:
        message = _("A person with this address already exists.")
        raise Conflict(message, fields={"email": [message]}) from error
    EmailAddress.objects.create(user=user, email=email, primary=True, verified=True)
    record(actor, "user.created", user, after=snapshot(user, ("email", "name", "staff_role")))
    return user


@transaction.atomic
def set_staff_role(*, actor: Actor, user: User, role: str) -> User:
    """Give or (with an empty role) take a staff role.

    Raises Conflict when no active admin would be left, InvalidInput for an unknown role.
    """
    _check_staff_role(role)
    # Locks every admin, so that two admins cannot demote each other at the same time.
    admins = list(
        User.objects.select_for_update().filter(staff_role=StaffRole.ADMIN, is_active=True)
    )
    user = User.objects.select_for_update().get(pk=user.pk)
    before = user.staff_role
    if before == role:
        return user
    if before == StaffRole.ADMIN and [admin.pk for admin in admins] == [user.pk]:
        raise Conflict(_("The last admin must stay: make someone else admin first."))
    user.staff_role = role
    user.save(update_fields=["staff_role"])
    record(
        actor,
        "user.staff_role_changed",
        user,
        before={"staff_role": before},
        after={"staff_role": role},
    )
    return user


@transaction.atomic
def update_profile(
    *,
    actor: Actor,
    user: User,
    name: str | None = None,
    language: str | None = None,
    time_zone: str | None = None,
    theme: str | None = None,
    has_shortcuts: bool | None = None,
) -> User:
    """Change what is given, leave the rest. Raises InvalidInput for an unknown value."""
    user = User.objects.select_for_update().get(pk=user.pk)
    before = snapshot(user, PROFILE_FIELDS)
    if name is not None:
        user.name = clean_name(name)
    if language is not None:
        user.language = _known(language, [code for code, _name in settings.LANGUAGES], "language")
    if time_zone is not None:
        user.time_zone = clean_time_zone(time_zone)
    if theme is not None:
        user.theme = _known(theme, User.Theme.values, "theme")
    if has_shortcuts is not None:
        user.has_shortcuts = has_shortcuts
    was, becomes = changes(before, snapshot(user, PROFILE_FIELDS))
    if becomes:
        user.save(update_fields=list(becomes))
        record(actor, "user.updated", user, before=was, after=becomes)
    return user


def _known(value: str, choices: list[str], field: str) -> str:
    if value not in choices:
        message = _("%(value)s is not one of the choices.") % {"value": value}
        raise InvalidInput(message, fields={field: [message]})
    return value


def _check_staff_role(role: str) -> None:
    _known(role, StaffRole.values, "staff_role")
