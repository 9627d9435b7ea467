"""From commit to Redis: exact keys, channels and stamps; what is not sent; one publisher at a time."""

from __future__ import annotations

import redis

from meshui.core.models import Outbox, Revision
from meshui.delivery.models import Published
from meshui.delivery.publish import push
from proxies.wire import keys
from proxies.wire import resources as wire
from tests.meshui.delivery.world import World, weights


def read(store: redis.Redis, key: str) -> wire.Resource:
    data = store.get(keys.resource(key))
    assert data is not None, f"{key} is not published"
    return wire.decode(data)


def test_a_change_stands_in_redis_under_the_keys_of_the_wire(world: World, store: redis.Redis) -> None:
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    push()

    resource = read(store, "service:shop/catalog")
    assert weights(resource) == {"v1": 50, "v2": 50}
    assert resource.revision == revision
    assert resource.version == wire.content_hash(resource.body)
    assert store.get("mesh:revision") == f"{resource.epoch}:{revision}".encode()
    assert set(store.keys("mesh:res:*")) == {
        b"mesh:res:service:shop/catalog",
        b"mesh:res:endpoints:shop/catalog",
        b"mesh:res:inbound:shop/catalog",
        b"mesh:res:service:shop/cart",
        b"mesh:res:endpoints:shop/cart",
        b"mesh:res:inbound:shop/cart",
        b"mesh:res:directory",
    }
    assert not Outbox.objects.exists()
    assert not Revision.objects.filter(published_at__isnull=True).exists()
    assert Published.objects.get(resource="service:shop/catalog").revision == revision
