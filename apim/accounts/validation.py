"""Checks of single values that several services share."""

from __future__ import annotations

from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from apim.core.errors import InvalidInput


def clean_name(name: str, field: str = "name") -> str:
    """The name without blanks around it. Raises InvalidInput when nothing is left or it is long."""
    name = " ".join(name.split())
    if not name:
        message = _("A name is needed.")
        raise InvalidInput(message, fields={field: [message]})
    if len(name) > 120:
        message = _("At most 120 characters.")
        raise InvalidInput(message, fields={field: [message]})
    return name


def clean_time_zone(name: str) -> str:
    """An IANA zone name. Raises InvalidInput for any other text."""
    if name not in available_timezones():
        message = _("There is no time zone of this name; an example is Europe/Berlin.")
        raise InvalidInput(message, fields={"time_zone": [message]})
    return name


def clean_email(email: str) -> str:
    """The address in lower case. Raises InvalidInput when it is none."""
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as error:
        raise InvalidInput(error.messages[0], fields={"email": error.messages}) from error
    return email
