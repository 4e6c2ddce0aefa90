"""A form that may be sent once: sent again, by a reload or a double click, it does nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core import signing
from django.core.cache import cache

from apim.core.ids import random_base62

if TYPE_CHECKING:
    from django.contrib.auth.base_user import AbstractBaseUser

SALT = "apim.ui.one_time"
# A form left open longer than this must be opened anew; spent tokens are remembered as long.
LIFETIME_SECONDS = 24 * 3600


def new_token(user: AbstractBaseUser) -> str:
    """A token for a hidden field, good for one answer to one person."""
    return signing.dumps([user.pk, random_base62(16)], salt=SALT)


def is_genuine(token: str, user: AbstractBaseUser) -> bool:
    """The token is ours, this person's and not too old. It may be spent already."""
    try:
        owner, _random = signing.loads(token, salt=SALT, max_age=LIFETIME_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return False
    return bool(owner == user.pk)


def spend(token: str) -> bool:
    """True for the first caller, False for every later one."""
    return bool(cache.add(_name(token), 1, timeout=LIFETIME_SECONDS))


def give_back(token: str) -> None:
    """The work was refused, so the same form may be sent again."""
    cache.delete(_name(token))


def _name(token: str) -> str:
    return f"once:{token}"
