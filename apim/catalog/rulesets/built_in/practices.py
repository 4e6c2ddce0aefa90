"""apim:default."""

from typing import Any

PRACTICES: dict[str, Any] = {"rules": {}}
