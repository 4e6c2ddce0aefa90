"""Public ids: a prefix naming the kind and 20 random base62 characters (119 bits)."""

import secrets
from typing import Any

from django.db import models

BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH = 20


def random_base62(length: int) -> str:
    """`length` characters, uniformly drawn from a cryptographic source."""
    return "".join(secrets.choice(BASE62) for _ in range(length))


def new_public_id(prefix: str) -> str:
    """For example `org_7Qm2VtYc9LpXa4RzKd81`."""
    return f"{prefix}_{random_base62(RANDOM_LENGTH)}"


class PublicIdField(models.CharField):  # type: ignore[type-arg]
    """The id that URLs, the API and logs show; filled on first save, never changed."""

    def __init__(self, *, prefix: str = "", **kwargs: Any) -> None:
        self.prefix = prefix
        kwargs.setdefault("max_length", 32)
        kwargs["unique"] = True
        kwargs["editable"] = False
        super().__init__(**kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        kwargs["prefix"] = self.prefix
        del kwargs["unique"]
        del kwargs["editable"]
        return name, path, args, kwargs

    def get_default(self) -> str:
        return new_public_id(self.prefix)

    def has_default(self) -> bool:
        return True
