"""Log files turn over by size."""

from apim.runtime.logfile import RotatingLog


def test_a_log_never_takes_more_than_its_share_and_keeps_the_newest(tmp_path):
    log = RotatingLog(tmp_path / "web.log", max_bytes=100, kept=2)
    for number in range(100):
        log.write(f"line {number:03}\n".encode())
    log.close()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["web.log", "web.log.1", "web.log.2"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    kept = [(tmp_path / name).read_text() for name in reversed(names)]
    numbers = [int(line.split()[1]) for line in "".join(kept).splitlines()]
    assert numbers == list(range(numbers[0], 100))


def test_a_restart_appends_and_the_tail_shows_the_end(tmp_path):
    first = RotatingLog(tmp_path / "web.log")
    first.write(b"one\n")
    first.close()
    second = RotatingLog(tmp_path / "web.log")
    second.write(b"two\n")
    assert second.tail(5) == ["one", "two"]
    second.close()
