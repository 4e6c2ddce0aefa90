"""lint and diff without a platform: what they find, how they end, and in which formats."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from apim.cli.main import main
from tests.apim.cli.documents import LESS, MORE, OLD, write
from tests.apim.cli.xml_reports import read_xml

ROOT = Path(__file__).parents[3]
RULES = "rules: {owner: {severity: warn, given: $.info, message: No owner <here>, then: {field: x-owner, function: truthy}}}"


@pytest.fixture
def run(capsys):
    def run(*arguments: str) -> tuple[int, str, str]:
        code = main(arguments)
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture
def old(tmp_path):
    return write(tmp_path, "old.json", OLD)


@pytest.fixture
def rules(tmp_path):
    return write(tmp_path, "rules.yaml", RULES)


@pytest.mark.parametrize(
    ("fail_on", "code"), [("error", 0), ("warn", 1), ("info", 1), ("hint", 1), ("never", 0)]
)
def test_lint_fails_at_the_threshold(run, old, rules, fail_on: str, code: int):
    ended, out, err = run("lint", old, "--ruleset", rules, "--fail-on", fail_on)
    assert (ended, err) == (code, "")
    assert f"{old}:3:3: warn: No owner <here> [owner]" in out
    assert "1 warn; score" in out


def test_lint_uses_the_built_in_rules_by_default_or_by_name(run, old):
    _code, out, _err = run("lint", old)
    assert "[apim-info-contact]" in out
    assert "[operation-description]" in out
    _code, out, _err = run("lint", old, "--ruleset", "spectral:oas")
    assert "[apim-info-contact]" not in out


def test_lint_writes_json_as_the_platform_answers(run, old, rules):
    _code, out, _err = run("lint", old, "--ruleset", rules, "--format", "json")
    told = json.loads(out)
    assert told["counts"] == {"error": 0, "warn": 1, "info": 0, "hint": 0}
    assert 0 < told["score"] < 100
    assert told["findings"] == [
        {"rule": "owner", "severity": "warn", "path": ["info"], "line": 3, "column": 3,
         "message": "No owner <here>", "remedy": "", "url": ""}
    ]  # fmt: skip


def test_lint_writes_junit(run, old, rules, tmp_path):
    arguments = ("lint", old, "--ruleset", rules, "--format", "junit")
    _code, out, _err = run(*arguments, "--fail-on", "warn")
    suites = read_xml(out)
    assert (suites.tag, suites.get("tests"), suites.get("failures")) == ("testsuites", "1", "1")
    [case] = suites.iter("testcase")
    assert case.get("name") == f"owner {old}:3"
    [failure] = case.iter("failure")
    assert failure.get("message") == "No owner <here>"
    _code, out, _err = run(*arguments)
    assert read_xml(out).get("failures") == "0"
    fine = write(tmp_path, "fine.json", {**OLD, "info": {**OLD["info"], "x-owner": "me"}})
    _code, out, _err = run("lint", fine, "--ruleset", rules, "--format", "junit")
    [case] = read_xml(out).iter("testcase")
    assert len(case) == 0


def assert_sarif(told: dict) -> dict:
    """What SARIF 2.1.0 requires of the parts that we write (sections 3.13 to 3.30)."""
    assert told["version"] == "2.1.0"
    assert told["$schema"].endswith("sarif-schema-2.1.0.json")
    [run] = told["runs"]
    driver = run["tool"]["driver"]
    assert driver["name"]
    identifiers = [rule["id"] for rule in driver["rules"]]
    assert len(set(identifiers)) == len(identifiers)
    for rule in driver["rules"]:
        assert rule["defaultConfiguration"]["level"] in {"none", "note", "warning", "error"}
        assert rule.get("helpUri", "https://").startswith("https://")
        assert rule.get("help", {"text": "x"})["text"]
    for result in run["results"]:
        assert identifiers[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in {"none", "note", "warning", "error"}
        assert result["message"]["text"]
        for location in result.get("locations", ()):
            physical = location["physicalLocation"]
            assert physical["artifactLocation"]["uri"]
            assert physical["region"]["startLine"] >= 1
            assert physical["region"]["startColumn"] >= 1
    return run


def test_lint_writes_sarif(run, old):
    _code, out, _err = run("lint", old, "--format", "sarif")
    result = assert_sarif(json.loads(out))["results"]
    contact = next(r for r in result if r["ruleId"] == "apim-info-contact")
    assert contact["level"] == "note"
    assert contact["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


def test_diff_writes_sarif_and_junit(run, old, tmp_path):
    less = write(tmp_path, "less.json", LESS)
    _code, out, _err = run("diff", old, less, "--format", "sarif")
    assert "error" in {r["level"] for r in assert_sarif(json.loads(out))["results"]}
    _code, out, _err = run("diff", old, less, "--format", "junit")
    assert int(read_xml(out).get("failures")) >= 1


@pytest.mark.parametrize(
    ("new", "fail_on", "code"),
    [
        (OLD, "compatible", 0),
        (MORE, "breaking", 0),
        (MORE, "compatible", 1),
        (LESS, "breaking", 1),
        (LESS, "never", 0),
    ],
)
def test_diff_fails_at_the_threshold(run, old, tmp_path, new, fail_on: str, code: int):
    ended, _out, err = run("diff", old, write(tmp_path, "new.json", new), "--fail-on", fail_on)
    assert (ended, err) == (code, "")


def test_diff_tells_what_breaks_and_which_version_that_asks_for(run, old, tmp_path):
    less = write(tmp_path, "less.json", LESS)
    _code, out, _err = run("diff", old, less)
    assert "breaking: GET /tides:" in out
    assert "version: major" in out
    assert f"{old}:" in out
    _code, out, _err = run("diff", old, less, "--format", "json")
    told = json.loads(out)
    assert told["is_breaking"] is True
    assert told["advice"] == "major"
    assert told["counts"]["breaking"] == 1
    _code, out, _err = run("diff", old, less, "--format", "markdown")
    assert "### Breaking" in out
    assert "`GET /tides`" in out


def test_a_description_that_cannot_be_imported_is_told_with_its_places(run, tmp_path, rules):
    broken = write(tmp_path, "broken.json", {**OLD, "paths": {"/a": {"get": {"responses": 5}}}})
    code, out, _err = run("lint", broken, "--ruleset", "spectral:oas")
    assert code == 1
    assert "[oas3-schema]" in out
    assert "[cannot-be-imported]" in out
    unreadable = write(tmp_path, "broken.yaml", "openapi: 3.1.0\n\tinfo: x\n")
    code, out, _err = run("lint", unreadable, "--ruleset", rules)
    assert code == 1
    assert f"{unreadable}:2:1: error:" in out
    assert "[parser]" in out


def test_any_data_can_be_judged_by_rules_for_any_format(run, tmp_path):
    """After test-harness/scenarios/rules-matching-multiple-places of stoplightio/spectral."""
    data = write(tmp_path, "users.yaml", "schemas:\n  name: {type: number}\n  address:\n")
    rules = write(
        tmp_path,
        "r.yaml",
        "rules:\n"
        "  texts: {given: [$.schemas.name, $.schemas.other], severity: error, message: '{{error}}',\n"
        "    then: {field: type, function: pattern, functionOptions: {match: /^string$/}}}\n"
        "  there: {given: [$.schemas.name, $.schemas.address], then: {function: truthy}}\n",
    )
    code, out, _err = run("lint", data, "--ruleset", rules)
    assert code == 1
    assert '2:16: error: "number" must match the pattern "/^string$/" [texts]' in out
    assert '3:11: warn: "address" property must be truthy [there]' in out
    assert "1 error, 1 warn;" in out
    _code, out, _err = run("lint", data, "--ruleset", "spectral:oas")
    assert "[unrecognized-format]" in out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("lint",),
        ("lint", "nowhere.json"),
        ("lint", "{old}", "--ruleset", "nowhere.yaml"),
        ("lint", "{old}", "--ruleset", "{old}"),
        ("lint", "{old}", "--fail-on", "all"),
        ("lint", "{old}", "--token", "secret"),
        ("diff", "{old}", "nowhere.json"),
        ("lint", "{old}", "--output", "/nowhere/at/all"),
    ],
)
def test_wrong_usage_ends_with_2_and_a_sentence(run, old, arguments: tuple[str, ...]):
    code, out, err = run(*(one.replace("{old}", old) for one in arguments))
    assert (code, out) == (2, "")
    assert err


def test_a_mistake_in_a_ruleset_is_told_with_its_line(run, old, tmp_path):
    rules = write(tmp_path, "bad.yaml", "rules:\n  r: {given: $}\n")
    code, _out, err = run("lint", old, "--ruleset", rules)
    assert code == 2
    assert f"{rules}:2:" in err


def test_overrides_hold_for_files_beside_the_ruleset(run, tmp_path):
    (tmp_path / "legacy").mkdir()
    legacy = write(tmp_path / "legacy", "a.json", OLD)
    rules = write(
        tmp_path, "r.yaml", RULES + "\noverrides: [{files: ['legacy/*.json'], rules: {owner: off}}]"
    )
    _code, out, _err = run("lint", legacy, "--ruleset", rules)
    assert "[owner]" not in out


def test_a_report_can_go_to_a_file(run, old, rules, tmp_path):
    target = tmp_path / "report.json"
    code, out, _err = run(
        "lint", old, "--ruleset", rules, "--format", "json", "--output", str(target)
    )
    assert (code, out) == (0, "")
    assert json.loads(target.read_text())["counts"]["warn"] == 1


@pytest.mark.processes
def test_it_runs_as_a_program_without_settings_or_services(old, rules, tmp_path):
    command = [
        sys.executable,
        "-m",
        "apim.cli",
        "lint",
        old,
        "--ruleset",
        rules,
        "--fail-on",
        "warn",
    ]
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(
        command,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert "[owner]" in ended.stdout
