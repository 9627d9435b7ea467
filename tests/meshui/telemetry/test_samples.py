"""Samples of requests: whose they are, what is refused, which are kept, and that they are kept on their stream."""

from __future__ import annotations

import time
from itertools import chain
from typing import Any

import msgspec
import pytest
from channels.db import database_sync_to_async
from redis import Redis

from meshui.core.errors import Unavailable
from meshui.telemetry import samples
from meshui.telemetry.fold import Identity, Nonsense, Registry, check
from meshui.telemetry.samples import MAX_IN_REPORT, PER_SECOND, Sample, Samples
from proxies.core.told import MAX_NAMES, MAX_PATH
from proxies.wire.reports import RequestSample, Telemetry
from tests.meshui.telemetry.mesh import Reporter, proxy_of, register
from tests.meshui.telemetry.test_collector import collecting, until

FRONT = Identity("shop/frontend", "v1")
REGISTRY = Registry(proxies={"front": FRONT}, services={"shop/catalog": frozenset({"v1"})})


def told(weight: int = 1, **changes: Any) -> RequestSample:
    plain = RequestSample("shop/catalog", "default", weight, "GET", "catalog.shop.mesh", "/a", [], [], [])
    return msgspec.structs.replace(plain, **changes)


def report(*requests: RequestSample, seq: int = 1) -> Telemetry:
    return Telemetry(proxy="front", boot=1, seq=seq, at=0.0, edges=[], samples=list(requests))


def test_the_source_is_who_reports_and_the_destination_is_known() -> None:
    second = Samples()
    second.add(report(told(3), told(destination="shop/made-up")), FRONT, REGISTRY)
    (sample,) = second.chosen()
    assert (sample.source, sample.destination, sample.weight) == ("shop/frontend", "shop/catalog", 3)


def test_those_that_are_kept_stand_for_all() -> None:
    reports = [report(*(told(2) for _ in range(25)), seq=seq) for seq in range(8)]
    kept = []
    for order in (reports, reports[::-1]):
        second = Samples()
        for each in order:
            second.add(each, FRONT, REGISTRY)
        kept.append(second.chosen())
    assert kept[0] == kept[1]
    assert len(kept[0]) == PER_SECOND
    assert sum(sample.weight for sample in kept[0]) == 8 * 25 * 2


@pytest.mark.parametrize(
    "bad",
    [
        told(0),
        told(1 << 40),
        told(path="no-slash"),
        told(path="/" + "a" * MAX_PATH),
        told(host="h" * 1000),
        told(headers=[("n" * 1000, None)]),
        told(query=[("q", "v" * 1000)]),
        told(cookies=[(str(n), None) for n in range(MAX_NAMES + 1)]),
    ],
)
def test_what_cannot_be_is_refused(bad: RequestSample) -> None:
    with pytest.raises(Nonsense):
        check(report(bad))


def test_too_many_are_refused() -> None:
    with pytest.raises(Nonsense):
        check(report(*[told()] * (MAX_IN_REPORT + 1)))


@pytest.mark.django_db(transaction=True)
async def test_the_collector_keeps_them(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    now = time.time()

    def kept() -> list[Sample]:
        return list(chain.from_iterable(found for _, found in samples.read(now - 60, now + 60)))

    async with collecting():
        reporter.add(msgspec.structs.replace(reporter.report(), samples=[told(7, headers=[("x-tier", "gold")])]))
        await until(lambda: bool(kept()), "the sample")
    (sample,) = kept()
    assert (sample.source, sample.weight, sample.headers) == ("shop/frontend", 7, [("x-tier", "gold")])


def test_without_redis_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    away = Redis.from_url("redis://127.0.0.1:9/0")
    monkeypatch.setattr(samples, "_client", lambda: away)
    with pytest.raises(Unavailable):
        list(samples.read(0, 1))
