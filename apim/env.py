"""Typed readers of environment variables.

Each raises EnvironmentProblem, whose one line says which variable is wrong and what to write.
"""

import os
from pathlib import Path


class EnvironmentProblem(Exception):
    """An environment variable is missing or cannot be read."""


def env_str(name: str, default: str | None = None) -> str:
    value = os.environ.get(name, default)
    if value is None:
        raise EnvironmentProblem(f"{name} is not set: set it in the environment, see .env.example")
    return value


def env_bool(name: str, *, default: bool) -> bool:
    raw = os.environ.get(name, "").strip().lower()
    if raw in {"", "true", "1", "yes", "on", "false", "0", "no", "off"}:
        return raw in {"true", "1", "yes", "on"} if raw else default
    raise EnvironmentProblem(f"{name}={raw!r} is not a yes or no: write true or false")


def env_int(name: str, default: int, *, minimum: int | None = None) -> int:
    raw = os.environ.get(name, "").strip()
    if not raw:
        return default
    try:
        value = int(raw)
    except ValueError:
        raise EnvironmentProblem(f"{name}={raw!r} is not a whole number") from None
    if minimum is not None and value < minimum:
        raise EnvironmentProblem(f"{name}={value} is too small: at least {minimum}")
    return value


def env_list(name: str, default: str = "") -> list[str]:
    """A comma-separated list; blanks around and between the commas are dropped."""
    return [part.strip() for part in os.environ.get(name, default).split(",") if part.strip()]


def env_path(name: str, default: Path) -> Path:
    raw = os.environ.get(name, "").strip()
    return Path(raw).expanduser().resolve() if raw else default
