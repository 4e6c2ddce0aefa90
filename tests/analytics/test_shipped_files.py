"""One shipper follows many files: each from its own place, whatever happens to it or to the others."""

import dataclasses
import json
import os
import shutil
from pathlib import Path

import pytest

from apim.gateway import shipper as shipper_module
from apim.gateway.shipping import files, follower
from tests.analytics.receiver import FakeIntake
from tests.analytics.test_shipper import OneFile, Running, received_once, start, write
from tests.deadline import eventually


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(follower, "ROTATION_GRACE_SECONDS", 0.05)
    monkeypatch.setattr(shipper_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(files, "LOOK_SECONDS", 0.01)


@pytest.fixture
def intake():
    server = FakeIntake()
    yield server
    server.stop()


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    return folder


@pytest.fixture
def settings(tmp_path, logs, intake):
    """All JSON files of a folder."""
    return OneFile(
        files=(str(logs / "*.json"),),
        url=intake.url,
        token="gwt_token",
        checkpoint=tmp_path / "state" / "shipper.checkpoint",
        heartbeat=tmp_path / "alive",
        max_batch=100,
    )


def places(settings) -> set[str]:
    """The names of the files whose place is kept."""
    found = settings.checkpoint.parent.glob(f"{settings.checkpoint.name}.*.json.*")
    return {one.name.split(".")[2] for one in found if not one.name.endswith(".new")}


def test_a_pattern_finds_files_now_and_later(settings, logs, intake):
    write(logs / "a.json", 1, 2)
    (logs / "a.txt").write_text("nothing of ours\n")
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))
        write(logs / "b.json", 3)
        write(logs / "a.json", 4)
        eventually(lambda: received_once(intake, 1, 2, 3, 4))


def test_each_file_goes_on_from_its_own_place(settings, logs, intake):
    for _ in range(3):
        before = len(intake.received)
        write(logs / "a.json", *range(before, before + 150))
        write(logs / "b.json", f"b{before}")
        with Running(settings):
            eventually(lambda before=before: len(intake.received) == before + 151)
    assert set(intake.received.values()) == {1}
    assert places(settings) == {"a", "b"}


def test_what_rotation_leaves_is_neither_lost_nor_doubled(settings, logs, intake):
    everything = dataclasses.replace(settings, files=(str(logs / "*"),))
    write(logs / "renamed.json", 1)
    write(logs / "copied.json", 2)
    with Running(everything):
        eventually(lambda: received_once(intake, 1, 2))
        (logs / "old.json.1.gz").write_bytes(b"\x1f\x8b packed")
        write(logs / "renamed.json", 3)
        (logs / "renamed.json").rename(logs / "renamed.json.1")
        write(logs / "renamed.json", 4)
        write(logs / "copied.json", 5)
        shutil.copy(logs / "copied.json", logs / "copied.json-20261121")
        os.truncate(logs / "copied.json", 0)
        eventually(lambda: {"1", "2", "3", "4", "5"} <= set(intake.received))
        write(logs / "copied.json", 6)
        eventually(lambda: received_once(intake, 1, 2, 3, 4, 5, 6))


def test_one_file_that_cannot_be_read_does_not_hold_up_the_others(settings, logs, intake, caplog):
    several = dataclasses.replace(settings, files=(str(logs / "folder.json"), str(logs / "a.json")))
    (logs / "folder.json").mkdir()
    write(logs / "a.json", 1)
    with Running(several):
        eventually(lambda: received_once(intake, 1))
    assert "folder.json cannot be read" in caplog.text


def test_a_file_with_a_backlog_does_not_hold_up_the_others(settings, logs, intake):
    write(logs / "long.json", *range(2000))
    write(logs / "short.json", "short")
    arrived = []
    intake.answer = lambda lines: arrived.append(lines) or 200
    with Running(settings):
        eventually(lambda: len(intake.received) == 2001)
    first = next(place for place, lines in enumerate(arrived) if b"short" in lines[0])
    assert first <= 2
    assert max(map(len, arrived)) == 100, "one batch of one file at a time is in memory"


