"""The text of a key: form, checksum, digest."""

import hashlib
import hmac
import re
import subprocess
import sys

import pytest

from apim.core.checksums import crc32_base62
from apim.keys import secrets

# Our own vector, worked out by hand from the format (CRC-32 0x85306cb1 of the random part).
KEY = "acme_live_7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge2RDumf"
SHA256 = "6d6fbe30344196c7ad7f65e104e56c55a97be2de8d05c1031c3bc25d1251f40e"


def test_vector_is_the_text_it_claims_to_be():
    assert hashlib.sha256(KEY.encode()).hexdigest() == SHA256


def test_checksum_of_the_vector():
    assert crc32_base62("7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge") == "2RDumf"


def test_vector_parses_into_its_parts():
    parts = secrets.parse(KEY)
    assert parts == secrets.KeyParts("acme", "live", "7Qm2VtYc9LpXa4RzKd81NsWbJh05Ge")
    assert parts.start == "acme_live_7Qm2"


def test_generated_key_has_the_form_and_parses():
    key = secrets.generate(brand="ak", environment="test")
    assert re.fullmatch(r"ak_test_[0-9A-Za-z]{36}", key)
    assert secrets.parse(key) is not None


def test_generated_keys_differ():
    assert len({secrets.generate(brand="ak", environment="live") for _ in range(500)}) == 500


@pytest.mark.parametrize("position", range(len("acme_live_"), len(KEY)))
def test_one_wrong_character_anywhere_breaks_the_checksum(position):
    other = "0" if KEY[position] != "0" else "1"
    assert secrets.parse(KEY[:position] + other + KEY[position + 1 :]) is None


@pytest.mark.parametrize(
    "text",
    ["", "acme", KEY + "\n", " " + KEY, KEY[:-1], KEY + "0", KEY.replace("live", "prod"),
     KEY.replace("7Qm2", "7Qé2"), KEY.upper(), "x" * 100_000],
)  # fmt: skip
def test_anything_else_is_no_key(text):
    assert secrets.parse(text) is None


@pytest.mark.parametrize(("brand", "environment"), [("", "live"), ("A B", "live"), ("ak", "prod")])
def test_brand_or_environment_outside_the_format_is_refused(brand, environment):
    with pytest.raises(ValueError, match="no key can begin"):
        secrets.generate(brand=brand, environment=environment)


def test_checksum_is_padded_to_six_characters():
    # CRC-32 of nothing is 0.
    assert crc32_base62("") == "000000"


def test_digest_depends_on_the_pepper():
    expected = hmac.new(b"salt of the sea", KEY.encode(), hashlib.sha256).hexdigest()
    assert secrets.digest(KEY, "salt of the sea") == expected
    assert secrets.digest(KEY, "other") != expected


def test_a_plain_pepper_is_version_one():
    assert secrets.read_peppers("only, one: secret") == (secrets.Pepper(1, "only, one: secret"),)


def test_versioned_peppers_give_a_digest_each_in_their_order():
    peppers = secrets.read_peppers("2:new,1:old")
    assert peppers == (secrets.Pepper(2, "new"), secrets.Pepper(1, "old"))
    assert secrets.digests(KEY, peppers) == (
        secrets.digest(KEY, "new"),
        secrets.digest(KEY, "old"),
    )


def test_the_module_loads_without_django():
    program = "import apim.keys.secrets, sys; sys.exit('django' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert done.returncode == 0
