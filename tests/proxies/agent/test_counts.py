"""Asking Redis about shared limits: in order, in time, and not at all where it hangs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from proxies.agent import counts as counting
from proxies.agent.counts import RedisCounts
from proxies.agent.resp import RedisError
from proxies.core.gcra import Rate
from proxies.core.shared import Question, Shared, Verdict
from proxies.core.usage import Use
from proxies.wire.routing import RateLimit

LIMIT = Shared(RateLimit(name="a", requests=1), Rate(1000.5, 3000.0), lambda head, peer: (), Use())
QUESTION = Question([LIMIT], ["mesh:limit:in:shop/catalog:a:0"])


class FakeConnection:
    def __init__(self) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.waiting: list[Callable[[Any], None]] = []

    def send(self, *command: Any, then: Callable[[Any], None]) -> None:
        self.sent.append(command)
        self.waiting.append(then)

    def answer(self, reply: Any) -> None:
        self.waiting.pop(0)(reply)


class Stage:
    def __init__(self) -> None:
        self.connection: FakeConnection | None = FakeConnection()
        self.verdicts: list[Verdict | None] = []
        self.counts = RedisCounts()
        self.counts.use(lambda: self.connection)  # type: ignore[arg-type, return-value]

    def ask(self) -> None:
        self.counts.ask(QUESTION, self.verdicts.append)

    async def waited(self, verdicts: int) -> None:
        async with asyncio.timeout(5):
            while len(self.verdicts) < verdicts:
                await asyncio.sleep(0.002)


async def test_questions_are_pipelined_and_answers_belong_to_them() -> None:
    stage = Stage()
    connection = stage.connection
    assert connection is not None
    for _ in range(3):
        stage.ask()
    call = ("FCALL", "mesh_limit", 1, "mesh:limit:in:shop/catalog:a:0", "1000.5", "3000.0")
    assert connection.sent == [call] * 3
    connection.answer([0, 0])
    connection.answer([1, 2_500_000])
    connection.answer(RedisError("ERR Function not found"))
    assert stage.verdicts == [Verdict(), Verdict(0, 2.5), None]
    assert stage.counts.trouble.count == 1


async def test_without_a_connection_nobody_waits() -> None:
    stage = Stage()
    stage.connection = None
    stage.ask()
    assert stage.verdicts == [None]


async def test_a_server_that_hangs_holds_up_what_was_asked_and_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ANSWER_S", 0.02)
    stage = Stage()
    connection = stage.connection
    assert connection is not None
    stage.ask()
    stage.ask()
    await stage.waited(2)
    assert stage.verdicts == [None, None]
    stage.ask()
    assert len(stage.verdicts) == 3, "answered at once"
    assert len(connection.sent) == 2, "and not asked"
    connection.answer([0, 0])
    connection.answer([1, 5])
    assert len(stage.verdicts) == 3, "what comes late changes nothing"
    stage.ask()
    connection.answer([0, 0])
    assert stage.verdicts[3:] == [Verdict()]


async def test_each_question_has_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "ANSWER_S", 0.02)
    stage = Stage()
    connection = stage.connection
    assert connection is not None
    stage.ask()
    connection.answer([0, 0])
    await asyncio.sleep(0.01)
    stage.ask()
    await stage.waited(2)
    assert stage.verdicts == [Verdict(), None]


async def test_a_lost_connection_answers_what_was_asked() -> None:
    stage = Stage()
    connection = stage.connection
    assert connection is not None
    stage.ask()
    connection.answer(RedisError("closed by the server"))
    assert stage.verdicts == [None]
