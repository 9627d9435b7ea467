"""From commit to Redis: exact keys, channels and stamps; what is not sent; one publisher at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
import redis
from django.db import connection

from meshui.core.models import Mesh, Outbox, Revision
from meshui.delivery import publish
from meshui.delivery.models import Published
from meshui.delivery.publish import push
from proxies.wire import keys
from proxies.wire import resources as wire
from tests.meshui.delivery.world import World, weights
from tests.support.poll import until


def read(store: redis.Redis, key: str) -> wire.Resource:
    data = store.get(keys.resource(key))
    assert data is not None, f"{key} is not published"
    return wire.decode(data)


@contextmanager
def hints(store: redis.Redis) -> Iterator[list[tuple[str, bytes]]]:
    """What is announced within the block: channel and payload."""
    heard: list[tuple[str, bytes]] = []
    with store.pubsub() as pubsub:
        pubsub.psubscribe("mesh:hint:*")
        assert pubsub.get_message(timeout=5)
        yield heard
        store.publish("mesh:hint:end", b"")
        while True:
            message = pubsub.get_message(timeout=5)
            assert message is not None
            if message["channel"] == b"mesh:hint:end":
                return
            heard.append((message["channel"].decode(), message["data"]))


@contextmanager
def other_publisher() -> Iterator[None]:
    """Another process that holds the lock of publication."""
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [publish.LOCK])
        yield
        other.execute("SELECT pg_advisory_unlock(%s)", [publish.LOCK])


def test_a_change_stands_in_redis_under_the_keys_of_the_wire(world: World, store: redis.Redis) -> None:
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    push()

    resource = read(store, "service:shop/catalog")
    assert weights(resource) == {"v1": 50, "v2": 50}
    assert resource.revision == revision
    assert resource.epoch == Mesh.objects.get().epoch
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


def test_resources_and_revision_change_in_one_multi_before_any_hint(world: World, store: redis.Redis) -> None:
    push()
    world.set_split({"v1": 50, "v2": 50})
    with store.monitor() as monitor:
        push()
        store.publish("end", b"")
        commands = []
        for heard in monitor.listen():
            commands.append(heard["command"].split(" ")[0].upper())
            if heard["command"].startswith("PUBLISH end"):
                break
    start = commands.index("MULTI")
    assert commands[start : start + 4] == ["MULTI", "MSET", "SET", "EXEC"]
    assert "PUBLISH" not in commands[:start]


def test_a_hint_carries_the_bytes_and_only_what_changed_is_announced(world: World, store: redis.Redis) -> None:
    push()
    world.set_split({"v1": 50, "v2": 50})
    with hints(store) as heard:
        push()
    assert heard == [("mesh:hint:service:shop/catalog", store.get("mesh:res:service:shop/catalog"))]


def test_a_hint_of_a_large_resource_is_empty(world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    push()
    monkeypatch.setattr(keys, "HINT_INLINE_MAX", 10)
    world.set_split({"v1": 50, "v2": 50})
    with hints(store) as heard:
        push()
    assert heard == [("mesh:hint:service:shop/catalog", b"")]


def test_a_deleted_service_is_gone_and_its_hints_are_empty(world: World, store: redis.Redis) -> None:
    push()
    world.drop_service("shop/cart")
    with hints(store) as heard:
        push()
    assert not store.exists("mesh:res:service:shop/cart", "mesh:res:endpoints:shop/cart", "mesh:res:inbound:shop/cart")
    assert ("mesh:hint:service:shop/cart", b"") in heard
    directory = read(store, "directory")
    assert isinstance(directory, wire.DirectoryResource)
    assert directory.body.services == ["shop/catalog"]
    assert not Published.objects.filter(name="shop/cart").exists()


def test_the_same_content_is_not_sent_again_but_its_revision_is_published(world: World, store: redis.Redis) -> None:
    push()
    before = store.get("mesh:res:service:shop/catalog")
    revision = world.touch(("service", "shop/catalog"))
    with hints(store) as heard:
        push()
    assert heard == []
    assert store.get("mesh:res:service:shop/catalog") == before
    assert Revision.objects.get(number=revision).published_at is not None


def test_a_revision_without_resources_is_published_too(world: World) -> None:
    push()
    revision = world.touch()
    push()
    assert Revision.objects.get(number=revision).published_at is not None


def test_a_burst_becomes_one_publication(world: World, store: redis.Redis) -> None:
    push()
    for weight in (10, 20, 30):
        last = world.set_split({"v1": 100 - weight, "v2": weight})
    with hints(store) as heard:
        push()
    assert len(heard) == 1
    resource = wire.decode(heard[0][1])
    assert (resource.revision, weights(resource)) == (last, {"v1": 70, "v2": 30})


def test_endpoints_wait_for_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    push()
    waited: list[float] = []
    monkeypatch.setattr(publish.time, "sleep", waited.append)
    world.add_instance("shop/catalog", "i-1", 1001)
    push()
    assert waited == []
    world.set_split({"v1": 50, "v2": 50})
    push()
    assert waited
    assert all(wait <= publish.QUIET_S for wait in waited)


def test_one_publisher_at_a_time(world: World, store: redis.Redis) -> None:
    with other_publisher():
        push()
        assert not store.exists("mesh:revision")
    push()
    assert store.exists("mesh:revision")


def test_a_change_that_comes_while_another_publishes_is_not_lost(
    world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is committed after the batch was read, and its own push finds the lock taken."""
    push()
    world.set_split({"v1": 60, "v2": 40})
    record = publish.record

    def late_change(*arguments: object) -> None:
        monkeypatch.setattr(publish, "record", record)
        record(*arguments)
        thread = threading.Thread(target=_change_and_push, args=(world,))
        thread.start()
        thread.join()

    monkeypatch.setattr(publish, "record", late_change)
    push()
    assert weights(read(store, "service:shop/catalog")) == {"v1": 5, "v2": 95}


