"""System checks apim.E001...: a deployment that would fail later is refused at start, with a hint."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def check_secrets(**_: Any) -> list[CheckMessage]:
    """Keys that sign sessions and hash API keys must be real and long enough."""
    problems: list[CheckMessage] = []
    for number, name in enumerate(("SECRET_KEY", "APIM_KEY_PEPPER", "APIM_AUTHORIZER_TOKEN"), 1):
        value = str(getattr(settings, name, ""))
        if len(value) < 32 or "insecure" in value:
            problems.append(
                Error(
                    f"{name} is missing, shorter than 32 characters or the development value.",
                    hint=f"Set {name.removeprefix('APIM_') if name == 'SECRET_KEY' else name} "
                    "in the environment: python -c 'import secrets; print(secrets.token_urlsafe(48))'",
                    id=f"apim.E00{number}",
                )
            )
    return problems
