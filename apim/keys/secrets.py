"""The text of an API key: making it, recognising it, hashing it. Pure; no Django, no settings.

Format `<brand>_<live|test>_<30 base62><6 base62 CRC-32>`, after GitHub's token format
(github.blog, "Behind GitHub's new authentication token formats"): underscores so that a double
click selects all of it, and a checksum so that scanners and gateways drop false keys unasked.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from apim.core.checksums import BASE62, CHECKSUM_LENGTH, crc32_base62

RANDOM_LENGTH = 30
# Characters of the random part that stay readable after the one time the key is shown.
SHOWN_LENGTH = 4

_FORM = re.compile(
    rf"(?P<brand>[a-z][a-z0-9]{{0,13}})_(?P<environment>live|test)"
    rf"_(?P<random>[0-9A-Za-z]{{{RANDOM_LENGTH}}})(?P<checksum>[0-9A-Za-z]{{{CHECKSUM_LENGTH}}})"
)
_PEPPER = re.compile(r"(?P<version>[0-9]{1,4}):(?P<secret>.+)")


@dataclass(frozen=True, slots=True)
class KeyParts:
    """A key whose checksum is right; that it was ever issued is another question."""

    brand: str
    environment: str
    random: str

    @property
    def start(self) -> str:
        """What lists show, for example `ak_live_7Qm2`."""
        return f"{self.brand}_{self.environment}_{self.random[:SHOWN_LENGTH]}"


@dataclass(frozen=True, slots=True)
class Pepper:
    """The secret that hashes keys; a stored digest names its version."""

    version: int
    secret: str


def generate(*, brand: str, environment: str) -> str:
    """Make a new key with 178 random bits. ValueError when brand or environment has no such form."""
    random_part = "".join(secrets.choice(BASE62) for _ in range(RANDOM_LENGTH))
    text = f"{brand}_{environment}_{random_part}{crc32_base62(random_part)}"
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"no key can begin with {brand}_{environment}_")
    return text


def parse(text: str) -> KeyParts | None:
    """Take a key apart; None when the form or the checksum is wrong."""
    match = _FORM.fullmatch(text)
    if match is None or crc32_base62(match["random"]) != match["checksum"]:
        return None
    return KeyParts(match["brand"], match["environment"], match["random"])


def digest(text: str, pepper: str) -> str:
    """HMAC-SHA256 of the whole key under the pepper, hex: the only form that is stored.

    A fast hash is enough for 178 random bits; the pepper makes a stolen table useless for
    checking guesses and leaked keys.
    """
    return hmac.new(pepper.encode(), text.encode(), hashlib.sha256).hexdigest()


def read_peppers(setting: str) -> tuple[Pepper, ...]:
    """Read APIM_KEY_PEPPER: one secret (version 1), or `2:new,1:old` with the current one first."""
    parts = [_PEPPER.fullmatch(part.strip()) for part in setting.split(",")]
    versioned = [Pepper(int(match["version"]), match["secret"]) for match in parts if match]
    if len(versioned) == len(parts):
        return tuple(versioned)
    return (Pepper(1, setting),)


def digests(text: str, peppers: Sequence[Pepper]) -> tuple[str, ...]:
    """Every digest under which the key may be stored, the current pepper's first."""
    return tuple(digest(text, pepper.secret) for pepper in peppers)