def test_a_second_file_does_not_send_the_first_one_again(settings, logs, intake):
    one = dataclasses.replace(settings, files=(str(logs / "a.json"),))
    write(logs / "a.json", 1, 2)
    with Running(one):
        eventually(lambda: received_once(intake, 1, 2))
    write(logs / "a.json", 3)
    write(logs / "b.json", 4)
    with Running(dataclasses.replace(settings, files=(*one.files, str(logs / "b.json")))):
        eventually(lambda: received_once(intake, 1, 2, 3, 4))


def test_a_vanished_file_is_let_go_and_a_new_one_of_its_name_is_read_whole(
    settings, logs, intake, monkeypatch
):
    monkeypatch.setattr(files, "GONE_SECONDS", 0.05)
    write(logs / "day.json", 1, 2)
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))
        (logs / "day.json").unlink()
        eventually(lambda: places(settings) == set())
        write(logs / "day.json", 3)
        eventually(lambda: received_once(intake, 1, 2, 3))


def test_a_file_that_nobody_writes_to_is_closed_and_still_looked_at(
    settings, logs, intake, monkeypatch
):
    monkeypatch.setattr(files, "IDLE_SECONDS", 0.3)
    write(logs / "a.json", 1)
    with Running(settings):
        eventually(lambda: received_once(intake, 1))
        eventually(lambda: not is_open(logs / "a.json"))
        write(logs / "a.json", 2)
        eventually(lambda: received_once(intake, 1, 2))
        eventually(lambda: not is_open(logs / "a.json"))
        (logs / "a.json").rename(logs / "a.json.1")
        write(logs / "a.json", 3)
        eventually(lambda: received_once(intake, 1, 2, 3))


def is_open(path: Path) -> bool:
    links = Path("/proc/self/fd").iterdir()
    return any(os.path.realpath(link) == str(path) for link in links)


@pytest.mark.parametrize("way", ["renamed", "copied"])
def test_a_file_rotated_before_its_first_line_was_delivered_is_not_lost(
    settings, logs, intake, way
):
    intake.answer = lambda _lines: 503
    write(logs / "a.json", 1, 2)
    with Running(settings):
        eventually(lambda: places(settings) == {"a"})
    if way == "renamed":
        (logs / "a.json").rename(logs / "a.json.1")
    else:
        shutil.copy(logs / "a.json", logs / "a.json.1")
        os.truncate(logs / "a.json", 0)
    write(logs / "a.json", 3)
    intake.answer = lambda _lines: 200
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2, 3))


@pytest.mark.processes
def test_killed_at_any_moment_while_files_are_rotated_it_loses_no_line(settings, logs, intake):
    rng = iter(range(10_000))
    sent = set()

    def log(name, count=20):
        ids = [f"{name}-{next(rng)}" for _ in range(count)]
        write(logs / name, *ids)
        sent.update(ids)

    arguments = ["--file", str(logs / "*.json"), "--file", str(logs / "extra.log")]
    for turn in range(3):
        process = start(settings, *arguments)
        before = len(intake.batches)
        for _ in range(5):
            for name in ("a.json", "b.json", "extra.log"):
                log(name)
        eventually(lambda before=before: len(intake.batches) > before)
        process.kill()
        process.wait()
        log("a.json")
        (logs / "a.json").rename(logs / f"a.json.{3 - turn}")
        log("b.json")
        shutil.copy(logs / "b.json", logs / f"b.json.{3 - turn}")
        os.truncate(logs / "b.json", 0)
    log("a.json")
    log("b.json")
    process = start(settings, *arguments)
    try:
        eventually(lambda: set(intake.received) == sent, seconds=60)  # a grace for each generation
        assert json.loads(settings.heartbeat.read_text())["failing_seconds"] == 0
    finally:
        process.terminate()
        assert process.wait(10) == 0
