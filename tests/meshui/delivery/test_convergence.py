"""A proxy that took hints late, twice or in another order, and then read everything, holds what a new one reads."""

from __future__ import annotations

import random

import pytest
import redis

from meshui.delivery.publish import push
from meshui.delivery.services import mesh_new_epoch
from proxies.agent.replica import SHARED, Replica
from proxies.wire import keys
from tests.meshui.delivery.test_publish import hints
from tests.meshui.delivery.world import ACTOR, World
from tests.support.fake_proxy import FakeEngine

ROUNDS = 12


class Holder:
    """A proxy of shop/catalog without a network: what it holds is in ``engine.held``."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.replica = Replica(
            self.engine, proxy_id="px-a", service="shop/catalog", proxy_version="test", clock=lambda: 0.0
        )

    def hear(self, store: redis.Redis, channel: str, payload: bytes) -> None:
        """A hint; an empty one means to read the key."""
        key = channel.removeprefix(keys.HINT_PREFIX)
        data = payload or store.get(keys.resource(key))
        if data:
            self.replica.offer(key, bytes(data))

    def read(self, store: redis.Redis) -> dict[str, object]:
        """Read everything, as after a reconnect."""
        for key in SHARED:
            self.hear(store, keys.hint(key), b"")
        for key in self.replica.particular():
            self.hear(store, keys.hint(key), b"")
        return self.held()

    def held(self) -> dict[str, object]:
        """What is in force. Its stamp may be older than what is published: the same content is not applied again."""
        return {key: resource.body for key, resource in self.engine.held.items()}


def change(world: World, chance: random.Random) -> None:
    weight = chance.randrange(101)
    match chance.randrange(6):
        case 0:
            world.add_service(f"shop/s{chance.randrange(10**9)}", {"v1": 100})
        case 1:
            world.add_instance("shop/cart", f"i-{chance.randrange(10**9)}", chance.randrange(1, 65_000))
        case 2:
            extra = [name for name in world.names() if name not in ("shop/catalog", "shop/cart")]
            if extra:
                world.drop_service(chance.choice(extra))
        case 3 if weight < 20:
            mesh_new_epoch(actor=ACTOR)
        case _:
            world.set_split_or_same({"v1": 100 - weight, "v2": weight})


@pytest.mark.parametrize("seed", range(4))
def test_hints_on_stale_state_then_a_read_equal_a_fresh_read(world: World, store: redis.Redis, seed: int) -> None:
    chance = random.Random(seed)
    world.add_proxy("shop/catalog", "px-a")
    push()
    stale = Holder()
    stale.read(store)
    for _ in range(ROUNDS):
        change(world, chance)
        with hints(store) as heard:
            push()
        kept = [hint for hint in heard * 2 if chance.random() < 0.6]
        chance.shuffle(kept)
        for channel, payload in kept:
            stale.hear(store, channel, payload)
    fresh = Holder()
    assert stale.read(store) == fresh.read(store)
    assert fresh.engine.held.keys() >= {"directory", "proxy:px-a", "service:shop/catalog", "endpoints:shop/cart"}


def test_every_hint_in_order_needs_no_read(world: World, store: redis.Redis) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    follower = Holder()
    follower.read(store)
    for weight in (10, 20, 30):
        world.set_split({"v1": 100 - weight, "v2": weight})
        with hints(store) as heard:
            push()
        for channel, payload in heard:
            follower.hear(store, channel, payload)
    assert follower.held() == Holder().read(store)
