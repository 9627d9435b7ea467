"""Spans of proxies: whose they are, what is left out, and that they arrive through the real collector."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import OperationalError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.core.concurrency import end
from meshui.telemetry import collector
from meshui.telemetry.fold import Identity, Registry
from meshui.traces import intake
from meshui.traces.intake import Intake, spans_of
from meshui.traces.models import Span
from meshui.traces.store import write
from proxies.wire.reports import SpanReport, Telemetry, TryReport
from tests.meshui.telemetry.mesh import Reporter, proxy_of, register
from tests.meshui.telemetry.test_collector import until
from tests.meshui.traces.spans import TRACE

FRONT = Identity("shop/frontend", "v1")
REGISTRY = Registry(proxies={"front": FRONT}, services={"shop/catalog": frozenset({"v1"})})


def told(**changes: Any) -> SpanReport:
    plain = SpanReport(
        trace_id=TRACE,
        span_id="00000000000000a1",
        parent_id="",
        start_us=int(time.time() * 1e6) - 5_000,
        duration_us=5_000,
        kind="client",
        reporter="source",
        source="bank/forged",
        destination="shop/catalog",
        destination_version="v2",
        route="default",
        secured=True,
        method="GET",
        host="catalog.shop.mesh",
        path="/a",
        code=503,
        flags="URX,UF",
        request_bytes=1,
        response_bytes=2,
        endpoint="10.0.0.7:80",
    )
    return msgspec.structs.replace(plain, **changes)


def report(*spans: SpanReport, dropped: int = 0) -> Telemetry:
    return Telemetry(proxy="front", boot=1, seq=1, at=0.0, edges=[], spans=list(spans), dropped_spans=dropped)


def kept(*spans: SpanReport) -> list[Any]:
    return list(spans_of(list(spans), FRONT, REGISTRY, time.time()))


def test_a_span_belongs_to_who_reports_and_carries_the_decisions() -> None:
    (span,) = kept(told())
    assert (span.namespace, span.service, span.version, span.peer) == ("shop", "shop/frontend", "v1", "shop/catalog")
    assert (span.name, span.code, span.error, span.route, span.proxied) == ("GET default", 503, True, "default", True)
    assert span.attributes["meshui.flags"] == ["URX", "UF"]
    assert span.attributes["meshui.endpoint"] == "10.0.0.7:80"
    assert span.attributes["http.response.status_code"] == 503
    assert "forged" not in str(span)
    assert "meshui.rule" not in span.attributes
    assert kept(told(rule="policy:readers/0"))[0].attributes["meshui.rule"] == "policy:readers/0"


def test_who_is_called_must_be_known_and_who_calls_is_not_told() -> None:
    (made_up,) = kept(told(destination="shop/made-up"))
    (inbound,) = kept(told(reporter="destination", kind="server"))
    assert (made_up.peer, inbound.peer, inbound.kind) == ("", "", Span.Kind.SERVER)
    assert "made-up" not in str(made_up)


def test_each_of_several_tries_is_a_child() -> None:
    now = int(time.time() * 1e6)
    tries = [TryReport("00000000000000b1", now, 10, "a:1", "503"), TryReport("00000000000000b2", now, 10, "b:1", "200")]
    span, first, second = kept(told(tries=tries, code=200, flags=""))
    assert (span.error, span.attributes["meshui.tries"]) == (False, 2)
    assert [(each.parent_id, each.name, each.error, each.code) for each in (first, second)] == [
        (span.span_id, "try 1", True, 503),
        (span.span_id, "try 2", False, 200),
    ]


@pytest.mark.parametrize(("code", "flags", "error"), [(0, "UF", True), (0, "DC", False), (404, "", False)])
def test_what_is_an_error(code: int, flags: str, error: bool) -> None:
    assert kept(told(code=code, flags=flags))[0].error is error


@pytest.mark.parametrize(
    "bad",
    [
        {"trace_id": "0" * 32},
        {"trace_id": TRACE.upper()},
        {"trace_id": TRACE + "\n"},
        {"span_id": "1"},
        {"parent_id": "x" * 16},
        {"start_us": 0},
        {"start_us": 1 << 60},
        {"duration_us": -1},
        {"duration_us": 1 << 60},
        {"code": 99},
        {"code": 100_000},
        {"flags": "not flags"},
        {"request_bytes": -1},
        {"response_bytes": 1 << 63},
    ],
)
def test_what_cannot_be_is_left_out_alone(bad: dict[str, Any]) -> None:
    assert [span.span_id for span in kept(told(**bad), told())] == [told().span_id]


@pytest.mark.django_db
def test_texts_of_any_kind_are_kept() -> None:
    odd = told(method="G\0T" * 100, host="\ud800x".encode("utf-8", "replace").decode(), path="/\0", route="r" * 500)
    write(kept(odd))
    assert Span.objects.get().attributes["url.path"] == "/"


@pytest.mark.django_db(transaction=True)
async def test_spans_wait_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch, servers: object) -> None:
    waiting = Intake()
    spans = [told(span_id=f"{number:016x}") for number in range(1, 6)]
    waiting.take(report(*spans[:3]), FRONT, REGISTRY)

    def away(_: object) -> None:
        raise OperationalError("away")

    with monkeypatch.context() as patch:
        patch.setattr(intake, "write", away)
        assert not await waiting.write()
    waiting.take(report(*spans[3:]), FRONT, REGISTRY)
    await waiting.write()
    assert await database_sync_to_async(Span.objects.count)() == 5


@pytest.mark.django_db(transaction=True)
async def test_the_oldest_go_where_too_many_wait(monkeypatch: pytest.MonkeyPatch, servers: object) -> None:
    monkeypatch.setattr(intake, "WAITING", 3)
    waiting = Intake()
    waiting.take(report(*(told(span_id=f"{number:016x}") for number in range(1, 6))), FRONT, REGISTRY)
    await waiting.write()
    found = await database_sync_to_async(lambda: list(Span.objects.order_by("span_id").values_list("span_id")))()
    assert [span_id[-1] for (span_id,) in found] == ["3", "4", "5"]


@pytest.mark.django_db(transaction=True)
async def test_spans_come_through_the_collector(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    waiting = Intake()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    forger = Reporter(valkey, proxy_of("shop/frontend"), boot=2, key=b"not the key")
    for each, span in ((forger, told(span_id="00000000000000ff")), (reporter, told())):
        await database_sync_to_async(each.add)(msgspec.structs.replace(each.report(), spans=[span]))
    async with AsyncRedis.from_url(settings.MESHUI.redis_url) as client:
        tasks = [asyncio.create_task(part) for part in (collector.run(client, waiting.take), waiting.run())]
        await until(lambda: Span.objects.exists(), "the span")
        await end(tasks)
    found = await database_sync_to_async(lambda: list(Span.objects.values_list("service", "span_id")))()
    assert found == [("shop/frontend", told().span_id)]
