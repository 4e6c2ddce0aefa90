"""The text of an API key: making it, recognising it, hashing it. Pure; no Django, no settings.

Format `<brand>_<live|test>_<30 base62><6 base62 CRC-32>`, after GitHub's token format
(github.blog, "Behind GitHub's new authentication token formats"): underscores so that a double
click selects all of it, and a checksum so that scanners and gateways drop false keys unasked.
"""

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from apim.core.checksums import BASE62, CHECKSUM_LENGTH, crc32_base62

RANDOM_LENGTH = 30
# Characters of the random part that stay readable after the one time the key is shown.
SHOWN_LENGTH = 4

# A key of another system that was imported: printable ASCII without blanks.
_FOREIGN = re.compile(r"[!-~]{8,200}")
# Under this pepper version a digest is a plain SHA-256: an imported key's, until it is used.
PLAIN_VERSION = 0
# Redis: the list on which authorizers lay the digests of keys to store anew, and the value that
# exists while there are imported keys.
REHASH_LIST = "rehash:keys"
IMPORTED = "g:imported"

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
    """Every digest under which a key of ours may be stored, the current pepper's first."""
    return tuple(digest(text, pepper.secret) for pepper in peppers)


def plain_digest(text: str) -> str:
    """SHA-256 of the whole key, hex: the only form in which other systems' keys are imported."""
    return hashlib.sha256(text.encode()).hexdigest()


def lookup_digests(text: str, peppers: Sequence[Pepper]) -> tuple[str, ...]:
    """Every digest under which any key may be stored, the current pepper's first."""
    return (*digests(text, peppers), plain_digest(text))


def may_be_imported(text: str) -> bool:
    """Whether another system's key can look so; only worth asking while there are imported keys."""
    return _FOREIGN.fullmatch(text) is not None


def rehash_message(key_pk: int, text: str, current: Pepper) -> bytes:
    """What an authorizer lays on REHASH_LIST for a key that it found under another digest."""
    message = {"key": key_pk, "digest": digest(text, current.secret), "version": current.version}
    return json.dumps(message).encode()
