"""Draft, published, deprecated, retired, and what each change tells."""

from datetime import date

import pytest
import time_machine

from apim.catalog import services
from apim.catalog.errors import WrongState
from apim.catalog.models import ApiVersion
from apim.core.errors import InvalidInput


def test_a_version_is_published_deprecated_and_retired(version, pia, news, actions):
    count = len(actions(version))
    services.publish_version(actor=pia, version=version)
    assert (version.state, version.is_callable) == ("published", True)
    assert version.published_at is not None
    services.deprecate_version(actor=pia, version=version, sunset_on=date(2999, 1, 1))
    assert (version.state, version.sunset_on) == ("deprecated", date(2999, 1, 1))
    assert version.is_callable
    services.retire_version(actor=pia, version=version)
    assert (version.state, version.is_callable) == ("retired", False)
    payload = {"version_id": version.pk}
    assert news() == [
        ("api_version.published", payload),
        ("api_version.deprecated", payload),
        ("api_version.retired", payload),
    ]
    events = actions(version)[count:]
    assert [e[0] for e in events] == [
        "api_version.published",
        "api_version.deprecated",
        "api_version.retired",
    ]
    assert events[1][1]["state"] == "published"
    assert events[1][2] == {"state": "deprecated", "sunset_on": "2999-01-01"}


@pytest.mark.parametrize("state", ["deprecated", "retired"])
def test_a_version_can_be_restored(published, pia, news, state):
    if state == "retired":
        services.retire_version(actor=pia, version=published)
    else:
        services.deprecate_version(actor=pia, version=published, sunset_on=date(2999, 1, 1))
    first_published_at = published.published_at
    services.restore_version(actor=pia, version=published)
    assert (published.state, published.sunset_on, published.retired_at) == ("published", None, None)
    assert published.deprecated_at is None
    assert published.published_at == first_published_at
    assert news()[-1][0] == "api_version.published"


CHANGES = {
    "publish": services.publish_version,
    "deprecate": services.deprecate_version,
    "retire": services.retire_version,
    "restore": services.restore_version,
}


@pytest.mark.parametrize(
    ("state", "change"),
    [
        ("draft", "deprecate"),
        ("draft", "retire"),
        ("draft", "restore"),
        ("published", "publish"),
        ("published", "restore"),
        ("deprecated", "publish"),
        ("retired", "publish"),
        ("retired", "deprecate"),
        ("retired", "retire"),
    ],
)
def test_a_change_from_the_wrong_state_changes_nothing(version, pia, news, actions, state, change):
    ApiVersion.objects.filter(pk=version.pk).update(state=state)
    count = len(actions(version))
    with pytest.raises(WrongState) as caught:
        CHANGES[change](actor=pia, version=version)
    assert caught.value.status == 409
    version.refresh_from_db()
    assert version.state == state
    assert news() == []
    assert len(actions(version)) == count


def test_of_two_requests_with_old_knowledge_only_one_wins(version, pia):
    other = ApiVersion.objects.get(pk=version.pk)
    services.publish_version(actor=pia, version=version)
    with pytest.raises(WrongState):
        services.publish_version(actor=pia, version=other)


def test_the_day_of_sunset_can_be_moved_and_deprecation_keeps_its_instant(published, pia):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        services.deprecate_version(actor=pia, version=published, sunset_on=date(2026, 6, 1))
        since = published.deprecated_at
    with time_machine.travel("2026-04-01T12:00:00Z", tick=False):
        stale = ApiVersion.objects.get(pk=published.pk)
        services.deprecate_version(actor=pia, version=stale, sunset_on=date(2026, 9, 1))
    published.refresh_from_db()
    assert (published.deprecated_at, published.sunset_on) == (since, date(2026, 9, 1))


def test_a_sunset_in_the_past_is_refused(published, pia):
    with pytest.raises(InvalidInput) as caught:
        services.deprecate_version(actor=pia, version=published, sunset_on=date(2020, 1, 1))
    assert "sunset_on" in caught.value.fields
