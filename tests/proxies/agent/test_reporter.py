from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from proxies.agent import reporter as reporting
from proxies.agent.reporter import Reporter
from proxies.agent.resp import RedisError
from proxies.wire import keys, reports
from proxies.wire.logs import LogRecord
from proxies.wire.taps import TapUse
from tests.proxies.agent.fakes import FakeEngine
from tests.proxies.agent.mesh import MASTER, PROXY


class FakeConnection:
    """Takes commands; ``answer`` answers them."""

    def __init__(self) -> None:
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.sent: list[reports.Telemetry] = []
        self.streams: set[Any] = set()
        self._waiting: list[Callable[[Any], None]] = []

    def send(self, *command: Any, then: Callable[[Any], None]) -> None:
        self.streams.add(command[1])
        fields = dict(zip(command[6::2], command[7::2], strict=True))
        self.sent.append(reports.read_telemetry(MASTER, fields))
        self._waiting.append(then)

    def answer(self, reply: Any = b"1-0") -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then(reply)

    def lose(self) -> None:
        self.lost.set_result(None)
        self.answer(RedisError("lost"))


class Stage:
    def __init__(self) -> None:
        self.connection: FakeConnection | None = None
        self.engine = FakeEngine()
        self.reporter = Reporter(
            self.engine,
            proxy_id=PROXY,
            report_key=reports.proxy_key(MASTER, PROXY),
            proxy_version="test",
            connection=lambda: self.connection,  # type: ignore[arg-type, return-value]
            not_after=lambda: 123.0,
        )


async def test_each_second_is_signed_and_goes_to_the_proxys_shard() -> None:
    stage = Stage()
    stage.connection = FakeConnection()
    stage.reporter.report()
    (second,) = stage.connection.sent
    assert (second.proxy, second.seq, second.certificate_not_after) == (PROXY, 1, 123.0)
    assert stage.connection.streams == {keys.telemetry(PROXY)}


async def test_a_report_that_is_too_long_goes_without_what_tells_of_single_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    edge = ("source", "a/b", "v1", "c/d", "v1", "default", "http", True)
    record = LogRecord(1, 2, "client", *edge, "127.0.0.1", "", 200, "")
    delta = reports.EdgeDelta(*edge, [reports.Responses(200, "", 7)], 1, 2, [3, 7])
    stage = Stage()
    stage.connection = FakeConnection()
    engine = stage.engine
    monkeypatch.setattr(engine, "collect", lambda: [delta])
    monkeypatch.setattr(engine, "logs", lambda: ([record] * 20_000, 1))
    monkeypatch.setattr(engine, "taps", lambda: ([], [TapUse("t", 9, 2)]))
    stage.reporter.report()
    (second,) = stage.connection.sent
    assert second.edges == [delta]
    assert (second.logs, second.dropped_logs, second.tap_uses) == ([], 20_001, [TapUse("t", 9, 9)])


async def test_what_could_not_be_sent_is_sent_in_order_later() -> None:
    stage = Stage()
    for _ in range(3):
        stage.reporter.report()
    stage.connection = FakeConnection()
    stage.reporter.report()
    assert [second.seq for second in stage.connection.sent] == [1, 2, 3, 4]


async def test_what_was_not_answered_is_sent_again_on_the_next_connection() -> None:
    stage = Stage()
    stage.connection = first = FakeConnection()
    stage.reporter.report()
    first.answer()
    stage.reporter.report()
    first.lose()
    stage.connection = second = FakeConnection()
    stage.reporter.report()
    assert [second.seq for second in first.sent] == [1, 2]
    assert [one.seq for one in second.sent] == [2, 3]


async def test_nothing_is_sent_twice_on_one_connection() -> None:
    stage = Stage()
    stage.connection = FakeConnection()
    stage.reporter.report()
    stage.reporter.report()
    assert [second.seq for second in stage.connection.sent] == [1]
    stage.connection.answer()
    stage.reporter.report()
    assert [second.seq for second in stage.connection.sent] == [1, 2, 3]


async def test_the_oldest_seconds_are_dropped_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporting, "KEPT", 3)
    stage = Stage()
    for _ in range(7):
        stage.reporter.report()
    stage.connection = FakeConnection()
    stage.reporter.report()
    assert [(second.seq, second.dropped) for second in stage.connection.sent] == [(6, 5), (7, 0), (8, 0)]
    assert stage.reporter.dropped == 5


async def test_a_second_that_is_refused_is_given_up_and_counted() -> None:
    stage = Stage()
    stage.connection = FakeConnection()
    stage.reporter.report()
    stage.reporter.report()
    stage.connection.answer(RedisError("OOM"))
    stage.reporter.report()
    assert [(second.seq, second.dropped) for second in stage.connection.sent] == [(1, 0), (2, 1), (3, 0)]


def test_a_second_that_nobody_counted_is_small() -> None:
    second = reports.Telemetry(proxy=PROXY, boot=1, seq=1, at=1.0, edges=[])
    assert len(msgspec.msgpack.encode(second)) < 100
