"""One number for how well a description keeps to the rules."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from typing import TYPE_CHECKING

from apim.catalog.rulesets.findings import Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apim.catalog.descriptions import Description
    from apim.catalog.rulesets.findings import Finding

WEIGHTS = {Severity.ERROR: 10.0, Severity.WARN: 3.0, Severity.INFO: 1.0, Severity.HINT: 0.3}
# Penalties of this sum halve the score.
HALVING = 30.0
# So that one finding in a very small description is not everything.
_ADDED_SIZE = 4


def score(findings: Sequence[Finding], description: Description) -> int:
    """0 to 100; see `score_of`, with the number of operations as the size."""
    return score_of(findings, len(description.operations))


def score_of(findings: Sequence[Finding], operations: int) -> int:
    """100 without findings, less with each, never quite 0 by a few rules alone.

    A rule that found n places costs weight × min(1, √(n / (operations + 4))): the first finding
    costs most, and a rule broken everywhere costs its weight once, however large the description.
    The weights are 10 (error), 3 (warn), 1 (info) and 0.3 (hint). With the sum P of all rules,
    the score is 100 × 30 / (30 + P), rounded down.
    """
    counts = Counter((finding.rule, finding.severity) for finding in findings)
    size = max(0, operations) + _ADDED_SIZE
    penalty = sum(
        WEIGHTS[severity] * min(1.0, sqrt(count / size))
        for (_rule, severity), count in counts.items()
    )
    return int(100 * HALVING / (HALVING + penalty))
