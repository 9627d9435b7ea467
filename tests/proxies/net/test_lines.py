"""Lines written beside the requests: whole, in order, to where the file is now, and never at a request's cost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from proxies.net import lines
from proxies.net.lines import Lines, lines_to
from tests.support.poll import until


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "GATHER_S", 0.0)
    monkeypatch.setattr(lines, "LOOK_S", 0.0)


def test_lines_arrive_in_order(tmp_path: Path) -> None:
    found = Lines(str(tmp_path / "log"))
    expected = [b"%d %b\n" % (number, b"x" * (number % 900)) for number in range(2000)]
    for line in expected:
        found.write(line)
    found.close()
    assert (tmp_path / "log").read_bytes().splitlines(keepends=True) == expected
    assert found.dropped == 0


def test_a_file_that_was_rotated_is_opened_anew(tmp_path: Path) -> None:
    log, old = tmp_path / "log", tmp_path / "log.1"
    found = Lines(str(log))
    found.write(b"before\n")
    until(lambda: log.read_bytes() == b"before\n", "it is written")
    log.rename(old)
    found.write(b"after\n")
    until(lambda: log.exists() and log.read_bytes() == b"after\n", "it is written to the new file")
    log.unlink()
    found.write(b"again\n")
    until(lambda: log.exists() and log.read_bytes() == b"again\n", "it is written to a new file")
    found.close()
    assert old.read_bytes() == b"before\n"


def test_two_processes_may_append_to_one_file(tmp_path: Path) -> None:
    pair = [Lines(str(tmp_path / "log")) for _ in range(2)]
    for number in range(300):
        for name, each in zip((b"a", b"b"), pair, strict=True):
            each.write(b"%b%d\n" % (name * 500, number))
    for each in pair:
        each.close()
    found = (tmp_path / "log").read_bytes().splitlines()
    assert sorted(found) == sorted(b"%b%d" % (n * 500, i) for n in (b"a", b"b") for i in range(300))


def test_who_takes_nothing_holds_nobody_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_WAITING", 100_000)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    found = Lines(str(tmp_path / "pipe"))
    for _ in range(1000):
        found.write(b"x" * 999 + b"\n")
    assert found.dropped > 0, "there was no room for all of it"
    os.set_blocking(reader, True)
    taken = b""
    while taken.count(b"\n") + found.dropped < 1000:
        taken += os.read(reader, 65536)
    assert set(taken.splitlines()) == {b"x" * 999}
    os.close(reader)


def test_lines_that_cannot_be_written_are_counted(tmp_path: Path) -> None:
    found = Lines("/dev/full")
    found.write(b"lost\n")
    found.write(b"too\n")
    found.close()
    assert found.dropped == 2


def test_where_they_go_is_said_in_a_word(tmp_path: Path) -> None:
    assert lines_to("none") is None
    with pytest.raises(OSError, match="nowhere"):
        lines_to(str(tmp_path / "nowhere" / "log"))
