"""The shipper delivers every line at least once, whatever happens to the file or the intake."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from apim.gateway import shipper as shipper_module
from apim.gateway.shipper import Settings, Shipper, is_alive, main
from apim.gateway.shipping import follower
from apim.gateway.shipping.checkpoint import Checkpoint, CheckpointProblem
from apim.gateway.shipping.delivery import Receiver, Verdict
from tests.analytics.receiver import FakeIntake
from tests.deadline import eventually

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(follower, "ROTATION_GRACE_SECONDS", 0.05)
    monkeypatch.setattr(shipper_module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr("apim.gateway.shipping.delivery.RETRY_BASE_SECONDS", 0.01)


@pytest.fixture
def intake():
    server = FakeIntake()
    yield server
    server.stop()


class OneFile(Settings):
    @property
    def file(self) -> Path:
        return Path(self.files[0])


@pytest.fixture
def settings(tmp_path, intake):
    return OneFile(
        files=(str(tmp_path / "access.log"),),
        url=intake.url,
        token="gwt_token",
        checkpoint=tmp_path / "state" / "shipper.checkpoint",
        heartbeat=tmp_path / "alive",
        max_batch=100,
    )


class Running:
    """A shipper in a thread; `with` stops it in order."""

    def __init__(self, settings):
        self.shipper = Shipper(settings)
        self.thread = threading.Thread(target=self.shipper.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self.shipper

    def __exit__(self, *_):
        self.shipper.stop()
        self.thread.join(10)
        assert not self.thread.is_alive()


def write(path: Path, *ids: object, mode: str = "a") -> None:
    with path.open(mode) as log:
        log.writelines(json.dumps({"id": str(name), "path": "/x" * 20}) + "\n" for name in ids)


def received_once(intake, *ids) -> bool:
    return dict(intake.received) == {str(name): 1 for name in ids}


def test_lines_arrive_in_batches_of_the_agreed_size_with_the_token(settings, intake):
    write(settings.file, *range(250))
    with Running(settings):
        eventually(lambda: received_once(intake, *range(250)))
    assert intake.batches == [100, 100, 50]
    assert intake.tokens == {"Bearer gwt_token"}


def test_a_file_that_appears_later_and_grows_is_followed(settings, intake):
    with Running(settings):
        write(settings.file, 1)
        eventually(lambda: received_once(intake, 1))
        write(settings.file, 2, 3)
        eventually(lambda: received_once(intake, 1, 2, 3))


def test_a_line_is_sent_only_when_it_is_whole(settings, intake):
    with Running(settings), settings.file.open("wb", buffering=0) as log:
        log.write(b'{"id": "1"}\n{"id": ')
        eventually(lambda: received_once(intake, 1))
        log.write(b'"2"}\n')
        eventually(lambda: received_once(intake, 1, 2))


def test_a_restart_goes_on_where_it_was(settings, intake):
    write(settings.file, 1, 2)
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))
    write(settings.file, 3)
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2, 3))


def test_a_stop_delivers_the_last_lines(settings, intake):
    write(settings.file, *range(1000))
    with Running(settings):
        pass
    assert received_once(intake, *range(1000))


def test_a_renamed_file_is_read_to_its_end_before_the_new_one(settings, intake):
    with Running(settings), settings.file.open("a") as old_handle:
        write(settings.file, 1)
        eventually(lambda: received_once(intake, 1))
        settings.file.rename(settings.file.with_name("access.log.1"))
        old_handle.write('{"id": "2"}\n')  # the writer has not noticed yet
        old_handle.flush()
        write(settings.file, 3)
        eventually(lambda: received_once(intake, 1, 2, 3))


def test_files_rotated_while_the_shipper_was_down_are_all_read(settings, intake):
    write(settings.file, 1)
    with Running(settings):
        eventually(lambda: received_once(intake, 1))
    write(settings.file, 2)
    for generation, name in ((2, 3), (1, 4)):
        settings.file.rename(settings.file.with_name(f"access.log.{generation}"))
        write(settings.file, name)
    for seconds, name in ((30, "access.log.2"), (20, "access.log.1"), (10, "access.log")):
        status = settings.file.with_name(name).stat()
        os.utime(settings.file.with_name(name), (status.st_atime, status.st_mtime - seconds))
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2, 3, 4))


def test_copy_and_truncate_loses_nothing_even_between_two_looks(settings, intake):
    write(settings.file, 1, 2)
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))
    write(settings.file, 3)
    shutil.copy(settings.file, settings.file.with_name("access.log.1"))
    os.truncate(settings.file, 0)
    write(settings.file, *range(10, 20))  # by now longer than it was
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2, 3, *range(10, 20)))


def test_a_truncated_file_is_read_from_its_beginning(settings, intake):
    with Running(settings):
        write(settings.file, 1, 2, 3)
        eventually(lambda: received_once(intake, 1, 2, 3))
        write(settings.file, 4, mode="w")
        eventually(lambda: received_once(intake, 1, 2, 3, 4))


def test_an_unfinished_last_line_of_a_rotated_file_is_handed_over(settings, intake):
    kept = []
    intake.take = lambda text, _token: kept.extend(text.split()) or 200
    settings.file.write_bytes(b'{"id":"1"}\n{"id":"cut')
    with Running(settings):
        eventually(lambda: kept)
        settings.file.rename(settings.file.with_name("access.log.1"))
        settings.file.write_bytes(b'{"id":"2"}\n')
        eventually(lambda: kept == [b'{"id":"1"}', b'{"id":"cut', b'{"id":"2"}'])


def test_a_line_without_end_does_not_fill_the_memory(settings, intake):
    with settings.file.open("wb") as log:
        log.write(b'{"id":"1"}\n')
        log.write(b"x" * (5 * follower.MAX_LINE_BYTES))
        log.write(b'\n{"id":"2"}\n')
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))


def test_an_intake_that_is_away_gets_everything_when_it_is_back(settings, intake):
    port = intake.port
    write(settings.file, *range(50))
    with Running(settings):
        eventually(lambda: received_once(intake, *range(50)))
        intake.stop()
        write(settings.file, *range(50, 120))
        eventually(lambda: json.loads(settings.heartbeat.read_text())["failing_seconds"] > 0)
        back = FakeIntake(port)
        try:
            eventually(lambda: received_once(back, *range(50, 120)))
        finally:
            back.stop()


@pytest.mark.parametrize("status", [401, 403, 404, 408, 429, 500, 503])
def test_an_answer_that_may_change_is_waited_for(settings, intake, status):
    answers = iter([status, status])
    intake.answer = lambda _lines: next(answers, 200)
    write(settings.file, 1, 2)
    with Running(settings):
        eventually(lambda: received_once(intake, 1, 2))
    assert not settings.refused.exists()


def test_a_connection_that_the_receiver_closed_while_it_was_idle_is_no_failure():
    with socket.create_server(("127.0.0.1", 0)) as server:
        closed = threading.Event()

        def answer_one_request_per_connection():
            for _ in range(2):
                peer, _address = server.accept()
                with peer:
                    peer.recv(65536)
                    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                closed.set()

        answering = threading.Thread(target=answer_one_request_per_connection, daemon=True)
        answering.start()
        receiver = Receiver("http://{}:{}/".format(*server.getsockname()), "gwt_token")
        assert receiver.post([b"{}"]).verdict is Verdict.DELIVERED
        assert closed.wait(10)
        assert receiver.post([b"{}"]).verdict is Verdict.DELIVERED
        answering.join(10)


def test_only_the_refused_line_is_put_aside(settings, intake):
    intake.answer = lambda lines: 422 if any(b'"bad' in line for line in lines) else 200
    write(settings.file, *range(20), "bad1", *range(20, 70), "bad2")
    with Running(settings):
        eventually(lambda: received_once(intake, *range(70)))
        eventually(lambda: len(settings.refused.read_text().splitlines()) == 2)
    assert [json.loads(line)["id"] for line in settings.refused.open()] == ["bad1", "bad2"]
    assert settings.refused.stat().st_mode & 0o077 == 0


def test_a_batch_that_is_too_large_is_sent_in_parts(settings, intake):
    intake.answer = lambda lines: 413 if len(lines) > 10 else 200
    write(settings.file, *range(100))
    with Running(settings):
        eventually(lambda: received_once(intake, *range(100)))
    assert max(intake.batches) <= 10


def test_two_shippers_never_share_a_checkpoint(settings):
    first = Checkpoint(settings.checkpoint)
    with pytest.raises(CheckpointProblem, match="another shipper"):
        Checkpoint(settings.checkpoint)
    first.close()
    Checkpoint(settings.checkpoint).close()


def test_a_damaged_checkpoint_is_named_and_not_guessed(settings):
    checkpoint = Checkpoint(settings.checkpoint)
    settings.checkpoint.write_text("{")
    with pytest.raises(CheckpointProblem, match="cannot be read"):
        checkpoint.only_place().load()
    checkpoint.close()


def environment(settings) -> dict[str, str]:
    return os.environ | {
        "APIM_SHIPPER_FILE": str(settings.file),
        "APIM_SHIPPER_URL": settings.url,
        "APIM_SHIPPER_TOKEN": settings.token,
        "APIM_SHIPPER_CHECKPOINT": str(settings.checkpoint),
        "APIM_SHIPPER_HEARTBEAT": str(settings.heartbeat),
        "APIM_SHIPPER_MAX_BATCH": "50",
    }


def start(settings, *arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "apim.gateway.shipper", *arguments]
    return subprocess.Popen(command, env=environment(settings), cwd=ROOT, stderr=subprocess.PIPE)


@pytest.mark.processes
def test_a_shipper_killed_at_any_moment_loses_no_line(settings, intake):
    written = 0
    for _ in range(5):
        process = start(settings)
        before = len(intake.batches)
        for _ in range(10):
            write(settings.file, *range(written, written + 20))
            written += 20
        eventually(lambda before=before: len(intake.batches) > before)
        process.kill()
        process.wait()
    process = start(settings)
    eventually(lambda: set(intake.received) == {str(number) for number in range(written)})
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.processes
def test_health_tells_whether_a_shipper_lives(settings, monkeypatch):
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert main(["--health"]) == 1
    process = start(settings)
    try:
        eventually(lambda: is_alive(settings.heartbeat))
        assert main(["--health"]) == 0
    finally:
        process.kill()
        process.wait()
    old = settings.heartbeat.stat().st_mtime - 3600
    os.utime(settings.heartbeat, (old, old))
    assert main(["--health"]) == 1


def test_a_missing_setting_is_named_in_one_line(monkeypatch, caplog):
    monkeypatch.delenv("APIM_SHIPPER_FILE", raising=False)
    monkeypatch.delenv("APIM_SHIPPER_CHECKPOINT", raising=False)
    assert main([]) == 2
    assert "APIM_SHIPPER_CHECKPOINT is not set" in caplog.text
