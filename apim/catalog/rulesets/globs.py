"""Which files an override means: minimatch's patterns, as far as rulesets use them."""

from __future__ import annotations

import re
from functools import lru_cache

_PIECE = re.compile(r"\*\*/|\*\*|\*|\?|\[[^\]]*\]|\{[^{}]*\}|.", re.DOTALL)


def matches(glob: str, source: str) -> bool:
    """A pattern without a slash is compared with the last part of the path."""
    if "/" not in glob:
        source = source.rsplit("/", 1)[-1]
    return _compiled(glob).fullmatch(source.removeprefix("./").lstrip("/")) is not None


@lru_cache(maxsize=256)
def _compiled(glob: str) -> re.Pattern[str]:
    return re.compile("".join(map(_piece, _PIECE.findall(glob.removeprefix("./")))))


def _piece(piece: str) -> str:
    simple = {"**/": "(?:[^/]+/)*?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    if piece in simple:
        return simple[piece]
    if len(piece) > 1 and piece[0] == "{":
        return (
            "(?:"
            + "|".join("".join(map(_piece, _PIECE.findall(p))) for p in piece[1:-1].split(","))
            + ")"
        )
    if len(piece) > 1 and piece[0] == "[":
        return piece.replace("[!", "[^", 1)
    return re.escape(piece)
