"""What a publisher sees of revisions: source, findings, changes, and the question before."""

import io
import json
import zipfile
from urllib.parse import urlencode

import pytest
from django.urls import reverse

from apim.audit.actors import SYSTEM
from apim.catalog import services
from apim.dashboard.source_lines import LINES_PER_PAGE, line_url
from tests.apim.dashboard.conftest import DOCUMENT, document


def breaking() -> str:
    """One path less, and a parameter that must be sent."""
    paths = json.loads(json.dumps(DOCUMENT["paths"]))
    del paths["/ports"]
    parameter = {"name": "on", "in": "query", "required": True, "schema": {"type": "string"}}
    paths["/tides/{port}"]["get"]["parameters"].append(parameter)
    return document(paths=paths)


@pytest.fixture
def candidate(installation):
    return services.upload_revision(
        actor=SYSTEM, version=installation.version, raw=breaking().encode(), note="Ports are gone"
    )


def url(installation, name, number=2):
    return reverse(f"dashboard:{name}", args=[installation.version.public_id, number])


def test_the_version_says_that_a_revision_waits(installation, candidate, pia_client):
    page = pia_client.get(installation.url("version")).content.decode()
    assert "Revision 2 is not published" in page
    assert url(installation, "revision-publish") in page
    rows = pia_client.get(installation.url("revisions")).content.decode()
    assert "Ports are gone" in rows
    assert "Candidate" in rows


def test_the_question_names_changes_and_those_they_hit(installation, candidate, pia_client):
    installation.call(7)
    answer = pia_client.get(url(installation, "revision-publish"))
    levels = [row.change.level for group in answer.context["groups"] for row in group.rows]
    assert levels[0] == "breaking"
    [caller] = answer.context["callers"]
    assert (caller.name, caller.calls) == ("Acme", 7)
    assert caller.operations == ("GET /tides/{port}",)
    page = answer.content.decode()
    assert "Acme" in page
    assert "GET /tides/{port}" in page


def test_breaking_changes_are_published_only_when_acknowledged(installation, candidate, pia_client):
    refused = pia_client.post(url(installation, "revision-publish"), {})
    assert refused.status_code == 422
    assert refused.context["form"].errors["acknowledges_breaking"]
    installation.version.refresh_from_db()
    assert installation.version.current_revision.number == 1
    done = pia_client.post(url(installation, "revision-publish"), {"acknowledges_breaking": "on"})
    assert done.status_code == 302
    installation.version.refresh_from_db()
    assert installation.version.current_revision.number == 2
    back = pia_client.get(url(installation, "revision-publish", 1)).content.decode()
    assert "Roll back" in back


def test_a_gate_shows_its_reasons_before_the_button(installation, candidate, pia_client):
    services.set_gate(actor=SYSTEM, transition="publish_revision", forbids_breaking=True)
    page = pia_client.get(url(installation, "revision-publish")).content.decode()
    assert "or make a new version for them" in page
    assert "disabled" in page
    posted = {"acknowledges_breaking": "on"}
    assert pia_client.post(url(installation, "revision-publish"), posted).status_code == 422


def test_any_two_revisions_are_compared_also_across_versions(installation, candidate, pia_client):
    draft = installation.draft.current_revision
    query = urlencode({"old": draft.public_id, "new": candidate.public_id})
    answer = pia_client.get(f"{installation.url('compare')}?{query}")
    assert answer.context["old"] == draft
    assert answer.context["comparison"].is_breaking
    rows = [row for group in answer.context["groups"] for row in group.rows]
    assert all(row.url.startswith("/dashboard/versions/") for row in rows)
    gone = next(row for row in rows if row.change.is_in_old)
    assert installation.draft.public_id in gone.url
    same = urlencode({"old": draft.public_id, "new": draft.public_id})
    page = pia_client.get(f"{installation.url('compare')}?{same}").content.decode()
    assert "the same revision twice" in page


def test_changes_are_narrowed_by_level_and_operation(installation, candidate, pia_client):
    base = f"{installation.url('compare')}?new={candidate.public_id}"
    every = pia_client.get(base).context["page"].object_list
    narrow = pia_client.get(f"{base}&level=breaking&operation=GET+%2Fports")
    shown = narrow.context["page"].object_list
    assert 0 < len(shown) < len(every)
    assert {change.operation for change in shown} == {"GET /ports"}
    page = pia_client.get(f"{base}&level=nonsense").content.decode()
    assert "No change matches" in page


def test_findings_stand_beneath_their_line(installation, pia_client):
    answer = pia_client.get(url(installation, "revision-source", 1))
    lines = answer.context["lines"]
    assert "\n".join(line.text for line in lines) == document()
    found = [(line.number, f) for line in lines for f in line.findings]
    assert found
    assert all(number == finding["line"] for number, finding in found)
    page = answer.content.decode()
    assert 'id="L1"' in page
    assert found[0][1]["rule"] in page


