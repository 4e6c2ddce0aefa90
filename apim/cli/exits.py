"""How the command ends."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; pipelines rely on them (docs/ci.md)."""

    FINE = 0
    # Findings or changes at or above the threshold, or a refusal by the platform's gates.
    FOUND = 1
    # Wrong arguments, a file that is not there, a ruleset or description that cannot be read.
    USAGE = 2
    # The platform does not answer, or not as agreed.
    SERVER = 3


class Stop(Exception):
    """End the command with this sentence on standard error."""

    def __init__(self, code: Exit, message: str) -> None:
        self.code = code
        super().__init__(message)
