"""What lending calls costs is measured: calls that a quota allowed and that nobody made."""

import pytest

from apim.gateway import grants, lending
from apim.gateway.authorizer.counters import Standing
from apim.gateway.authorizer.lending import USED_UP, Lending
from apim.gateway.authorizer.redis_link import RedisAway
from apim.gateway.counting import Owners, counted
from apim.gateway.grant_format import LimitGrant
from apim.gateway.lending import lending_report, measure
from tests.apim.gateway.world import make_world
from tests.deadline import eventually

pytestmark = pytest.mark.usefixtures("store")
HOUR = 3600


def over(store, *, ago=120, length=HOUR):
    """Start and end of a window that ended `ago` seconds ago."""
    end = int(store.time()[0]) - ago
    return end - length, end


def standing(limit, mark="0"):
    owners = Owners("org_a", "app_a", "key_a", "prd_a")
    (bound,) = counted([limit], owners)
    return Standing(bound, 0, 0.0, False, mark, "epoch")


def test_window_that_refused_is_measured_against_the_usage_log_after_its_end(
    world, store, monkeypatch
):
    start, end = over(store)
    counter = f"c:{world.application.public_id}:{world.product.public_id}:hour"
    store.hset(USED_UP, f"{counter}:{start}", f"1000 {end}")
    asked = []
    monkeypatch.setattr(lending, "_sources", [lambda *what: asked.append(what) or 994])

    assert measure() == 1
    assert measure() == 0
    assert asked == [(counter, start, end)]
    report = lending_report()
    assert (report.window_count, report.quota, report.made, report.never_made) == (1, 1000, 994, 6)
    assert report.never_made_share == pytest.approx(0.006)
    (window,) = report.windows
    assert (window.owner_name, window.product_name) == ("Harbor app", "Tides")
    assert (window.heading, window.never_made) == ("Per hour", 6)


def test_window_that_is_open_or_whose_calls_may_not_be_in_the_log_waits(world, store, monkeypatch):
    monkeypatch.setattr(lending, "_sources", [lambda *_what: 1])
    for ago in (-30, lending.SETTLED_SECONDS - 10):
        start, end = over(store, ago=ago)
        store.hset(USED_UP, f"c:{world.application.public_id}:prd_x:hour:{start}", f"10 {end}")

    assert measure() == 0
    assert store.hlen(USED_UP) == 2


@pytest.mark.parametrize(
    ("limit", "is_told"),
    [
        (LimitGrant("hour", 10, "hour"), True),
        (LimitGrant("minute", 10, "minute", kind="fixed", every=5, group="Search"), True),
        (LimitGrant("second", 10, "second"), False),
        (LimitGrant("sliding", 10, "hour", kind="sliding"), False),
        (LimitGrant("lanes", 10, kind="concurrent"), False),
    ],
)
def test_authorizer_tells_once_of_each_window_that_had_no_room(store, limit, is_told):
    sent = []
    book = Lending(sent.append)
    for _ in range(3):
        book.note_refusal([standing(limit)])

    assert len(sent) == is_told
    if is_told:
        assert f"{limit.quota} ".encode() in sent[0]


def test_authorizer_without_redis_tells_when_it_is_back():
    sent, is_away = [], True

    def publish(command):
        if is_away:
            raise RedisAway
        sent.append(command)

    book = Lending(publish)
    book.note_refusal([standing(LimitGrant("hour", 10, "hour"))])
    book.tell(5, 2, 0)
    is_away = False
    book.note_refusal([standing(LimitGrant("hour", 10, "hour"))])
    book._told_at = 0.0
    book.tell(5, 2, 0)

    assert [command.split(b"\r\n")[2] for command in sent] == [
        b"HSETNX",
        b"HINCRBY",
        b"HINCRBY",
        b"EXPIRE",
    ]


def test_lent_calls_and_those_that_came_back_add_up_to_what_the_report_says(authorizer, db, store):
    world = make_world(limits=[("day", 10_000)])
    grants.project_all()
    asked = authorizer.client.post(
        "/gateway/v1/lease",
        headers={
            **world.bearer(),
            "x-original-uri": f"{world.path}/ports",
            "x-original-method": "GET",
            "x-apim-want": "30",
        },
    )
    terms = dict(part.split("=") for part in asked.headers["x-apim-lease"].split(";"))
    authorizer.client.post("/gateway/v1/release", headers={"x-apim-give-back": f"{terms['id']}=20"})

    def told():
        report = lending_report()
        return report if report.returned >= 20 and report.lent >= 30 else None

    assert eventually(told)
