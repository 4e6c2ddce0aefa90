"""However a document is spoiled, it is read or refused, and never breaks the reader."""

import random

import pytest
import yaml

from apim.catalog.openapi import InvalidSpecification, extract_operations, parse_document
from tests.apim.catalog.openapi.documents import as_json, tides

ODD = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "#/",
    "#/paths",
    "/",
    [],
    {},
    [None],
    {"$ref": "#"},
    {"$ref": None},
]
BYTES = [
    b"\x00",
    b"\xff",
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b":",
    b"&a ",
    b"*a",
    b"!",
    b"- ",
    b"\t",
    b"\n",
    b"<<: ",
]


def read(raw):
    try:
        extract_operations(parse_document(raw))
    except InvalidSpecification as refused:
        problems = refused.problems
    else:
        return
    assert problems
    assert all(p.line >= 1 and p.column >= 1 and p.message for p in problems)


def _slots(value, found):
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, below in items:
        found.append((value, key))
        if isinstance(below, dict | list):
            _slots(below, found)
    return found


@pytest.mark.parametrize("seed", range(300))
def test_a_document_with_odd_values_is_read_or_refused(seed):
    chance = random.Random(seed)
    document = tides()
    for _turn in range(chance.randint(1, 4)):
        container, key = chance.choice(_slots(document, []))
        if chance.random() < 0.3 and isinstance(container, dict):
            container[chance.choice(["", "$ref", "x-", "get", "a/b~", "{", "200"])] = container.pop(
                key
            )
        else:
            container[key] = chance.choice(ODD)
    read(as_json(document))
    read(yaml.safe_dump(document).encode())


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize(
    "dump", [as_json, lambda d: yaml.safe_dump(d).encode()], ids=["json", "yaml"]
)
def test_a_text_with_odd_bytes_is_read_or_refused(seed, dump):
    chance = random.Random(seed)
    raw = bytearray(dump(tides()))
    for _turn in range(chance.randint(1, 6)):
        at = chance.randrange(len(raw))
        raw[at : at + chance.choice([0, 1, 5, 40])] = chance.choice(BYTES)
    read(bytes(raw))
