"""Pages hold every row once, in order, also while rows are added."""

from itertools import chain

import pytest

from apim.audit.actors import SYSTEM
from apim.keys import services

pytestmark = pytest.mark.django_db
PATH = "/api/v1/applications"


@pytest.fixture
def names(acme):
    made = [f"Application {number}" for number in range(7)]
    for name in made:
        services.create_application(actor=SYSTEM, organization=acme, name=name)
    return made


def _walk(client, path, link="next"):
    pages = []
    while path:
        answer = client.get(path).json()
        pages.append([row["name"] for row in answer["results"]])
        path = answer[link]
    return pages


def test_newest_first_by_default(alice_api, names):
    assert _walk(alice_api, PATH) == [names[::-1]]


def test_next_leads_through_every_row_once(alice_api, names):
    pages = _walk(alice_api, f"{PATH}?limit=3")
    assert [len(page) for page in pages] == [3, 3, 1]
    assert list(chain(*pages)) == names[::-1]


def test_oldest_first(alice_api, names):
    pages = _walk(alice_api, f"{PATH}?limit=2&ordering=created_at")
    assert list(chain(*pages)) == names


@pytest.mark.parametrize("ordering", ["created_at", "-created_at"])
def test_previous_leads_back_over_the_same_rows(alice_api, names, ordering):
    forward, path = [], f"{PATH}?limit=3&ordering={ordering}"
    while path:
        answer = alice_api.get(path).json()
        forward.append([row["name"] for row in answer["results"]])
        last, path = answer, answer["next"]
    backward = _walk(alice_api, last["previous"], "previous")
    assert backward == forward[-2::-1]


def test_the_first_page_has_no_previous_and_the_last_no_next(alice_api, names):
    first = alice_api.get(f"{PATH}?limit=7").json()
    assert (first["previous"], first["next"]) == (None, None)


def test_filters_stay_in_the_links(alice_api, names):
    answer = alice_api.get(f"{PATH}?limit=2&search=Application&state=active").json()
    assert "search=Application" in answer["next"]
    assert "state=active" in answer["next"]


def test_a_row_added_meanwhile_shifts_nothing(alice_api, names, acme):
    first = alice_api.get(f"{PATH}?limit=4").json()
    services.create_application(actor=SYSTEM, organization=acme, name="Newcomer")
    second = alice_api.get(first["next"]).json()
    seen = [row["name"] for row in first["results"] + second["results"]]
    assert seen == names[::-1]


def test_an_empty_list(charlie_api):
    assert charlie_api.get(PATH).json() == {"results": [], "next": None, "previous": None}
