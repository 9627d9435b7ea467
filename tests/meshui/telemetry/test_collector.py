"""The collector against real Valkey and PostgreSQL: what is reported is counted once, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.catalog.models import Proxy
from meshui.telemetry import collector
from meshui.telemetry.frames import Frame, decode, total
from proxies.wire import keys
from proxies.wire.reports import Gauges
from tests.meshui.telemetry.mesh import Reporter, call, proxy_of, register

pytestmark = pytest.mark.django_db(transaction=True)

CATALOG = "shop/frontend\tv1\tshop/catalog\tv1\thttp"


@contextlib.asynccontextmanager
async def collecting() -> AsyncIterator[None]:
    """A collector that is killed, not ended, when the block is left."""
    async with AsyncRedis.from_url(settings.MESHUI.redis_url) as client:
        task = asyncio.create_task(collector.run(client))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])


async def until(condition: Callable[[], bool], what: str, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not await sync_to_async(condition)():
            await asyncio.sleep(0.02)


def counted(valkey: Redis) -> Frame:
    """The sum of all frames so far."""
    return total(0, [decode(fields[b"f"]) for _, fields in valkey.xrange(keys.FRAMES)])


def requests(valkey: Redis) -> int:
    return int(counted(valkey).counts[:, :6].sum())


async def test_a_report_becomes_a_frame(valkey: Redis) -> None:
    await sync_to_async(register)()
    async with collecting():
        Reporter(valkey, proxy_of("shop/frontend")).send(
            call("shop/catalog", codes={200: 2, 503: 1}, flags="UH", ms=[5, 6, 7]), gauges=Gauges(3, 1, 40 << 20, 0.5)
        )
        await until(lambda: requests(valkey) == 3, "the frame")
        frame = counted(valkey)
        assert frame.keys == [CATALOG]
        assert frame.counts.tolist() == [[0, 0, 2, 0, 0, 1, 3, 100, 1000]]
        assert frame.histograms.hits.sum() == 3
        assert frame.flags == [(0, "UH", 1)]
        assert frame.reports == 1

        def seen() -> bool:
            proxy = Proxy.objects.get(pk=proxy_of("shop/frontend"))
            return proxy.last_seen_at is not None and proxy.load.get("rss_bytes") == 40 << 20

        await until(seen, "the heartbeat")
