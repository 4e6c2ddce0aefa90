"""What holds for every pair of documents, tried on real ones that were spoiled at random."""

import random
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from apim.catalog.descriptions import read_description
from apim.catalog.diff import Level, diff
from apim.catalog.diff.compare import compare_openapi
from apim.catalog.diff.report import Report
from tests.apim.catalog.diff.pairs import TODAY
from tests.apim.catalog.diff.test_schema_structure import CAT, DOG, TEXT, holding, referring
from tests.cpu import cpu_seconds_at_most

SPECS = Path(__file__).parents[5] / "shared" / "specs"
REAL = ["adyen_checkout_v68.yaml", "adyen_checkout_v69.yaml", "twilio_verify_v2.json"]
# In place of anything: values that no schema expects there.
ODD = (None, True, False, 0, -1, 1.5, "", "string", [], {}, [None], {"a": 1}, {"$ref": "#/nowhere"})


def small() -> dict[str, Any]:
    document = referring(holding("a", a=TEXT, b={"oneOf": [CAT, DOG]}), both=True)
    document["servers"] = [{"url": "https://a.example"}]
    document["security"] = [{"key": []}]
    return document


def real_documents() -> list[Any]:
    paths = [SPECS / name for name in REAL]
    return [read_description(p.read_bytes(), filename=p.name).data for p in paths if p.exists()]


def changes_between(old: Any, new: Any) -> tuple:
    report = Report()
    compare_openapi(old, new, report, TODAY)
    # A component more is none: nothing refers to it yet.
    return tuple(one for one in report.changes() if one.code != "api-schema-removed")


def containers(value: Any) -> list[Any]:
    found, pending = [], [value]
    while pending:
        one = pending.pop()
        if isinstance(one, dict | list) and one:
            found.append(one)
            pending.extend(one.values() if isinstance(one, dict) else one)
    return found


def spoil(document: Any, chance: random.Random) -> Any:
    """Remove, replace, repeat or swap a few values anywhere below the root."""
    spoiled = deepcopy(document)
    places = containers({k: v for k, v in spoiled.items() if k in {"paths", "components"}})
    for _ in range(chance.randint(1, 12)):
        holder = chance.choice(places)
        if not holder:
            continue
        key = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        action = chance.randrange(4)
        if action == 0:
            del holder[key]
        elif action == 1:
            holder[key] = deepcopy(chance.choice(ODD))
        elif action == 2:
            holder[key] = deepcopy(chance.choice(places))
        elif isinstance(holder, dict):
            holder[f"{key}2"] = holder.pop(key)
    return spoiled


def test_a_document_does_not_differ_from_itself():
    for document in [small(), *real_documents()]:
        assert changes_between(document, deepcopy(document)) == ()


@pytest.mark.parametrize("seed", range(150))
def test_a_spoiled_document_is_compared_both_ways_and_never_raises(seed):
    chance = random.Random(seed)
    old, new = spoil(small(), chance), spoil(small(), chance)
    there, back = changes_between(old, new), changes_between(new, old)
    # What is found one way is found the other way; the levels may differ.
    assert bool(there) == bool(back)
    assert changes_between(new, deepcopy(new)) == ()


def test_real_documents_that_were_spoiled_are_compared_quickly():
    documents = real_documents()
    if not documents:
        pytest.skip("no real documents here")
    chance = random.Random(7)
    for document in documents:
        for _ in range(4):
            spoiled = spoil(document, chance)
            with cpu_seconds_at_most(1):  # twice what the slowest takes
                there, back = changes_between(document, spoiled), changes_between(spoiled, document)
            assert bool(there) == bool(back)


def test_adding_and_removing_again_leaves_nothing():
    for document in [small(), *real_documents()[:1]]:
        more = deepcopy(document)
        more["paths"]["/more"] = {"get": {"responses": {"200": {"description": "OK"}}}}
        there, back = changes_between(document, more), changes_between(more, document)
        assert [change.code for change in there] == ["endpoint-added"]
        assert [change.code for change in back] == ["api-path-removed-without-deprecation"]


def test_changes_come_sorted_breaking_first_and_lead_into_a_document():
    documents = real_documents()
    if len(documents) < 2:
        pytest.skip("no real documents here")
    old, new = documents[:2]
    changes = changes_between(old, new)
    order = [Level.BREAKING, Level.RISKY, Level.COMPATIBLE]
    levels = [order.index(change.level) for change in changes]
    assert levels == sorted(levels)
    assert len(changes) == len(set(changes)) > 50
    for change in changes:
        value: Any = old if change.is_in_old else new
        for key in change.path[:-1]:
            value = value[key]
        assert value is not None
        assert change.text.endswith(".")
        assert "%(" not in change.text


def test_two_versions_of_a_real_description_are_compared_in_a_fraction_of_the_budget():
    paths = [SPECS / name for name in REAL[:2]]
    if not all(path.exists() for path in paths):
        pytest.skip("no real documents here")
    # Measured alone: 0.17 s and 0.03 s. The budget of both together with the rules is 2 s.
    with cpu_seconds_at_most(0.8):
        old, new = (read_description(path.read_bytes(), filename=path.name) for path in paths)
    with cpu_seconds_at_most(0.2):
        assert diff(old, new)
