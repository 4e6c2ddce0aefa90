"""Reads DATABASE_URL into Django's form."""

from typing import Any
from urllib.parse import parse_qsl, unquote, urlparse

from apim.env import EnvironmentProblem


def database_from_url(url: str) -> dict[str, Any]:
    """postgresql://user:password@host:port/name?sslmode=require -> a DATABASES entry.

    Raises EnvironmentProblem for any other scheme.
    """
    parts = urlparse(url)
    if parts.scheme not in {"postgres", "postgresql"}:
        raise EnvironmentProblem(
            f"DATABASE_URL starts with {parts.scheme or 'nothing'}://: write postgresql://…"
        )
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "apim",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "connect_timeout": 5,
            "application_name": "apim",
            **dict(parse_qsl(parts.query)),
        },
    }
