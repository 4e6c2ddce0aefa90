"""The score says how well a description keeps to the rules, whatever its size."""

from apim.catalog.rulesets import Finding, Severity
from apim.catalog.rulesets.score import score_of


def times(count: int, severity: Severity = Severity.WARN, rule: str = "r") -> list[Finding]:
    return [Finding(rule, severity, (n,), n + 1, 1, "m") for n in range(count)]


def test_without_findings_it_is_full():
    assert score_of([], 10) == 100


def test_the_formula_is_as_documented():
    # One error in 5 of 96 + 4: 10 × √(5 / 100) = 2.236; 3000 / 32.236 = 93.06.
    assert score_of(times(5, Severity.ERROR), 96) == 93


def test_every_finding_costs_something():
    assert score_of(times(1, Severity.HINT), 1000) < 100


def test_worse_findings_cost_more():
    scores = [score_of(times(4, severity), 20) for severity in Severity]
    assert scores == sorted(scores)
    assert len(set(scores)) == len(scores)


def test_a_rule_costs_no_more_than_its_weight():
    assert score_of(times(10_000, Severity.ERROR), 5) == score_of(times(9, Severity.ERROR), 5) == 75


def test_the_same_share_costs_the_same_in_every_size():
    assert score_of(times(26), 100) == score_of(times(2 * 26), 204)


def test_it_stays_between_the_bounds():
    everything = [f for n in range(200) for f in times(50, Severity.ERROR, f"r{n}")]
    assert 0 <= score_of(everything, 3) < 5
