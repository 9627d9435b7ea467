"""Requests that wait for shared counts, over real sockets: nothing is lost, nothing is sent before the verdict."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from proxies.core.shared import Question, Then, Verdict
from proxies.net.engine import Engine
from proxies.wire.reports import LimitUse
from proxies.wire.resources import ResourceError
from tests.conformance.harness import (
    App,
    Conversation,
    Response,
    echo,
    endpoints,
    free_port,
    gateway,
    inbound,
    proxy,
    service,
)
from tests.proxies.net.test_engine import parse

LIMIT = {"name": "all", "requests": 5, "scope": "global"}
LIMITED = [{"name": "open", "match": {"path": {"kind": "prefix", "value": "/open"}}}, {"name": "r", "limits": [LIMIT]}]
HOST = "host: catalog.shop.mesh\r\n"


class Counts:
    """Answers when told to."""

    def __init__(self) -> None:
        self.waiting: list[Then] = []
        self.at_once: Verdict | None = None

    def ask(self, question: Question, then: Then) -> None:
        if self.at_once is not None:
            then(self.at_once)
        else:
            self.waiting.append(then)

    async def asked(self, count: int = 1) -> None:
        async with asyncio.timeout(5):
            while len(self.waiting) < count:
                await asyncio.sleep(0.002)

    def answer(self, verdict: Verdict | None) -> None:
        self.waiting.pop(0)(verdict)


class Stage:
    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.app = App(echo("app", self.heard))
        self.counts = Counts()
        self.engine = Engine(self.counts)
        self.engine.start()
        self.gateway, self.inbound = free_port(), free_port()
        for resource in parse(
            proxy(gateway(self.gateway), inbound(self.inbound, self.app.port)),
            service({"v1": 1}, routes=LIMITED),
            endpoints({"v1": [self.app.port]}),
            {"kind": "inbound", "name": "shop/catalog", "body": {"mtls": "disable", "limits": [LIMIT]}},
        ):
            self.engine.apply(resource)

    def client(self, port: int, data: str, responses: int = 1) -> asyncio.Future[list[Response]]:
        """A conversation in a thread of its own."""

        def talk() -> list[Response]:
            with Conversation.to(port) as conversation:
                conversation.send(data.encode())
                return [conversation.read_response() for _ in range(responses)]

        return asyncio.get_running_loop().run_in_executor(None, talk)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    yield made
    made.engine.stop()
    made.app.close()


async def test_a_request_goes_on_with_its_verdict(stage: Stage) -> None:
    asking = stage.client(stage.gateway, f"POST /x HTTP/1.1\r\n{HOST}content-length: 5\r\n\r\nhello")
    await stage.counts.asked()
    assert stage.heard == []
    stage.counts.answer(Verdict())
    (response,) = await asking
    assert (response.status, response.json()["body"]) == (200, "hello")
    assert stage.engine.limit_uses() == [LimitUse("shop/catalog", "r", "all", 1, 0)]
    assert stage.engine.gauges().active_requests == 0


async def test_a_request_above_it_is_answered_and_the_connection_lives_on(stage: Stage) -> None:
    asking = stage.client(stage.gateway, f"GET /a HTTP/1.1\r\n{HOST}\r\nGET /open HTTP/1.1\r\n{HOST}\r\n", 2)
    await stage.counts.asked()
    stage.counts.answer(Verdict(over=0, wait_s=3.5))
    limited, open_ = await asking
    assert (limited.status, limited.headers["retry-after"], limited.headers["ratelimit-limit"]) == (429, "4", "5")
    assert (open_.status, open_.json()["target"]) == (200, "/open")
    assert stage.engine.limit_uses() == [LimitUse("shop/catalog", "r", "all", 0, 1)]
    assert {r.flags for delta in stage.engine.collect() for r in delta.responses} == {"RL", ""}


async def test_a_route_without_global_limits_asks_nobody(stage: Stage) -> None:
    (response,) = await stage.client(stage.gateway, f"GET /open HTTP/1.1\r\n{HOST}\r\n")
    assert (response.status, stage.counts.waiting) == (200, [])


async def test_pipelined_requests_are_asked_about_one_after_the_other_and_answered_in_order(stage: Stage) -> None:
    data = "".join(f"GET /{number} HTTP/1.1\r\n{HOST}\r\n" for number in range(3))
    asking = stage.client(stage.gateway, data, 3)
    for verdict in (Verdict(), Verdict(0, 1.0), Verdict()):
        await stage.counts.asked()
        assert len(stage.counts.waiting) == 1
        stage.counts.answer(verdict)
    assert [response.status for response in await asking] == [200, 429, 200]


async def test_an_answer_that_comes_at_once_is_as_good(stage: Stage) -> None:
    stage.counts.at_once = Verdict()
    data = f"POST /x HTTP/1.1\r\n{HOST}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" * 2
    first, second = await stage.client(stage.gateway, data, 2)
    assert [first.json()["body"], second.json()["body"]] == ["abc", "abc"]


async def test_a_large_body_waits_with_its_sender_and_arrives_whole(stage: Stage) -> None:
    size = 3_000_000
    asking = stage.client(stage.gateway, f"POST /x HTTP/1.1\r\n{HOST}content-length: {size}\r\n\r\n{'x' * size}")
    await stage.counts.asked()
    stage.counts.answer(Verdict())
    (response,) = await asking
    assert len(response.json()["body"]) == size


async def test_a_refused_body_closes_after_the_answer(stage: Stage) -> None:
    asking = stage.client(stage.gateway, f"POST /x HTTP/1.1\r\n{HOST}content-length: 10\r\n\r\nhel")
    await stage.counts.asked()
    stage.counts.answer(Verdict(0, 1.0))
    (response,) = await asking
    assert (response.status, response.headers["connection"]) == (429, "close")


async def test_a_client_that_goes_away_meanwhile_is_counted_and_its_verdict_changes_nothing(stage: Stage) -> None:
    loop = asyncio.get_running_loop()
    client = await loop.run_in_executor(None, Conversation.to, stage.gateway)
    client.send(f"GET /x HTTP/1.1\r\n{HOST}\r\n".encode())
    await stage.counts.asked()
    client.reset()
    async with asyncio.timeout(5):
        while stage.engine.metrics.connections:
            await asyncio.sleep(0.002)
    stage.counts.answer(Verdict())
    (delta,) = stage.engine.collect()
    assert [(r.code, r.flags, r.count) for r in delta.responses] == [(0, "DC", 1)]
    assert (stage.heard, stage.engine.gauges().active_requests) == ([], 0)


async def test_a_client_that_sends_no_more_still_gets_its_answer(stage: Stage) -> None:
    def talk() -> int:
        with Conversation.to(stage.gateway) as conversation:
            conversation.send(f"GET /x HTTP/1.1\r\n{HOST}\r\n".encode())
            conversation.end()
            return conversation.read_response().status

    asking = asyncio.get_running_loop().run_in_executor(None, talk)
    await stage.counts.asked()
    stage.counts.answer(Verdict())
    assert await asking == 200


async def test_what_a_service_receives_is_asked_about_too(stage: Stage) -> None:
    statuses: list[Callable[[], Any]] = []
    for verdict in (Verdict(), Verdict(0, 1.0), None):
        asking = stage.client(stage.inbound, f"GET /x HTTP/1.1\r\n{HOST}\r\n")
        await stage.counts.asked()
        stage.counts.answer(verdict)
        statuses.append((await asking)[0].status)
    assert statuses == [200, 429, 200]
    assert stage.engine.limit_uses() == [LimitUse("shop/catalog", "", "all", 2, 1)]


async def test_an_engine_without_shared_counts_refuses_global_limits_and_keeps_what_it_had() -> None:
    engine = Engine()
    engine.start()
    try:
        for resource in parse(
            service({"v1": 1}, routes=LIMITED), {"kind": "inbound", "name": "shop/catalog", "body": {"limits": [LIMIT]}}
        ):
            with pytest.raises(ResourceError, match="limit all is global"):
                engine.apply(resource)
        assert engine.applied() == {}
    finally:
        engine.stop()
