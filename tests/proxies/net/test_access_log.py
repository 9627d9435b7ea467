"""What is written down of requests: which, how much, and that nothing can forge a line."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from proxies.net.access_log import AccessLog, line_of, new_reports, size_of
from proxies.net.taps import TapReports
from proxies.wire import logs, reports, taps

EDGE = ("source", "shop/frontend", "v1", "shop/cart", "v2", "default", "http", True)
LONGEST = "\\" * 256


def record(**more: Any) -> logs.LogRecord:
    return logs.LogRecord(1_700_000_000_123_456, 2500, "client", *EDGE, "127.0.0.1", "", 200, "", **more)  # type: ignore[arg-type]


def longest() -> logs.LogRecord:
    texts = {name: LONGEST for name in ("host", "path", "user_agent", "request_id", "rule", "endpoint")}
    return record(trace_id="f" * 32, **texts)


class Sink:
    def __init__(self) -> None:
        self.lines: list[bytes] = []

    def write(self, line: bytes) -> None:
        self.lines.append(line)


def trace(last: str) -> list[bytes]:
    return [b"GET / HTTP/1.1", f"traceparent: 00-{last.rjust(32, '1')}-{'2' * 16}-00".encode(), b"\r\n"]


@pytest.mark.parametrize(
    ("percent", "code", "flags", "lines", "wanted"),
    [
        (0, 200, "", [], False),
        (0, 404, "", [], False),
        (0, 499, "", [], False),
        (0, 500, "", [], True),
        (0, 0, "", [], True),
        (0, 403, "UAEX", [], True),
        (0, 429, "RL", [], True),
        (0, 0, "DC", [], True),
        (100, 200, "", [], True),
        (50, 200, "", trace("00000000"), True),
        (50, 200, "", trace("7fffffff"), True),
        (50, 200, "", trace("80000000"), False),
        (50, 200, "", trace("ffffffff"), False),
        (50, 503, "", trace("ffffffff"), True),
    ],
)
def test_what_failed_is_written_and_a_share_of_the_rest(
    percent: float, code: int, flags: str, lines: list[bytes], wanted: bool
) -> None:
    log = AccessLog(logs.AccessLog(percent=percent), None, new_reports())
    assert log.wants(code, flags, lines) is wanted


def test_about_the_share_of_requests_without_a_trace() -> None:
    log = AccessLog(logs.AccessLog(percent=20), None, new_reports())
    assert 100 < sum(log.wants(200, "", []) for _ in range(1000)) < 320


def test_a_line_is_json_with_a_time_that_people_read() -> None:
    line = line_of(record(path="/a", first_byte_us=1200))
    told = json.loads(line)
    assert line.count(b"\n") == 1
    assert line.endswith(b"}\n")
    assert told["time"] == "2023-11-14T22:13:20.123456Z"
    assert (told["duration_ms"], told["first_byte_ms"]) == (2.5, 1.2)
    assert (told["source"], told["destination"], told["path"], told["code"]) == (
        "shop/frontend",
        "shop/cart",
        "/a",
        200,
    )
    assert json.loads(line_of(record()))["first_byte_ms"] is None


def test_no_text_breaks_the_line() -> None:
    line = line_of(record(user_agent='"}\n{"code": 200', path="a\rb"))
    assert line.count(b"\n") == 1
    assert b"\r" not in line
    assert json.loads(line)["user_agent"] == '"}\n{"code": 200'


def test_the_longest_line_is_written_in_one_piece() -> None:
    assert len(line_of(longest())) <= 4096


def test_reports_are_made_where_they_are_wanted() -> None:
    waiting, sink = new_reports(), Sink()
    AccessLog(logs.AccessLog(), sink, waiting).write(record())  # type: ignore[arg-type]
    assert (len(sink.lines), waiting.collect()) == (1, ([], 0))
    AccessLog(logs.AccessLog(report=True), None, waiting).write(record())
    assert waiting.collect() == ([record()], 0)


def test_a_report_stays_below_what_an_entry_may_be() -> None:
    waiting, copies = new_reports(), TapReports()
    long = [("x" * 256, LONGEST)] * taps.MAX_HEADERS
    for _ in range(2000):
        waiting.add(longest())
        copies.add(taps.TapRecord("t", longest(), "x" * taps.MAX_TARGET, long, long))
    told, dropped = waiting.collect()
    copied, _ = copies.collect()
    assert len(told) + dropped == 2000
    assert told
    assert copied
    telemetry = reports.Telemetry("px-1", 1, 1, 1.0, [], logs=told, dropped_logs=dropped, taps=copied)
    assert len(reports.entry(b"k", telemetry)[b"d"]) < 400 * 1024


def test_no_record_is_larger_than_it_is_taken_for() -> None:
    for each in (record(), longest()):
        assert len(msgspec.msgpack.encode(each)) <= size_of(each)