def test_findings_are_narrowed_by_severity_and_rule(installation, pia_client):
    base = url(installation, "revision-findings", 1)
    every = pia_client.get(base).context["page"].object_list
    rule = every[0]["rule"]
    narrow = pia_client.get(f"{base}?rule={rule}").context["page"].object_list
    assert {finding["rule"] for finding in narrow} == {rule}
    assert len(pia_client.get(f"{base}?rule=none").context["page"].object_list) == 0


def test_a_long_document_comes_in_pages_and_links_hit_them(installation, pia_client):
    text = document() + "\n" * (LINES_PER_PAGE + 5)
    services.upload_revision(actor=SYSTEM, version=installation.version, raw=text.encode())
    far = line_url(installation.version, 2, LINES_PER_PAGE + 3)
    address, _hash, anchor = far.partition("#")
    page = pia_client.get(address).content.decode()
    assert f'id="{anchor}"' in page
    assert 'id="L1"' not in page
    assert line_url(installation.version, 2, 0) == ""


def test_a_document_without_line_breaks_is_cut(installation, pia_client):
    text = json.dumps(DOCUMENT | {"x-long": "ab" * 40_000})
    services.upload_revision(actor=SYSTEM, version=installation.version, raw=text.encode())
    page = pia_client.get(url(installation, "revision-source")).content.decode()
    assert "more characters" in page
    assert len(page) < 60_000


def test_an_archive_is_not_shown_but_judged(installation, pia_client):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("openapi.json", document())
    services.upload_revision(
        actor=SYSTEM, version=installation.version, raw=packed.getvalue(), filename="tides.zip"
    )
    page = pia_client.get(url(installation, "revision-source")).content.decode()
    assert "This document is no text" in page
    found = pia_client.get(url(installation, "revision-findings"))
    assert found.context["page"].object_list
    whole = pia_client.get(url(installation, "revision-document"))
    assert whole.content == packed.getvalue()
    assert "-r2.zip" in whole["Content-Disposition"]


def test_a_ruleset_is_added_corrected_and_removed(installation, pia_client):
    new = reverse("dashboard:ruleset-new")
    bad = {"name": "House rules", "text": "rules:\n  a:\n    given: $\n    then: {function: no}\n"}
    refused = pia_client.post(new, bad)
    assert refused.status_code == 422
    assert "line" in str(refused.context["form"].errors["text"]).lower()
    good = {
        "name": "House rules",
        "text": "rules:\n  a:\n    given: $.info\n    then: {field: x-owner, function: truthy}\n",
        "is_enabled": "on",
        "is_for_all": "on",
    }
    made = pia_client.post(new, good)
    assert made.status_code == 302
    assert "x-owner" in pia_client.get(made.url).content.decode()
    changed = pia_client.post(made.url, good | {"text": good["text"].replace("x-owner", "x-team")})
    assert changed.status_code == 302
    page = pia_client.get(made.url).content.decode()
    assert "Earlier texts" in page
    assert pia_client.post(f"{made.url}remove/").status_code == 302
    assert pia_client.get(made.url).status_code == 404


def test_a_built_in_ruleset_can_be_switched_off(installation, pia_client):
    page = pia_client.get(reverse("dashboard:rulesets"))
    row = next(one for one in page.context["rulesets"] if one.built_in == "apim:default")
    address = reverse("dashboard:ruleset", args=[row.public_id])
    assert pia_client.post(address, {"is_for_all": "on"}).status_code == 302
    row.refresh_from_db()
    assert not row.is_enabled
    assert pia_client.post(f"{address}remove/").status_code == 302
    row.refresh_from_db()


def test_a_gate_is_set_and_told_in_words(installation, pia_client):
    address = reverse("dashboard:gate", args=["publish_revision"])
    values = {"blocks": "warn", "min_score": "70", "rules": "a, b", "forbids_breaking": "on"}
    assert pia_client.post(address, values).status_code == 302
    page = pia_client.get(reverse("dashboard:rulesets")).content.decode()
    assert "A score of at least 70." in page
    assert "These rules hold: a, b." in page
    assert pia_client.post(address, values | {"min_score": "170"}).status_code == 422
    assert pia_client.get(reverse("dashboard:gate", args=["explode"])).status_code == 404


def test_an_api_gets_a_gate_of_its_own_and_gives_it_up(installation, pia_client):
    api = installation.version.api
    services.set_gate(actor=SYSTEM, transition="deprecate", notice_days=30)
    page = reverse("dashboard:api-gates", args=[api.public_id])
    address = reverse("dashboard:api-gate", args=[api.public_id, "deprecate"])
    assert "30 days" in pia_client.get(page).content.decode()
    assert 'value="30"' in pia_client.get(address).content.decode()
    assert pia_client.post(address, {"notice_days": "5"}).url == page
    assert "5 days" in pia_client.get(page).content.decode()
    rules = pia_client.get(reverse("dashboard:rulesets")).content.decode()
    assert page in rules
    assert "30 days" in rules
    remove = reverse("dashboard:api-gate-remove", args=[api.public_id, "deprecate"])
    assert pia_client.get(remove).status_code == 200
    assert pia_client.post(remove).url == page
    assert "30 days" in pia_client.get(page).content.decode()
