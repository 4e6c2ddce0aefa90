"""The script that takes calls from limits, with Redis's clock set by the test, against oracles."""

import random
from bisect import bisect_right
from pathlib import Path

import pytest

from apim.gateway import counting
from apim.gateway.authorizer import counters

FOLDER = Path(counters.__file__).parent
CLOCK = "redis.call('TIME')"
EPOCH = "1.a"


@pytest.fixture
def take(store):
    text = (FOLDER / "take.lua").read_text()
    assert text.count(CLOCK) == 1
    # The last two arguments become the clock.
    script = store.register_script(text.replace(CLOCK, "{ARGV[#ARGV - 1], ARGV[#ARGV]}"))

    store.set("g:counters", EPOCH)

    def run(limits, *, at, least=1, waiting=None, want=None, life=1000, slot="slot"):
        """`limits` are (counter, kind, quota, soft, a, b, c); `at` in milliseconds."""
        names = [limit[0] for limit in limits]
        rest = [value for limit in limits for value in limit[1:]]
        waiting = least if waiting is None else waiting
        head = [least, waiting, waiting if want is None else want, life, slot]
        reply = script(keys=names, args=[*head, *rest, EPOCH, at // 1000, at % 1000 * 1000])
        return reply[0], reply[2], [tuple(reply[i : i + 4]) for i in range(3, len(reply), 4)]

    return run


@pytest.fixture
def give_back(store):
    return store.register_script((FOLDER / "give_back.lua").read_text())


# In the future, so that nothing expires by Redis's own clock meanwhile.
START = 4_000_000_000_000


@pytest.mark.parametrize("seed", range(6))
def test_sliding_window_is_never_exceeded_and_wastes_at_most_two_parts(take, store, seed):
    """Calls may be made at any moment while their block is valid; every stretch is looked at."""
    chance = random.Random(seed)
    seconds = chance.choice([1, 10, 60])
    length, quota = seconds * 1000, chance.choice([5, 40, 200])
    part = length // counting.SLIDING_PARTS
    limit = ("c:slide", "s", quota, 0, length, part, 0)
    now, taken, used = START + chance.randrange(10_000), [], []
    for _ in range(400):
        now += chance.choice([0, 1, part // 2, part, length // 20, length // 3, length])
        least = chance.choice([1, 1, 2, 5])
        want = least + chance.choice([0, 0, 3, 20])
        calls, life, [(left, reset, _, _)] = take([limit], at=now, least=least, want=want)
        # Whatever was taken so long ago cannot count any more.
        certain = sum(n for at, n in taken if at > now - length - 3 * part)
        assert calls == 0 or least <= calls <= max(want, least)
        if calls == 0:
            assert certain + least > quota
            assert left < least
            if least <= quota:
                # Never too early: at the moment that was told, exactly these calls fit.
                again, _, _ = take([limit], at=now + reset, least=least, want=0)
                _, _, [(later, _, _, _)] = take([limit], at=now + reset, least=least, want=0)
                assert again == 0
                assert later >= least
        taken.append((now, calls))
        used += [now + chance.randint(0, life) for _ in range(calls)]
    used.sort()
    for index, last in enumerate(used):
        assert index + 1 - bisect_right(used, last - length) <= quota


@pytest.mark.parametrize("seed", range(4))
def test_all_limits_count_or_none(take, store, seed):
    """Against a model: calendar windows, costs, soft and hard limits at once."""
    chance = random.Random(seed)
    model = {}
    now = START
    limits = [("a", 10, 20, False), ("b", 60, 70, False), ("c", 3600, 150, True)]
    for _ in range(300):
        now += chance.choice([0, 0, 1, 500, 3000, 20_000])
        second = now // 1000
        asked, keys = [], []
        for name, length, quota, soft in limits:
            start = second - second % length
            asked.append(
                (f"c:{name}", "w", quota, int(soft), start, start + length, start + 2 * length)
            )
            keys.append((name, start))
        least = chance.choice([1, 1, 3])
        left = [
            quota - model.get(key, 0) for key, (_, _, quota, _) in zip(keys, limits, strict=True)
        ]
        calls, life, standings = take(asked, at=now, least=least, waiting=least)
        is_refused = left[0] < least or left[1] < least
        assert calls == (0 if is_refused else least)
        assert [standing[0] for standing in standings] == left
        assert [standing[2] for standing in standings] == [0, 0, int(left[2] < least)]
        for (_, start), (_, length, _, _), standing in zip(keys, limits, standings, strict=True):
            assert standing[1] == (start + length) * 1000 - now
            assert now + life < (start + length) * 1000
        for key in keys:
            model[key] = model.get(key, 0) + calls


def test_window_that_ended_since_it_was_computed_is_not_counted_in(take, store):
    """The authorizer names two windows; the script takes the one of its own clock, or says no."""
    second = START // 1000
    limit = ("c:w", "w", 5, 0, second, second + 10, second + 20)
    assert take([limit], at=START + 9_999)[2][0][3] == str(second).encode()
    assert take([limit], at=START + 10_000)[2][0][3] == str(second + 10).encode()
    assert take([limit], at=START + 20_000)[0] == -1
    assert take([limit], at=START - 1)[0] == -1
    assert int(store.get(f"c:w:{second}")) == int(store.get(f"c:w:{second + 10}")) == 1


def test_two_limits_on_one_counter_count_a_call_once(take, store):
    second = START // 1000
    limits = [
        ("c:same", "w", 5, 0, second, second + 10, second + 20),
        ("c:same", "w", 3, 1, second, second + 10, second + 20),
    ]
    for left in (5, 4, 3, 2, 1):
        calls, _, standings = take(limits, at=START)
        assert (calls, standings[0][0]) == (1, left)
    assert take(limits, at=START)[0] == 0


def test_costly_call_waits_without_blocking_the_cheaper(take, store):
    second = START // 1000
    limit = ("c:w", "w", 5, 0, second, second + 10, second + 20)
    assert take([limit], at=START, least=3)[0] == 3
    assert take([limit], at=START, least=3)[0] == 0
    assert take([limit], at=START, least=2)[0] == 2


def test_block_is_small_where_little_is_left(take, store):
    second = START // 1000
    limit = ("c:w", "w", 1000, 0, second, second + 10, second + 20)
    sizes = []
    while size := take([limit], at=START, least=1, want=10_000)[0]:
        sizes.append(size)
    assert sizes[0] == 15
    assert sum(sizes) == 1000
    assert all(size == 1 for size in sizes[-100:])


def test_what_is_given_back_leaves_no_trace_and_never_more(take, give_back, store):
    second = START // 1000
    limits = [
        ("c:w", "w", 100, 0, second, second + 10, second + 20),
        ("c:s", "s", 100, 0, 10_000, 100, 0),
    ]
    _, _, [window, sliding] = take(limits, at=START, least=10)
    marks = ["w", window[3], "s", sliding[3]]
    names = [f"c:w:{second}", "c:s"]
    give_back(keys=names, args=[4, *marks, EPOCH])
    assert [standing[0] for standing in take(limits, at=START, want=0)[2]] == [94, 94]
    give_back(keys=names, args=[-4, *marks, EPOCH])
    assert [standing[0] for standing in take(limits, at=START, want=0)[2]] == [90, 90]
    give_back(keys=names, args=[1000, *marks, EPOCH])
    assert [standing[0] for standing in take(limits, at=START, want=0)[2]] == [100, 100]
    give_back(keys=["c:gone:1", "c:gone"], args=[5, *marks, EPOCH])
    assert not store.exists("c:gone:1", "c:gone")


def test_nothing_is_counted_in_lost_counters_nor_given_back_to_restored_ones(
    take, give_back, store
):
    second = START // 1000
    limit = ("c:w", "w", 100, 0, second, second + 10, second + 20)
    _, _, [window] = take([limit], at=START, least=10)
    store.set("g:counters", "2.b")
    give_back(keys=[f"c:w:{second}"], args=[10, "w", window[3], EPOCH])
    assert int(store.get(f"c:w:{second}")) == 10
    assert take([limit], at=START)[0] == -2
    store.delete("g:counters")
    assert take([limit], at=START)[0] == -2
    assert int(store.get(f"c:w:{second}")) == 10


def test_asking_counts_nothing(take, store):
    second = START // 1000
    limits = [
        ("c:w", "w", 1, 0, second, second + 10, second + 20),
        ("c:s", "s", 1, 0, 10_000, 100, 0),
        ("c:c", "c", 1, 0, 30_000, 0, 0),
    ]
    for _ in range(3):
        calls, _, standings = take(limits, at=START, want=0)
        assert (calls, [standing[0] for standing in standings]) == (0, [1, 1, 1])
    assert not list(store.scan_iter("c:*"))


def test_counters_of_sliding_windows_stay_small_and_end(take, store):
    limit = ("c:s", "s", 10**6, 0, 60_000, 600, 0)
    for step in range(1000):
        take([limit], at=START + step * 1000)
    assert store.hlen("c:s") <= counting.SLIDING_PARTS + 2
    assert 0 < store.ttl("c:s") <= 125
