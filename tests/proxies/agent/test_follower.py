"""The follower against a real Valkey, in this process, with an engine that remembers."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from proxies.agent import follower as following
from proxies.agent import resp
from proxies.agent.follower import Follower
from proxies.agent.resp import Login
from proxies.agent.taps import taker
from proxies.wire import keys, reports
from proxies.wire import resources as wire
from tests.proxies.agent.fakes import FakeEngine, replica_of
from tests.proxies.agent.mesh import MASTER, PASSWORD, PROXY, SERVICE, Valkey, directory, endpoints, service, trust

REPORT_KEY = reports.proxy_key(MASTER, PROXY)


async def until(condition: Callable[[], object], what: str, timeout_s: float = 20) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)
    assert condition(), what


@asynccontextmanager
async def following_valkey(valkey: Valkey, engine: FakeEngine) -> AsyncIterator[Follower]:
    follower = Follower(
        replica_of(engine),
        login=Login(valkey.proxy_url, PROXY, PASSWORD),
        report_key=REPORT_KEY,
        changed=lambda: None,
        orders=(keys.tap(SERVICE), taker(engine)),
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(follower.run())
        yield follower
        task.cancel()


def versions(engine: FakeEngine) -> dict[str, str]:
    return {key: resource.version for key, resource in engine.held.items()}


def published(valkey: Valkey) -> dict[str, str]:
    """What a newcomer would read."""
    client = valkey.client
    listed = client.get(keys.resource("directory"))
    assert listed is not None
    resource = wire.decode(listed)
    assert isinstance(resource, wire.DirectoryResource)
    wanted = ["trust", "directory"]
    wanted += [f"{kind}:{name}" for name in resource.body.services for kind in ("service", "endpoints")]
    found = {key: client.get(keys.resource(key)) for key in wanted}
    return {key: wire.decode(data).version for key, data in found.items() if data is not None}


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nothing_is_lost_while_connections_break(
    valkey: Valkey, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "FIRST_RETRY_S", 0.05)
    dice = random.Random(seed)
    names = [f"shop/s{number}" for number in range(6)]
    valkey.publish(trust([], 1), directory(names, 1))
    engine = FakeEngine()

    def storm() -> None:
        listed = set(names)
        for revision in range(2, 120):
            changed: list[wire.Resource] = []
            for name in dice.sample(names, 2):
                changed += [service(name, revision, revision), endpoints(name, revision, 80)]
            gone: tuple[str, ...] = ()
            if dice.random() < 0.2:
                name = dice.choice(names)
                listed ^= {name}
                changed.append(directory(sorted(listed), revision))
                changed = [r for r in changed if not r.key.endswith(name)] if name not in listed else changed
                gone = (f"service:{name}", f"endpoints:{name}") if name not in listed else ()
            valkey.publish(*changed, gone=gone)
            if dice.random() < 0.05:
                valkey.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    async with following_valkey(valkey, engine):
        await asyncio.to_thread(storm)
        expected = published(valkey)
        await until(lambda: versions(engine) == expected, "what is in force is what is published")


async def test_a_large_resource_is_announced_empty_and_read(valkey: Valkey) -> None:
    valkey.publish(directory(["shop/cart"], 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine):
        await until(lambda: "directory" in engine.held, "connected")
        large = service("shop/cart", 2)
        valkey.client.set(keys.resource(large.key), wire.encode(large))
        valkey.client.publish(keys.hint(large.key), b"")
        await until(lambda: large.key in engine.held, "read after an empty hint")


async def test_the_published_revision_is_compared_now_and_then(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "RESYNC_S", 1)
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine):
        await until(lambda: "service:shop/cart" in engine.held, "connected")
        valkey.publish(service("shop/cart", 2, 900), hints=False)
        await until(lambda: engine.held["service:shop/cart"].revision == 2, "read without a hint")


async def test_orders_are_heard_once_they_are_granted(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that came back before the control plane renewed what its user may do."""
    monkeypatch.setattr(keys, "RESYNC_S", 1)
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1))
    valkey.admit(orders=False)
    async with following_valkey(valkey, FakeEngine()) as follower:
        await until(lambda: follower.in_step, "connected, without orders")
        assert valkey.client.publish(keys.tap(SERVICE), b"") == 0
        valkey.admit()
        await until(lambda: valkey.client.publish(keys.tap(SERVICE), b"{}"), "hears orders")
        assert follower.trouble.count == 0, "by the same connection"


