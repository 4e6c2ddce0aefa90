"""What is in force changes only by publishing, which says what breaks and asks to acknowledge it."""

import pytest
from django.db import IntegrityError, transaction

from apim.catalog import selectors, services
from apim.catalog.changelog import comparison_of, publications_of
from apim.catalog.errors import BreakingNotAcknowledged, TransitionRefused, WrongState
from apim.catalog.models import ApiVersion, SpecRevision
from tests.apim.catalog.openapi.documents import as_json, tides


def without_one_port() -> bytes:
    """Breaking: an operation is gone."""
    document = tides()
    del document["paths"]["/tides/{port}"]
    return as_json(document)


def with_ports() -> bytes:
    """Compatible: an operation more."""
    document = tides()
    document["paths"]["/ports"] = {"get": {"responses": {"200": {"description": "Them"}}}}
    return as_json(document)


def current(version: ApiVersion) -> int:
    return ApiVersion.objects.get(pk=version.pk).current_revision.number


def upload(pia, version, raw, **values) -> SpecRevision:
    return services.upload_revision(actor=pia, version=version, raw=raw, **values)


def publish(pia, version, revision, **values):
    version = selectors.get_version(version.public_id)
    return services.publish_revision(actor=pia, version=version, revision=revision, **values)


def operations(version) -> list[str]:
    return [str(o) for o in selectors.operations_of(version)]


def test_an_upload_to_a_published_version_changes_nothing_yet(published, pia, news):
    before = operations(published)
    made = upload(pia, published, with_ports(), note="Ports, as asked for")
    assert (made.number, made.note) == (2, "Ports, as asked for")
    assert current(published) == 1
    assert operations(published) == before
    assert news() == []


def test_publishing_brings_operations_gateways_and_changelog_along(published, pia, news, actions):
    made = upload(pia, published, with_ports())
    publish(pia, published, made)
    assert current(published) == 2
    assert "GET /ports" in operations(published)
    assert news() == [("api_version.changed", {"version_id": published.pk})]
    action, before, after = actions(published)[-1]
    assert (action, before) == ("api_version.revision_published", {"revision": 1})
    assert (after["revision"], after["operations_added"]) == (2, ["GET /ports"])
    newest, first = publications_of(published)
    assert (newest.revision, newest.previous.number, newest.breaking) == (made, 1, 0)
    assert (first.revision.number, first.previous) == (1, None)
    [change] = comparison_of(newest).changes
    assert (change.level, change.operation) == ("compatible", "GET /ports")


def test_breaking_changes_must_be_acknowledged(published, pia):
    made = upload(pia, published, without_one_port())
    with pytest.raises(BreakingNotAcknowledged) as refused:
        publish(pia, published, made)
    assert "acknowledges_breaking" in refused.value.fields
    assert current(published) == 1
    publish(pia, published, made, acknowledges_breaking=True)
    assert current(published) == 2
    assert publications_of(published)[0].is_breaking


def test_a_change_is_told_in_every_language(published, pia, settings):
    publish(pia, published, upload(pia, published, with_ports()))
    told = publications_of(published)[0].changes
    assert set(told) == {code for code, _name in settings.LANGUAGES}
    assert all(rows for rows in told.values())


def test_an_older_revision_can_be_published_again(published, pia):
    first = selectors.get_revision(published)
    publish(pia, published, upload(pia, published, with_ports()))
    publish(pia, published, first, acknowledges_breaking=True)
    assert current(published) == 1
    assert "GET /ports" not in operations(published)
    assert [p.revision.number for p in publications_of(published)] == [1, 2, 1]


def test_the_revision_in_force_again_changes_nothing(published, pia, actions):
    count = len(actions(published))
    publish(pia, published, selectors.get_revision(published))
    assert len(actions(published)) == count
    assert len(publications_of(published)) == 1


def test_the_candidate_uploaded_again_is_no_new_revision(published, pia):
    made = upload(pia, published, with_ports())
    assert upload(pia, published, with_ports()) == made
    assert published.revisions.count() == 2


def test_a_draft_takes_an_older_document_without_an_entry(version, pia):
    upload(pia, version, with_ports())
    publish(pia, version, version.revisions.get(number=1))
    assert current(version) == 1
    assert not publications_of(version)


def test_a_retired_version_publishes_nothing(published, pia):
    made = upload(pia, published, with_ports())
    services.retire_version(actor=pia, version=published)
    with pytest.raises(WrongState):
        publish(pia, published, made)


def test_who_decided_on_another_document_must_look_again(published, pia):
    stale = selectors.get_version(published.public_id)
    second = upload(pia, published, with_ports())
    document = tides()
    document["paths"]["/buoys"] = {"get": {"responses": {"200": {"description": "ok"}}}}
    third = upload(pia, published, as_json(document))
    publish(pia, published, second)
    with pytest.raises(WrongState, match="Look at it again"):
        services.publish_revision(actor=pia, version=stale, revision=third)
    assert current(published) == 2


def test_a_gate_may_forbid_breaking_changes_altogether(published, pia):
    services.set_gate(actor=pia, transition="publish_revision", forbids_breaking=True)
    made = upload(pia, published, without_one_port())
    with pytest.raises(TransitionRefused) as refused:
        publish(pia, published, made, acknowledges_breaking=True)
    [refusal] = refused.value.refusals
    assert refusal.requirement == "breaking_changes"
    assert "new version" in refusal.remedy
    publish(pia, published, upload(pia, published, with_ports()))


@pytest.mark.parametrize(
    "values", [{"raw": b"{}"}, {"number": 7}, {"note": "x"}, {"created_by": "somebody"}]
)
def test_the_database_refuses_to_change_a_revision(version, values):
    with pytest.raises(IntegrityError), transaction.atomic():
        SpecRevision.objects.filter(version=version).update(**values)


def test_the_database_refuses_to_delete_a_revision(version):
    ApiVersion.objects.update(current_revision=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        SpecRevision.objects.filter(version=version).delete()