def _change_and_push(world: World) -> None:
    try:
        world.set_split({"v1": 5, "v2": 95})
        push()
        assert Outbox.objects.exists(), "the push did not find the lock taken"
    finally:
        connection.close()


def test_a_late_write_of_a_publisher_that_hung_is_refused(
    world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has read its batch; meanwhile another published."""
    push()
    world.set_split({"v1": 60, "v2": 40})
    read_batch = publish.read_batch

    def hang() -> object:
        monkeypatch.setattr(publish, "read_batch", read_batch)
        batch = read_batch()
        store.set("mesh:revision", batch.was)  # what WATCH sees of another's publication
        return batch

    monkeypatch.setattr(publish, "read_batch", hang)
    with hints(store) as heard:
        push()
    assert len(heard) == 1, "the first write was refused, the second went through"


def test_the_session_of_a_publisher_that_hangs_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publish, "STALLED_MS", 100)
    with publish.single_flight() as mine:
        assert mine
        with other_publisher():  # waits for the lock, which the database takes from us
            pass


def test_what_fails_the_check_is_not_published_and_says_why(world: World, store: redis.Redis) -> None:
    push()
    good = store.get("mesh:res:service:shop/catalog")
    bad = world.break_routes()
    other = world.set_split({"v1": 0, "v2": 100})
    unrelated = world.add_instance("shop/cart", "i-1", 1001)
    push()

    assert store.get("mesh:res:service:shop/catalog") == good
    for number in (bad, other):
        failed = Revision.objects.get(number=number)
        assert failed.failed_at is not None and failed.published_at is None
        assert "v9" in failed.error
    assert Revision.objects.get(number=unrelated).published_at is not None
    assert read(store, "endpoints:shop/cart").revision == unrelated


def test_a_later_good_change_goes_out_with_all_that_was_held_back(world: World, store: redis.Redis) -> None:
    push()
    world.break_routes()
    world.set_split({"v1": 0, "v2": 100})
    push()
    mended = world.mend_routes()
    push()
    resource = read(store, "service:shop/catalog")
    assert (resource.revision, weights(resource)) == (mended, {"v1": 0, "v2": 100})
    assert Revision.objects.get(number=mended).failed_at is None
    assert not Outbox.objects.exists()


def test_stored_rules_that_are_no_value_hold_up_only_their_service(world: World, store: redis.Redis) -> None:
    push()
    bad = world.break_routes(routes=[{"name": "default", "nonsense": 1}])
    world.add_instance("shop/cart", "i-1", 1001)
    push()
    assert "nonsense" in Revision.objects.get(number=bad).error
    assert read(store, "endpoints:shop/cart").body.endpoints


def test_redis_that_lost_everything_gets_everything_with_the_next_change(world: World, store: redis.Redis) -> None:
    push()
    before = set(store.keys("mesh:res:*"))
    store.flushall()
    store.set("mesh:res:service:shop/left-over", b"?")
    world.set_split({"v1": 50, "v2": 50})
    push()
    assert set(store.keys("mesh:res:*")) == before


def test_a_crash_between_redis_and_the_database_is_made_good(
    world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(publish, "record", _crash)
        push()
    assert Revision.objects.get(number=revision).published_at is None
    push()
    assert Revision.objects.get(number=revision).published_at is not None
    assert read(store, "service:shop/catalog").revision == revision


def _crash(*_: object) -> None:
    raise RuntimeError("killed")


def test_commit_order_is_revision_order(world: World, store: redis.Redis) -> None:
    """Many at once: each publication's content is that of its revision."""
    push()
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        while not stop.is_set():
            resource = read(store, "service:shop/catalog")
            seen.append(resource.revision)
            time.sleep(0)

    def change(start: int) -> None:
        try:
            for step in range(10):
                weight = (start + step * 4) % 101
                world.set_split_or_same({"v1": 100 - weight, "v2": weight})
                push()
        finally:
            connection.close()

    watcher = threading.Thread(target=watch)
    writers = [threading.Thread(target=change, args=(start,)) for start in range(4)]
    for thread in (watcher, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    until(lambda: not Outbox.objects.exists(), "the outbox is empty")
    stop.set()
    watcher.join()
    assert seen == sorted(seen)
    final = {version.name: version.weight for version in world.service("shop/catalog").versions.all()}
    assert weights(read(store, "service:shop/catalog")) == final
