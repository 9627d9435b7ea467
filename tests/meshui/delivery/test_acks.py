"""Acknowledgements: from the stream to the database, none lost, none counted twice, none believed that is forged."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import msgspec
import pytest
import redis
from channels.db import database_sync_to_async
from django.conf import settings

from meshui.core.models import Revision
from meshui.core.redis import async_client
from meshui.delivery import acks
from meshui.delivery.models import Applied
from meshui.delivery.publish import push
from meshui.delivery.settle import progress
from meshui.delivery.shown import config_of
from proxies.wire import keys
from proxies.wire import resources as wire
from proxies.wire.reports import Ack, Acks, entry, proxy_key
from tests.meshui.delivery.world import World

CATALOG = "service:shop/catalog"


def answer(
    store: redis.Redis, proxy: str, resource: str = CATALOG, status: Literal["ack", "nack"] = "ack", error: str = ""
) -> Acks:
    """What ``proxy`` says of the resource as it is published now."""
    out = wire.decode(store.get(keys.resource(resource)) or b"")
    return Acks(proxy, [Ack(resource, out.epoch, out.revision, out.version, status, time.time(), error)])


def send(store: redis.Redis, acks: Acks, signer: str | None = None) -> None:
    key = proxy_key(settings.MESHUI.report_key, signer or acks.proxy)
    store.xadd(keys.ACK, entry(key, acks))


async def collect(until: Callable[[], Awaitable[Any]]) -> None:
    """Run the collector until the condition holds."""
    stop = asyncio.Event()
    async with async_client() as connection, asyncio.timeout(20):
        task = asyncio.create_task(acks.run(connection, stop, "test"))
        while not await until():
            await asyncio.sleep(0.02)
        stop.set()
        await task


async def drained() -> bool:
    """Whether the stream is empty."""
    async with async_client() as connection:
        return await connection.xlen(keys.ACK) == 0


@pytest.fixture(autouse=True)
def quick_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acks, "BLOCK_MS", 20)


@pytest.fixture
def mesh(world: World) -> World:
    """Two proxies that have taken nothing yet."""
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/cart", "px-b")
    push()
    return world


def test_answers_are_written_counted_and_told(mesh: World, store: redis.Redis) -> None:
    revision = mesh.set_split({"v1": 50, "v2": 50})
    push()
    with store.pubsub() as live:
        live.subscribe("mesh:live")
        assert live.get_message(timeout=5)
        send(store, answer(store, "px-a"))
        send(store, answer(store, "px-b", status="nack", error="no such thing"))
        asyncio.run(collect(drained))
        told = live.get_message(timeout=5)
    counts = progress([revision])[revision]
    assert (counts.total, counts.acked, counts.nacked, counts.waiting) == (2, 1, 1, 0)
    assert told is not None and b"px-b" in told["data"] and str(revision).encode() in told["data"]


def test_the_last_answer_makes_a_revision_applied(mesh: World, store: redis.Redis) -> None:
    revision = mesh.set_split({"v1": 50, "v2": 50})
    push()
    send(store, answer(store, "px-a"))
    asyncio.run(collect(drained))
    assert Revision.objects.get(number=revision).applied_at is None
    send(store, answer(store, "px-b"))
    asyncio.run(collect(drained))
    assert Revision.objects.get(number=revision).applied_at is not None


def test_a_refusal_keeps_its_reason_and_the_content_is_not_sent_again(mesh: World, store: redis.Redis) -> None:
    mesh.set_split({"v1": 50, "v2": 50})
    push()
    send(store, answer(store, "px-a", status="nack", error="weights are odd\x00"))
    asyncio.run(collect(drained))
    row = Applied.objects.get(resource=CATALOG, proxy_id="px-a")
    assert row.refused and row.error == "weights are odd"

    before = store.get(keys.resource(CATALOG))
    mesh.touch(("service", "shop/catalog"))
    push()
    assert store.get(keys.resource(CATALOG)) == before

    mesh.set_split({"v1": 40, "v2": 60})
    push()
    send(store, answer(store, "px-a"))
    asyncio.run(collect(drained))
    assert not Applied.objects.get(resource=CATALOG, proxy_id="px-a").refused


@pytest.mark.parametrize("signer", ["px-b", "nobody"])
def test_a_proxy_is_not_believed_about_another(mesh: World, store: redis.Redis, signer: str) -> None:
    send(store, answer(store, "px-a"), signer=signer)
    asyncio.run(collect(drained))
    assert not Applied.objects.exists()


@pytest.mark.parametrize(
    "fields",
    [
        {b"d": b"\xff\xff", b"s": b"x"},
        {b"other": b"x"},
        {b"d": b"", b"s": b""},
    ],
)
def test_what_is_no_acknowledgement_is_dropped(mesh: World, store: redis.Redis, fields: dict[bytes, bytes]) -> None:
    store.xadd(keys.ACK, fields)  # type: ignore[arg-type]
    send(store, answer(store, "px-a"))
    asyncio.run(collect(drained))
    assert Applied.objects.count() == 1


@pytest.mark.parametrize(
    "nonsense",
    [
        {"revision": 2**63},
        {"epoch": -1},
        {"applied_at": float("nan")},
        {"applied_at": 1e300},
        {"resource": "service:x\x00"},
        {"resource": "unheard:of"},
        {"version": "x" * 100},
    ],
)
def test_implausible_values_do_not_stop_the_others(mesh: World, store: redis.Redis, nonsense: dict[str, Any]) -> None:
    good = answer(store, "px-a").acks[0]
    wrong = msgspec.structs.replace(answer(store, "px-a", "directory").acks[0], **nonsense)
    send(store, Acks("px-a", [wrong, good]))
    send(store, answer(store, "px-b"))
    asyncio.run(collect(drained))
    assert [(row.proxy_id, row.resource) for row in Applied.objects.order_by("proxy_id")] == [
        ("px-a", CATALOG),
        ("px-b", CATALOG),
    ]


def test_a_proxy_that_is_gone_is_ignored(mesh: World, store: redis.Redis) -> None:
    ack = answer(store, "px-a")
    mesh.service("shop/catalog").proxies.all().delete()
    send(store, ack)
    asyncio.run(collect(drained))
    assert not Applied.objects.exists()


def test_older_answers_replace_nothing(mesh: World, store: redis.Redis) -> None:
    old = answer(store, "px-a")
    new = mesh.set_split({"v1": 50, "v2": 50})
    push()
    send(store, answer(store, "px-a"))
    send(store, old)
    asyncio.run(collect(drained))
    send(store, old)
    asyncio.run(collect(drained))
    assert Applied.objects.get(resource=CATALOG, proxy_id="px-a").revision == new


def test_a_collector_killed_before_its_acknowledgement_loses_nothing_and_counts_nothing_twice(
    mesh: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = mesh.set_split({"v1": 50, "v2": 50})
    push()
    send(store, answer(store, "px-a"))
    send(store, answer(store, "px-b", status="nack", error="no"))

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    async def killed() -> None:
        async with async_client() as connection:
            await acks.run(connection, asyncio.Event(), "test")

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(acks._Reader, "_finish", die)
        asyncio.run(killed())
    assert store.xlen(keys.ACK) == 2, "written, not finished"

    asyncio.run(collect(drained))
    counts = progress([revision])[revision]
    assert (counts.total, counts.acked, counts.nacked) == (2, 1, 1)
    assert Applied.objects.count() == 2


def test_entries_of_a_collector_that_never_came_back_are_taken_over(
    mesh: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acks, "ABANDONED_MS", 0)
    send(store, answer(store, "px-a"))
    store.xgroup_create(keys.ACK, acks.GROUP, id="0")
    store.xreadgroup(acks.GROUP, "other", {keys.ACK: ">"})
    asyncio.run(collect(drained))
    assert Applied.objects.count() == 1


def test_a_flushed_server_does_not_stop_the_collector(mesh: World, store: redis.Redis) -> None:
    ack = answer(store, "px-a")
    asked: list[int] = []

    async def flushed_then_written() -> bool:
        asked.append(1)
        if len(asked) == 5:
            await database_sync_to_async(store.flushall)()
            await database_sync_to_async(send)(store, ack)
        return len(asked) > 5 and await database_sync_to_async(Applied.objects.exists)()

    asyncio.run(collect(flushed_then_written))


def test_whoever_acknowledges_was_seen(mesh: World, store: redis.Redis) -> None:
    row = mesh.service("shop/catalog").proxies.get()
    assert row.last_seen_at is None
    send(store, answer(store, "px-a"))
    asyncio.run(collect(drained))
    row.refresh_from_db()
    assert row.last_seen_at is not None


def test_the_configuration_of_a_proxy_shows_desired_beside_applied(mesh: World, store: redis.Redis) -> None:
    send(store, answer(store, "px-a"))
    asyncio.run(collect(drained))
    shown = config_of(mesh.service("shop/catalog").proxies.get())
    desired = {each.resource for each in shown.desired}
    assert {"proxy:px-a", "inbound:shop/catalog", CATALOG, "service:shop/cart", "directory"} <= desired
    assert not desired & {"proxy:px-b", "inbound:shop/cart"}
    assert [(each.resource, each.status) for each in shown.applied] == [(CATALOG, "ack")]
