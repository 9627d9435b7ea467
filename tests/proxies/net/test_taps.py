"""Taps: which requests are copied, how much of them, how many, and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from proxies.net.engine import Engine
from proxies.net.taps import TapReports, Taps
from proxies.wire.taps import MAX_AHEAD_S, MAX_TAPS, REDACTED, TapOrder, TapRecord, TapUse
from tests.conformance.harness import HOST, App, Response, ask, echo, endpoints, free_port, inbound, outbound, proxy
from tests.conformance.harness import service as service_of
from tests.proxies.net.test_engine import parse

FAR = 4e9


def order(name: str = "t", **more: Any) -> TapOrder:
    return TapOrder(**{"id": name, "until": FAR, "side": "source", **more})


class Stage:
    """An engine with an outbound and an inbound listener in front of an echo."""

    def __init__(self, processes: int = 1) -> None:
        self.app = App(echo("v1"))
        self.outbound, self.inbound = free_port(), free_port()
        self.engine = Engine(processes=processes)
        self.engine.start()
        resources = [
            {"kind": "inbound", "name": "shop/frontend", "body": {"mtls": "disable"}},
            service_of({"v1": 1}),
            endpoints({"v1": [self.app.port]}),
            proxy(outbound(self.outbound), inbound(self.inbound, self.app.port, "shop/frontend")),
        ]
        for resource in parse(*resources):
            self.engine.apply(resource)

    async def ask(self, path: str = "/", *, port: int = 0, **more: Any) -> Response:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(None, lambda: ask(port or self.outbound, path, **more))

    async def copied(self, count: int, path: str = "/") -> tuple[list[TapRecord], list[TapUse]]:
        for _ in range(count):
            await self.ask(path)
        return self.engine.taps()

    def watching(self) -> list[bool]:
        return [port.recorder is not None for port in self.engine._ports.values()]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    found = Stage()
    yield found
    found.engine.stop()
    found.app.close()


async def test_the_heads_of_a_request_are_copied_without_secrets(stage: Stage) -> None:
    stage.engine.tap(order(redact=["x-ours"]))
    headers = "Authorization: Bearer abc\r\nx-ours: abc\r\nX-User: ann\r\nx-request-id: r1\r\n"
    await stage.ask("/cart/7?token=abc&page=2", headers=headers, method="POST", body=b"abc")
    (record,), uses = stage.engine.taps()
    assert uses == [TapUse("t", 1, 0)]
    assert (record.tap, record.target, record.cut) == ("t", f"/cart/7?token={REDACTED}&page=2", False)
    asked, answered = dict(record.request_headers), dict(record.response_headers)
    assert asked["host"] == HOST
    assert (asked["authorization"], asked["x-ours"], asked["x-user"]) == (REDACTED, REDACTED, "ann")
    assert "traceparent" in asked, "as it went on"
    assert answered == {"content-length": str(record.request.response_bytes)}, "and nothing of the body"
    told = record.request
    assert (told.method, told.path, told.code, told.request_id) == ("POST", "/cart/7", 200, "r1")
    assert (told.source, told.destination, told.request_bytes) == ("shop/frontend", "shop/catalog", 3)
    assert 0 < told.first_byte_us <= told.duration_us
    assert "abc" not in str(record)


@pytest.mark.parametrize(("side", "port"), [("source", "outbound"), ("destination", "inbound")])
async def test_a_tap_is_of_one_side(stage: Stage, side: str, port: str) -> None:
    stage.engine.tap(order(side=side))
    for each in ("outbound", "inbound"):
        await stage.ask(f"/{each}", port=getattr(stage, each))
    records, _ = stage.engine.taps()
    assert [record.request.path for record in records] == [f"/{port}"]


async def test_a_refused_request_is_copied_with_its_reason(stage: Stage) -> None:
    policies = [{"name": "none", "action": "deny", "rules": [{}]}]
    body = {"mtls": "disable", "policies": policies}
    stage.engine.apply(parse({"kind": "inbound", "name": "shop/frontend", "body": body})[0])
    stage.engine.tap(order(side="destination", code="403"))
    await stage.ask("/a?b=c", port=stage.inbound)
    (record,), _ = stage.engine.taps()
    assert (record.request.rule, record.request.flags, record.target) == ("policy:none/0", "UAEX", "/a?b=c")
    assert record.response_headers == []


async def test_more_than_its_rate_is_dropped_and_counted(stage: Stage) -> None:
    stage.engine.tap(order(rate=2))
    records, (use,) = await stage.copied(20)
    assert use.matched == 20
    assert len(records) + use.dropped == 20
    assert 2 <= len(records) < 20


async def test_taps_do_not_see_each_others_requests(stage: Stage) -> None:
    stage.engine.tap(order("a", path="/a"))
    stage.engine.tap(order("b", path="/b*"))
    await stage.ask("/b")
    records, uses = stage.engine.taps()
    assert [record.tap for record in records] == ["b"]
    assert sorted(uses, key=lambda use: use.tap) == [TapUse("a"), TapUse("b", 1)]


async def test_nobody_is_told_of_requests_before_and_after(stage: Stage) -> None:
    assert stage.watching() == [False, False]
    stage.engine.tap(order())
    assert stage.watching() == [True, True]
    stage.engine.tap(order(until=0))
    assert stage.watching() == [False, False]
    assert await stage.copied(1) == ([], [])


async def test_what_is_logged_goes_on_when_a_tap_ends(stage: Stage) -> None:
    body = {"trust_domain": "a.b", "bundle": [], "access_log": {"percent": 100, "report": True}}
    stage.engine.apply(parse({"kind": "trust", "name": "", "body": body})[0])
    stage.engine.tap(order())
    stage.engine.tap(order(until=0))
    await stage.ask("/still")
    records, dropped = stage.engine.logs()
    assert ([record.path for record in records], dropped) == (["/still"], 0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_tap_ends_by_itself_unless_it_is_prolonged() -> None:
    clock = Clock()
    taps = Taps(clock=clock)
    taps.order(order(until=1010.0))
    clock.now = 1009.0
    taps.order(order(until=1020.0))
    clock.now = 1019.0
    assert taps.collect() == ([], [TapUse("t")])
    clock.now = 1020.0
    assert taps.collect() == ([], [TapUse("t")]), "its last word"
    assert taps.collect() == ([], [])
    assert len(taps) == 0


def test_no_order_holds_for_long() -> None:
    clock = Clock()
    taps = Taps(clock=clock)
    taps.order(order(until=FAR))
    clock.now += MAX_AHEAD_S + 1
    taps.collect()
    assert len(taps) == 0


def test_there_are_only_so_many() -> None:
    taps = Taps()
    for number in range(MAX_TAPS + 1):
        taps.order(order(f"t{number}"))
    taps.order(order("t0", rate=5))
    _, uses = taps.collect()
    assert len(taps) == MAX_TAPS
    assert [use.tap for use in uses if use.error] == [f"t{MAX_TAPS}"]
    taps.order(order("t0", until=0))
    taps.order(order("late"))
    assert [use.error for use in taps.collect()[1] if use.tap == "late"] == [""]


async def test_several_processes_share_the_rate() -> None:
    stage = Stage(processes=4)
    try:
        stage.engine.tap(order(rate=8))
        records, (use,) = await stage.copied(30)
        assert use.matched == 30
        assert 2 <= len(records) < 30
    finally:
        stage.engine.stop()
        stage.app.close()


async def test_what_several_processes_tell_is_one_proxys(stage: Stage) -> None:
    stage.engine.tap(order())
    records, uses = await stage.copied(2)
    sums = TapReports()
    for _ in range(2):
        sums.absorb(records, uses)
    sums.use("other", error="unknown")
    assert sums.collect() == ([*records, *records], [TapUse("t", 4), TapUse("other", error="unknown")])
    assert sums.collect() == ([], [])
