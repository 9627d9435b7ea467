"""The collector against real Valkey and PostgreSQL: what is reported is counted once, whatever is killed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import OperationalError
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.catalog.models import Proxy
from meshui.telemetry import beats, collector
from meshui.telemetry.frames import Frame, decode, total
from meshui.telemetry.streams import BLOCKS
from meshui.telemetry.window import Tail, Window
from proxies.wire import keys
from proxies.wire.reports import Gauges, entry
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
        while not await database_sync_to_async(condition)():
            await asyncio.sleep(0.02)


def counted(valkey: Redis) -> Frame:
    """The sum of all frames so far."""
    return total(0, [decode(fields[b"f"]) for _, fields in valkey.xrange(keys.FRAMES)])


def requests(valkey: Redis) -> int:
    return int(counted(valkey).counts[:, :6].sum())


async def test_a_report_becomes_a_frame(valkey: Redis) -> None:
    await database_sync_to_async(register)()
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


async def test_killed_and_started_again_it_counts_every_report_once(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    sent = 0
    for _ in range(4):
        async with collecting():
            frames = valkey.xlen(keys.FRAMES)
            for _ in range(10):
                reporter.send(call("shop/catalog", codes={200: 1}))
                sent += 1
            if sent % 20:  # killed with half of it in a frame, or none
                await until(lambda seen=frames: valkey.xlen(keys.FRAMES) > seen, "a frame")  # type: ignore[misc]
        for _ in range(5):  # while nobody collects
            reporter.send(call("shop/catalog", codes={200: 1}))
            sent += 1
    async with collecting():
        await until(lambda: requests(valkey) == sent, f"{sent} requests")
        closed = valkey.xlen(keys.FRAMES)
        await until(lambda: valkey.xlen(keys.FRAMES) >= closed + 2, "two more frames")
    assert requests(valkey) == sent


async def test_a_backlog_is_put_into_the_seconds_in_which_it_came(valkey: Redis) -> None:
    """Not into one second with a peak that never was."""
    await database_sync_to_async(register)()
    proxy = proxy_of("shop/frontend")
    reporter = Reporter(valkey, proxy)
    now = int(valkey.time()[0])
    for ago in range(20, 0, -1):
        fields = entry(reporter.key, reporter.report(call("shop/catalog", codes={200: 1})))
        valkey.xadd(keys.telemetry(proxy), fields, id=f"{(now - ago) * 1000}-0")
    async with collecting():
        await until(lambda: requests(valkey) == 20, "the backlog")
        await until(lambda: valkey.xlen(BLOCKS) > 0, "a block of ten seconds")
    seconds = [decode(fields[b"f"]) for _, fields in valkey.xrange(keys.FRAMES)]
    assert max(frame.counts[:, :6].sum() for frame in seconds) == 1
    for _, fields in valkey.xrange(BLOCKS):
        block = decode(fields[b"f"])
        own = total(0, [frame for frame in seconds if block.at - 10 < frame.at <= block.at])
        assert (block.keys, block.counts.tolist()) == (own.keys, own.counts.tolist())


async def test_reports_go_once_nobody_would_read_them_again(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    proxy = proxy_of("shop/frontend")
    reporter = Reporter(valkey, proxy)
    now = int(valkey.time()[0])
    for ago in (1000, 300, 90, 20):
        fields = entry(reporter.key, reporter.report(call("shop/catalog", codes={200: 1})))
        valkey.xadd(keys.telemetry(proxy), fields, id=f"{(now - ago) * 1000}-0")
    async with collecting():
        await until(lambda: valkey.xlen(keys.telemetry(proxy)) == 1, "the old ones dropped")
    assert requests(valkey) == 3, "those of a time that is kept were counted before"


async def test_a_web_process_reads_what_is_there_and_follows_through_an_emptied_valkey(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    window = Window()
    tail = Tail(window, settings.MESHUI.redis_url)
    reporter = Reporter(valkey, proxy_of("shop/frontend"))

    def shown() -> int:
        view = window.view(900)
        return int(view.totals.counts[:, :6].sum()) if view else 0

    async with collecting():
        reporter.send(call("shop/catalog", codes={200: 3}))
        await until(lambda: requests(valkey) == 3, "a frame before it starts")
        tail.start()
        try:
            await until(lambda: shown() == 3, "what was there")
            reporter.send(call("shop/catalog", codes={200: 4}))
            await until(lambda: shown() == 7, "what came")
            valkey.flushdb()
            reporter.send(call("shop/catalog", codes={200: 5}))
            await until(lambda: shown() == 12, "what came after Valkey was emptied")
        finally:
            tail.stop()
            await asyncio.to_thread(tail.join)


async def test_a_report_sent_twice_counts_once(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    report = reporter.report(call("shop/catalog", codes={200: 3}))
    async with collecting():
        reporter.add(report)
        await until(lambda: requests(valkey) == 3, "the report")
    reporter.add(report)
    async with collecting():
        await until(lambda: counted(valkey).duplicates == 1, "the duplicate")
        assert requests(valkey) == 3


async def test_two_collectors_count_as_one(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    async with collecting(), collecting():
        for _ in range(30):
            reporter.send(call("shop/catalog", codes={200: 1}))
            await asyncio.sleep(0.05)
        await until(lambda: requests(valkey) >= 30, "all of them")
        closed = valkey.xlen(keys.FRAMES)
        await until(lambda: valkey.xlen(keys.FRAMES) >= closed + 2, "two more frames")
    assert requests(valkey) == 30


async def test_what_is_refused_is_counted_and_harms_nobody(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    good = Reporter(valkey, proxy_of("shop/frontend"))
    edge = call("shop/catalog", codes={200: 1})
    async with collecting():
        Reporter(valkey, proxy_of("shop/frontend"), key=b"another proxy's key").send(edge)
        Reporter(valkey, "proxy-evicted").send(edge)
        Reporter(valkey, proxy_of("shop/catalog")).send(call("shop/frontend", codes={200: -5}))
        valkey.xadd(keys.telemetry("x"), {b"d": b"\xc1 no msgpack", b"s": b""})
        valkey.xadd(keys.telemetry("x"), {b"other": b"fields"})
        good.send(edge)
        await until(lambda: requests(valkey) == 1, "the good one")
        await until(lambda: counted(valkey).refused == {"forged": 3, "unknown_proxy": 1, "nonsense": 1}, "the refusals")


async def test_a_proxy_that_just_joined_is_not_a_stranger(valkey: Redis) -> None:
    await database_sync_to_async(register)({"shop/catalog": ("v1",)})
    async with collecting():
        await until(lambda: valkey.xlen(keys.FRAMES) > 0, "the first frame")
        await database_sync_to_async(register)({"bank/ledger": ("v1",)})
        Reporter(valkey, proxy_of("bank/ledger")).send(call("shop/catalog", codes={200: 4}))
        await until(lambda: requests(valkey) == 4, "its report")
    assert counted(valkey).refused == {}


async def test_an_emptied_valkey_is_begun_anew(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    async with collecting():
        reporter.send(call("shop/catalog", codes={200: 1}))
        await until(lambda: requests(valkey) == 1, "a frame")
        valkey.flushdb()
        reporter.send(call("shop/catalog", codes={200: 2}))
        await until(lambda: requests(valkey) == 2, "a frame after it was emptied")


async def test_frames_go_on_while_the_database_is_away(valkey: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    await database_sync_to_async(register)()
    away = True

    def unreachable(function: Callable[..., object]) -> Callable[..., object]:
        def call_it(*args: object, **kwargs: object) -> object:
            if away:
                raise OperationalError("away")
            return function(*args, **kwargs)

        return call_it

    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    async with collecting():
        await until(lambda: valkey.xlen(keys.FRAMES) > 0, "the first frame")
        monkeypatch.setattr(collector, "load_registry", unreachable(collector.load_registry))
        monkeypatch.setattr(beats, "heartbeats_record", unreachable(beats.heartbeats_record))
        reporter.send(call("shop/catalog", codes={200: 5}))
        await until(lambda: requests(valkey) == 5, "the frame")
        assert not await database_sync_to_async(Proxy.objects.filter(last_seen_at__isnull=False).exists)()
        away = False
        await until(lambda: Proxy.objects.filter(last_seen_at__isnull=False).exists(), "the heartbeat, later")


async def test_it_ends_although_one_of_its_parts_swallows_a_cancellation(
    valkey: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    swallowed = False

    async def deaf(_: AsyncRedis) -> None:
        nonlocal swallowed
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            swallowed = True
            await asyncio.Event().wait()

    monkeypatch.setattr(collector, "roll_up_always", deaf)
    async with asyncio.timeout(20), collecting():
        await until(lambda: valkey.xlen(keys.FRAMES) > 0, "a frame")
    assert swallowed
