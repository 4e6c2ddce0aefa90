"""A new document replaces the old one; operations that stay keep their row."""

import threading

import pytest
from django.db import connection

from apim.catalog import selectors, services
from apim.catalog.errors import UpstreamInvalid, WrongState
from apim.catalog.models import SpecRevision
from apim.catalog.openapi import InvalidSpecification
from apim.core.errors import InvalidInput, NotFound
from tests.apim.catalog.openapi.documents import as_json, tides


def changed() -> bytes:
    document = tides()
    del document["paths"]["/tides"]["post"]
    document["paths"]["/tides"]["get"]["summary"] = "All tides"
    document["paths"]["/ports"] = {"get": {"responses": {}}}
    return as_json(document)


def test_operations_keep_their_row_and_lost_ones_are_marked(version, pia):
    before = {str(o): o.pk for o in version.operations.all()}
    services.upload_revision(actor=pia, version=version, raw=changed())
    version.refresh_from_db()
    rows = {str(o): o for o in version.operations.all()}
    assert rows["GET /tides"].pk == before["GET /tides"]
    assert rows["GET /tides"].summary == "All tides"
    assert rows["POST /tides"].removed_at is not None
    current = [str(o) for o in selectors.operations_of(version)]
    assert current == ["GET /tides", "GET /tides/{port}", "GET /ports"]


def test_an_operation_that_comes_back_is_the_same_row(version, pia, raw):
    before = version.operations.get(method="POST").pk
    services.upload_revision(actor=pia, version=version, raw=changed())
    services.upload_revision(actor=pia, version=version, raw=raw)
    again = version.operations.get(method="POST")
    assert (again.pk, again.removed_at) == (before, None)


def test_old_revisions_stay_readable(version, pia, raw):
    services.upload_revision(actor=pia, version=version, raw=changed())
    version.refresh_from_db()
    assert selectors.spec_document(version).raw == changed()
    assert selectors.spec_document(version, 1).raw == raw
    assert [r.number for r in selectors.revisions_of(version)] == [2, 1]
    with pytest.raises(NotFound):
        selectors.spec_document(version, 3)


def test_the_same_bytes_again_change_nothing(version, pia, raw, news, actions):
    count = len(actions(version))
    revision = services.upload_revision(actor=pia, version=version, raw=raw)
    assert revision == version.current_revision
    assert SpecRevision.objects.count() == 1
    assert news() == []
    assert len(actions(version)) == count


def test_an_upload_is_told_to_gateways_and_audited(version, pia, news, actions):
    services.upload_revision(actor=pia, version=version, raw=changed())
    assert news() == [("api_version.changed", {"version_id": version.pk})]
    action, _before, after = actions(version)[-1]
    assert action == "api_version.revision_uploaded"
    assert after["operations_added"] == ["GET /ports"]
    assert after["operations_removed"] == ["POST /tides"]


def test_a_broken_document_leaves_the_version_as_it_was(version, pia):
    with pytest.raises(InvalidSpecification):
        services.upload_revision(actor=pia, version=version, raw=b"{}")
    assert version.revisions.count() == 1


def test_a_retired_version_takes_no_document_and_no_change(published, pia):
    services.retire_version(actor=pia, version=published)
    with pytest.raises(WrongState):
        services.upload_revision(actor=pia, version=published, raw=changed())
    with pytest.raises(WrongState):
        services.update_version(actor=pia, version=published, timeout_seconds=3)


def test_forwarding_can_be_changed_and_is_told_to_gateways(version, pia, news, actions):
    services.update_version(
        actor=pia,
        version=version,
        upstream_url="http://new.example.com/",
        sandbox_upstream_url="http://sandbox.example.com",
        timeout_seconds=9,
    )
    assert (version.upstream_url, version.timeout_seconds) == ("http://new.example.com", 9)
    assert news() == [("api_version.changed", {"version_id": version.pk})]
    assert actions(version)[-1][2]["upstream_url"] == "http://new.example.com"
    services.update_version(actor=pia, version=version, sandbox_upstream_url="")
    assert version.sandbox_upstream_url == ""


def test_forwarding_to_nowhere_is_refused(version, pia):
    with pytest.raises(UpstreamInvalid):
        services.update_version(actor=pia, version=version, upstream_url="")
    for seconds in (0, -1, 601):
        with pytest.raises(InvalidInput):
            services.update_version(actor=pia, version=version, timeout_seconds=seconds)


@pytest.mark.django_db(transaction=True)
def test_two_uploads_at_once_get_two_numbers(version, pia):
    errors = []

    def upload(number):
        document = tides()
        document["info"]["description"] = str(number)
        try:
            services.upload_revision(actor=pia, version=version, raw=as_json(document))
        except Exception as error:  # noqa: BLE001 - reported below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=upload, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(version.revisions.values_list("number", flat=True)) == [1, 2, 3, 4, 5]
