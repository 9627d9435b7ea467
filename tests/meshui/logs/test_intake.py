"""Lines arrive through the real collector, and a flood of them costs lines alone."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.core import allowance
from meshui.core.concurrency import end
from meshui.logs import intake
from meshui.logs.intake import Intake
from meshui.logs.models import Line
from meshui.telemetry import collector
from proxies.wire.logs import MAX_LOGS
from tests.meshui.logs.records import FRONT, REGISTRY, record, report
from tests.meshui.telemetry.mesh import Reporter, proxy_of, register
from tests.meshui.telemetry.test_collector import until

pytestmark = pytest.mark.django_db(transaction=True)


def paths() -> list[str]:
    return list(Line.objects.order_by("path").values_list("path", flat=True))


async def test_lines_come_through_the_collector(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    waiting = Intake()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    forger = Reporter(valkey, proxy_of("shop/frontend"), boot=2, key=b"not the key")
    for each, path in ((forger, "/forged"), (reporter, "/true")):
        told = msgspec.structs.replace(each.report(), logs=[record(path=path)])
        await database_sync_to_async(each.add)(told)
    async with AsyncRedis.from_url(settings.MESHUI.redis_url) as client:
        tasks = [asyncio.create_task(part) for part in (collector.run(client, waiting.take), waiting.run())]
        await until(lambda: Line.objects.exists(), "the line")
        await end(tasks)
    assert await database_sync_to_async(paths)() == ["/true"]


async def test_a_flood_is_cut_to_what_is_taken_in_a_second(
    monkeypatch: pytest.MonkeyPatch, servers: object, caplog: pytest.LogCaptureFixture
) -> None:
    now = [1000.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(intake, "PER_S", 1)
    waiting = Intake()
    flood = [record(path=f"/{number}") for number in range(4)]
    for seq in range(3):
        waiting.take(report(*flood, seq=seq, dropped=10), FRONT, REGISTRY)
    await waiting.write()
    assert len(await database_sync_to_async(paths)()) == 5
    assert "37 log lines were dropped" in caplog.text
    now[0] += 3
    waiting.take(report(*flood, seq=9), FRONT, REGISTRY)
    await waiting.write()
    assert len(await database_sync_to_async(paths)()) == 8


async def test_a_report_has_no_more_than_it_may(servers: object) -> None:
    waiting = Intake()
    waiting.take(report(*[record()] * (MAX_LOGS + 7)), FRONT, REGISTRY)
    await waiting.write()
    assert len(await database_sync_to_async(paths)()) == MAX_LOGS
