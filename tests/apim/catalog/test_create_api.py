"""An OpenAPI document becomes an API with a draft version, a revision and operations."""

import pytest

from apim.catalog import services
from apim.catalog.errors import NameTaken, UpstreamInvalid
from apim.catalog.models import Api, ApiVersion, Operation, SpecRevision
from apim.catalog.openapi import InvalidSpecification
from apim.core.errors import InvalidInput
from tests.apim.catalog.openapi.documents import as_json, tides


def test_everything_comes_from_the_document(api, version, raw):
    assert (api.name, api.slug, api.summary) == ("Tides", "tides", "High and low water.")
    assert (version.name, version.state) == ("v1", "draft")
    assert version.upstream_url == "https://eu.example.com/v1"
    revision = version.current_revision
    assert (revision.number, bytes(revision.raw)) == (1, raw)
    assert (revision.style_version, revision.media_type) == ("3.1.0", "application/json")
    assert [str(o) for o in version.operations.all()] == [
        "GET /tides",
        "POST /tides",
        "GET /tides/{port}",
    ]


def test_what_the_publisher_says_wins(db, pia, raw):
    api = services.create_api(
        actor=pia,
        raw=raw,
        name="Sea levels",
        slug="sea",
        summary="Levels",
        tags=["Sea", " Sea ", ""],
        owner_email="pia@example.com",
        version_name="v9",
        upstream_url="http://tides:9000/base/",
        sandbox_upstream_url="http://127.0.0.1:9001",
    )
    version = api.versions.get()
    assert (api.name, api.slug, api.summary, api.tags) == ("Sea levels", "sea", "Levels", ["Sea"])
    assert (version.name, version.upstream_url) == ("v9", "http://tides:9000/base")
    assert version.listen_path == "/sea/v9"


def test_a_second_api_of_the_same_title_gets_its_own_slug(api, pia, raw):
    assert services.create_api(actor=pia, raw=raw).slug == "tides-2"


def test_a_wanted_slug_that_is_taken_is_refused(api, pia, raw):
    with pytest.raises(NameTaken) as caught:
        services.create_api(actor=pia, raw=raw, slug="tides")
    assert "slug" in caught.value.fields


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"slug": "Tides!"}, "slug"),
        ({"slug": "-tides"}, "slug"),
        ({"slug": "x" * 61}, "slug"),
        ({"name": "x" * 121}, "name"),
        ({"summary": "x" * 241}, "summary"),
        ({"tags": ["x" * 41]}, "tags"),
        ({"tags": [str(n) for n in range(21)]}, "tags"),
        ({"owner_email": "nobody"}, "owner_email"),
        ({"version_name": "v 1"}, "version_name"),
        ({"version_name": "v1.0"}, "version_name"),
        ({"upstream_url": "ftp://x"}, "upstream_url"),
        ({"upstream_url": "/relative"}, "upstream_url"),
        ({"upstream_url": "https://user:secret@example.com"}, "upstream_url"),
        ({"upstream_url": "https://example.com/?a=1"}, "upstream_url"),
        ({"sandbox_upstream_url": "x"}, "sandbox_upstream_url"),
    ],
)
def test_bad_input_names_its_field_and_leaves_nothing_behind(db, pia, raw, values, field):
    with pytest.raises(InvalidInput) as caught:
        services.create_api(actor=pia, raw=raw, **values)
    assert field in caught.value.fields
    assert not Api.objects.exists()
    assert not SpecRevision.objects.exists()


def test_a_document_without_an_absolute_server_needs_an_upstream(db, pia):
    raw = as_json(tides() | {"servers": [{"url": "/v1"}]})
    with pytest.raises(UpstreamInvalid):
        services.create_api(actor=pia, raw=raw)
    api = services.create_api(actor=pia, raw=raw, upstream_url="https://example.com")
    assert api.versions.get().upstream_url == "https://example.com"


def test_a_broken_document_leaves_nothing_behind(db, pia):
    with pytest.raises(InvalidSpecification) as caught:
        services.create_api(actor=pia, raw=b"openapi: 3.1.0")
    assert caught.value.extra["problems"][0]["line"] == 1
    assert not Api.objects.exists()


def test_every_creation_is_audited(api, version, pia, actions):
    ((action, _before, after),) = actions(api)
    assert (action, after) == ("api.created", {"name": "Tides", "slug": "tides"})
    created, uploaded = actions(version)
    assert created[0] == "api_version.created"
    assert uploaded[0] == "api_version.revision_uploaded"
    assert len(uploaded[2]["operations_added"]) == 3


@pytest.mark.parametrize(
    ("declared", "name"),
    [
        ("1.4.2", "v1"),
        ("v3", "v3"),
        ("68", "v68"),
        ("0.9", "v1"),
        ("2026-05-01", "2026-05-01"),
        ("Spring Release", "spring-release"),
        ("", "v1"),
        ("ü", "u"),
        ("日本", "v1"),
    ],
)
def test_a_version_is_named_after_the_document(db, pia, declared, name):
    document = tides()
    document["info"]["version"] = declared
    assert services.create_api(actor=pia, raw=as_json(document)).versions.get().name == name


def test_the_summary_is_one_plain_sentence(db, pia):
    document = tides()
    document["info"]["description"] = "# The *tides* of [ports](https://x). More.\n\nElse."
    api = services.create_api(actor=pia, raw=as_json(document))
    assert api.summary == "The tides of ports."


def test_update_changes_only_what_is_given(api, pia, actions):
    services.update_api(actor=pia, api=api, name=" Sea  levels ", tags=["A"])
    api.refresh_from_db()
    assert (api.name, api.tags, api.summary) == ("Sea levels", ["A"], "High and low water.")
    action, before, after = actions(api)[-1]
    assert action == "api.updated"
    assert before == {"name": "Tides", "tags": ["Sea"]}
    assert after == {"name": "Sea levels", "tags": ["A"]}
    services.update_api(actor=pia, api=api, name="Sea levels")
    assert len(actions(api)) == 2


def test_a_second_version_stands_beside_the_first(api, pia, raw):
    with pytest.raises(NameTaken):
        services.create_version(actor=pia, api=api, raw=raw)
    second = services.create_version(actor=pia, api=api, raw=raw, name="v2", timeout_seconds=5)
    assert (second.name, second.timeout_seconds, second.operations.count()) == ("v2", 5, 3)
    assert ApiVersion.objects.filter(api=api).count() == 2
    assert Operation.objects.count() == 6
