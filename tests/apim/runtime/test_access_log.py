"""Envoy's log is turned over by size, and no line goes before the shipper has delivered it."""

import json
import signal

import pytest

from apim.runtime.accesslog import AccessLogTurnover


class Scene:
    def __init__(self, folder):
        self.log = folder / "access.log"
        self.checkpoint = folder / "checkpoint"
        self.turn_over = AccessLogTurnover(self.log, self.checkpoint, max_bytes=10)
        self.signals = []

    def run(self):
        self.turn_over(self.signals.append)

    def write(self, text):
        """Like Envoy, which goes on in the file that it has open until it gets the signal."""
        with self.log.open("a") as log:
            log.write(text)

    def deliver_into(self, path):
        stat = path.stat()
        self.checkpoint.write_text(
            json.dumps({"device": stat.st_dev, "inode": stat.st_ino, "offset": 1})
        )

    def old_files(self):
        return sorted(self.log.parent.glob("access.log.*"))


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_a_small_log_and_a_missing_one_are_left_alone(scene):
    scene.run()
    scene.write("short")
    scene.run()
    assert scene.signals == []
    assert scene.log.read_text() == "short"


def test_a_large_log_is_renamed_and_envoy_is_told(scene):
    scene.write("longer than ten")
    scene.run()
    assert scene.signals == [signal.SIGUSR1]
    (old,) = scene.old_files()
    assert old.read_text() == "longer than ten"


def test_an_old_file_goes_only_when_the_shipper_is_past_it(scene):
    scene.write("longer than ten")
    scene.run()
    scene.run()
    assert len(scene.old_files()) == 1, "nothing is delivered yet"
    scene.deliver_into(scene.old_files()[0])
    scene.write("new")
    scene.run()
    assert len(scene.old_files()) == 1, "the shipper is still in it"
    scene.deliver_into(scene.log)
    scene.run()
    assert scene.old_files() == []
    assert scene.log.read_text() == "new"


def test_a_place_that_is_in_no_file_removes_nothing(scene):
    scene.write("longer than ten")
    scene.run()
    scene.write("new")
    scene.checkpoint.write_text(json.dumps({"device": 0, "inode": 0, "offset": 0}))
    scene.run()
    assert len(scene.old_files()) == 1