async def test_what_it_does_not_follow_it_does_not_read(valkey: Valkey) -> None:
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1), service("shop/other", 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine):
        await until(lambda: "service:shop/cart" in engine.held, "connected")
        valkey.publish(service("shop/other", 2))
        valkey.publish(service("shop/cart", 3, 900))
        await until(lambda: engine.held["service:shop/cart"].revision == 3, "followed")
    assert "service:shop/other" not in engine.held


async def test_a_proxy_that_was_evicted_goes_on_with_what_it_has(valkey: Valkey) -> None:
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine) as follower:
        await until(lambda: "service:shop/cart" in engine.held, "connected")
        valkey.client.execute_command("ACL DELUSER", PROXY)
        await until(lambda: follower.trouble.count >= 2, "cut off, and refused when it comes back")
        assert "service:shop/cart" in engine.held


async def test_half_of_what_was_published_takes_nothing_away(valkey: Valkey) -> None:
    """A Redis that lost a key which its directory lists."""
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1), trust([], 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine) as follower:
        await until(lambda: "service:shop/cart" in engine.held, "connected")
        valkey.client.delete(keys.resource("service:shop/cart"), keys.resource("trust"))
        valkey.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        await until(lambda: follower.connection is None, "cut off")
        await until(lambda: follower.connection is not None, "connected again")
        valkey.publish(endpoints("shop/cart", 2, 80))
        await until(lambda: "endpoints:shop/cart" in engine.held, "following again")
    assert {"service:shop/cart", "trust"} <= set(engine.held)


async def test_a_server_that_hangs_is_left_and_found_again(valkey: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("STALLED_S", 0.5), ("CONNECT_S", 0.5)):
        monkeypatch.setattr(resp, name, value)
    monkeypatch.setattr(keys, "RESYNC_S", 1)
    monkeypatch.setattr(following, "FIRST_RETRY_S", 0.1)
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine) as follower:
        await until(lambda: "service:shop/cart" in engine.held, "connected")
        valkey.signal(signal.SIGSTOP)
        await until(lambda: follower.trouble.count, "left")
        valkey.signal(signal.SIGCONT)
        await until(lambda: follower.connection is not None, "found again")
        valkey.publish(service("shop/cart", 2, 900))
        await until(lambda: engine.held["service:shop/cart"].revision == 2, "followed")


def told(valkey: Valkey) -> list[list[tuple[str, int]]]:
    """What each entry of the stream acknowledges: resources and revisions."""
    entries = valkey.client.xrange(keys.ACK)
    messages = [reports.read_acks(MASTER, fields) for _, fields in entries]
    return [[(ack.resource, ack.revision) for ack in message.acks] for message in messages]


async def test_endpoints_wait_for_company_and_the_newest_is_told(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ENDPOINTS_TOLD_S", 3600)
    valkey.publish(directory(["shop/cart"], 1), service("shop/cart", 1))
    engine = FakeEngine()
    async with following_valkey(valkey, engine):
        await until(lambda: sum(map(len, told(valkey))) == 2, "the first are told")
        before = len(told(valkey))
        for revision in (2, 3):
            valkey.publish(endpoints("shop/cart", revision, 8000 + revision))
        await until(lambda: (held := engine.held.get("endpoints:shop/cart")) and held.revision == 3, "taken")
        assert len(told(valkey)) == before
        valkey.publish(service("shop/cart", 4, 900))
        await until(lambda: len(told(valkey)) > before, "a service is told at once")
    assert told(valkey)[before:] == [[("endpoints:shop/cart", 3), ("service:shop/cart", 4)]]


async def test_endpoints_are_told_without_company_too(valkey: Valkey) -> None:
    valkey.publish(directory(["shop/cart"], 1))
    async with following_valkey(valkey, FakeEngine()):
        await until(lambda: told(valkey) == [[("directory", 1)]], "following")
        valkey.publish(endpoints("shop/cart", 2, 80))
        await until(lambda: told(valkey)[1:] == [[("endpoints:shop/cart", 2)]], "told after a moment")


async def test_many_acknowledgements_are_few_entries(valkey: Valkey) -> None:
    names = [f"shop/s{number}" for number in range(reports.ACKS_AT_ONCE + 50)]
    valkey.publish(directory(names, 1), *(service(name, 1) for name in names))
    async with following_valkey(valkey, FakeEngine()):
        await until(lambda: sum(map(len, told(valkey))) == len(names) + 1, "all are told")
    sizes = [len(each) for each in told(valkey)]
    assert max(sizes) <= reports.ACKS_AT_ONCE
    assert len(sizes) < 20
