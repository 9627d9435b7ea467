"""From proxies' reports to the stream: whose copies are believed, bounds, and counts that add up."""

from __future__ import annotations

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.catalog.services import namespace_create, service_create
from meshui.core import allowance
from meshui.taps import relay, stream
from meshui.taps.models import Tap
from meshui.taps.relay import Relay
from meshui.taps.services import tap_stop
from meshui.taps.stream import recent
from proxies.wire.taps import MAX_HEADER_VALUE, MAX_HEADERS, TapUse
from tests.meshui.logs.records import CATALOG, FRONT, REGISTRY, inbound
from tests.meshui.taps.copies import ROOT, begin, copy, told

pytestmark = pytest.mark.django_db(transaction=True)

in_thread = database_sync_to_async


def tapped() -> Tap:
    for namespace in ("shop", "bank"):
        namespace_create(actor=ROOT, name=namespace)
    for service in ("shop/frontend", "shop/catalog", "bank/ledger"):
        service_create(actor=ROOT, service=service)
    return begin()


@pytest.fixture
def client(valkey: Redis) -> AsyncRedis:
    return AsyncRedis.from_url(settings.MESHUI.redis_url)


async def test_copies_come_through_in_order_and_counted(client: AsyncRedis) -> None:
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    use = TapUse(tap=str(tap.pk), matched=9, dropped=2)
    hands.take(told(copy(tap, request=inbound(path="/1")), uses=(use,)), CATALOG, REGISTRY)
    await hands._hand_on()
    hands.take(told(copy(tap, request=inbound(path="/2")), copy(tap), uses=(use,), seq=2), CATALOG, REGISTRY)
    await hands._hand_on()
    tail = await in_thread(recent)(tap.pk)
    assert [(each.n, each.line.path) for each in tail.records] == [(1, "/1"), (2, "/2"), (3, "/items/7")]
    assert tail.records[0].request_headers[1] == ("authorization", "[redacted]")
    assert (tail.counts.matched, tail.counts.received, tail.counts.dropped_by_proxies) == (18, 3, 4)
    assert (tail.counts.proxies, tail.counts.dropped_by_collector) == (1, 0)
    assert 0 < await client.ttl(stream.key(tap.pk)) <= stream.KEPT_S


async def test_only_the_proxies_that_were_asked_are_believed(client: AsyncRedis) -> None:
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    use = TapUse(tap=str(tap.pk), matched=1)
    hands.take(told(copy(tap), uses=(use,), proxy="front"), FRONT, REGISTRY)
    hands.take(told(copy(tap, tap="999"), copy(tap, tap="x"), copy(tap, request=inbound(at_us=0))), CATALOG, REGISTRY)
    await hands._hand_on()
    assert await client.xlen(stream.key(tap.pk)) == 1  # the first counts, all of them zero
    assert (await in_thread(recent)(tap.pk)).counts == stream.NOTHING


async def test_what_ended_is_handed_on_no_more(client: AsyncRedis) -> None:
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    await in_thread(tap_stop)(actor=ROOT, tap_id=tap.pk)
    await hands._look()
    hands.take(told(copy(tap)), CATALOG, REGISTRY)
    await hands._hand_on()
    assert not await client.exists(stream.key(tap.pk))


async def test_too_much_is_left_out_and_counted(client: AsyncRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    most = relay.RECORDS_PER_S * relay.BURST_S
    for seq in range(10):
        hands.take(told(*[copy(tap)] * 70, seq=seq), CATALOG, REGISTRY)
    await hands._hand_on()
    counts = (await in_thread(recent)(tap.pk)).counts
    assert (counts.received, counts.dropped_by_collector) == (most, 700 - most)
    now[0] += 60
    big = copy(tap, request_headers=[("x", "v" * 1000)] * 100)
    hands.take(told(*[big] * 20), CATALOG, REGISTRY)
    await hands._hand_on()
    tail = await in_thread(recent)(tap.pk)
    assert tail.counts.received == most + relay.BYTES_PER_S * relay.BURST_S // 100_000
    headers = tail.records[-1].request_headers
    assert (len(headers), {len(value) for _, value in headers}) == (MAX_HEADERS, {MAX_HEADER_VALUE})


async def test_the_stream_stays_short_and_a_watcher_gets_the_newest(
    client: AsyncRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(allowance.time, "monotonic", lambda: now[0])
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    for seq in range(60):
        hands.take(told(*[copy(tap)] * 20, seq=seq), CATALOG, REGISTRY)
        await hands._hand_on()
        now[0] += 1
    assert await client.xlen(stream.key(tap.pk)) == stream.ENTRIES
    tail = await in_thread(recent)(tap.pk)
    assert [each.n for each in tail.records] == list(range(1201 - stream.SHOWN, 1201))
    assert tail.counts.received == 1200


async def test_another_collector_goes_on_counting(client: AsyncRedis) -> None:
    tap = await in_thread(tapped)()
    for seq in range(2):
        hands = Relay(client)
        await hands._look()
        hands.take(told(copy(tap), uses=(TapUse(tap=str(tap.pk), matched=4),), seq=seq), CATALOG, REGISTRY)
        await hands._hand_on()
    tail = await in_thread(recent)(tap.pk)
    assert ([each.n for each in tail.records], tail.counts.matched) == ([1, 2], 8)


async def test_a_proxy_that_refuses_is_named(client: AsyncRedis) -> None:
    tap = await in_thread(tapped)()
    hands = Relay(client)
    await hands._look()
    hands.take(told(uses=(TapUse(tap=str(tap.pk), error="unknown field `more`"),)), CATALOG, REGISTRY)
    await hands._hand_on()
    counts = (await in_thread(recent)(tap.pk)).counts
    assert [(each.proxy, each.error) for each in counts.refused] == [("catalog", "unknown field `more`")]
    assert counts.proxies == 0
