"""A worker that falls silent: what it was lent comes back when it speaks, never by guesswork."""

from itertools import count

import pytest

from apim.gateway.authorizer import leases
from apim.gateway.authorizer.counters import Standing, Taken
from apim.gateway.authorizer.leases import LeaseBook
from apim.gateway.counting import Owners, counted
from apim.gateway.grant_format import LimitGrant

LENT = 100


class Counters:
    def __init__(self):
        self.returned = 0

    def give_back(self, _standings, calls):
        self.returned += calls

    def release(self, _standings, _slot):
        pass


@pytest.fixture
def counters():
    return Counters()


@pytest.fixture
def clock(monkeypatch):
    """Seconds of the monotonic clock, to be moved."""
    now = [1000.0]
    monkeypatch.setattr(leases.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def book(counters, clock):
    return LeaseBook(counters, lambda _command: None)


def lend(book, clock):
    (bound,) = counted([LimitGrant("day", 10_000, "day")], Owners("org", "app", "key", "prd"))
    lease = book.name()
    standing = Standing(bound, 10_000, clock[0] + 3600, False, "0", "epoch")
    book.open(lease, Taken(LENT, clock[0] + 60, 60_000, (standing,)))
    return lease


def test_nothing_is_taken_back_from_a_worker_that_says_nothing(book, counters, clock):
    """How many of its calls it made, it alone knows: a lease's end does not tell."""
    lend(book, clock)
    for _ in range(50):
        clock[0] += 60
        lend(book, clock)
    assert counters.returned == 0


def test_calls_come_back_from_a_worker_that_speaks_again_after_minutes(book, counters, clock):
    lease = lend(book, clock)
    clock[0] += 1800
    lend(book, clock)
    book.give_back(lease, 70)
    assert counters.returned == 70
    book.give_back(lease, 70)  # told twice: no more than it was lent
    assert counters.returned == LENT


def test_memory_of_old_leases_is_bounded(book, counters, clock, monkeypatch):
    monkeypatch.setattr(leases, "KEPT_LEASES", 10)
    monkeypatch.setattr(leases, "MAX_LEASES", 20)
    fresh = [lend(book, clock) for _ in range(30)]
    assert len(book) == 20
    clock[0] += 3600
    numbers = count()
    while next(numbers) < 5:
        lend(book, clock)
    assert len(book) == 10
    book.give_back(fresh[0], 1)
    assert counters.returned == 0


def answer(book, clock, question):
    (bound,) = counted([LimitGrant("day", 10_000, "day")], Owners("org", "app", "key", "prd"))
    standing = Standing(bound, 10_000, clock[0] + 3600, False, "0", "epoch")
    taken = Taken(LENT, clock[0] + 60, 60_000, (standing,))
    book.open(book.name(), taken, question=question)


def test_what_was_lent_in_an_answer_that_came_too_late_comes_back_once(book, counters, clock):
    answer(book, clock, "req-1")
    answer(book, clock, "req-2")
    book.settle({b"x-apim-give-back": b"?req-1=1"})
    book.settle({b"x-apim-give-back": b"?req-1=1"})
    assert counters.returned == LENT


def test_question_that_was_abandoned_before_it_was_answered_lends_nothing(book, counters, clock):
    book.settle({b"x-apim-give-back": b"?req-1=1"})
    answer(book, clock, "req-1")
    assert counters.returned == LENT


def test_authorizers_tell_one_another_of_abandoned_questions(counters, clock):
    told = []
    asked, other = LeaseBook(counters, lambda _: None), LeaseBook(Counters(), told.append)
    answer(asked, clock, "req-1")
    other.settle({b"x-apim-give-back": b"?req-1=1"})
    (message,) = told
    assert b"gone req-1 1" in message
    asked.hear("gone req-1 1")
    assert counters.returned == LENT
