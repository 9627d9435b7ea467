"""Redis becomes what the database says, whatever happened to it."""

from __future__ import annotations

import pytest
import redis

from meshui.core.models import Change, Mesh, Outbox, Revision
from meshui.delivery import build
from meshui.delivery.publish import push
from meshui.delivery.recompile import recompile_once
from meshui.delivery.reconcile import reconcile
from meshui.delivery.redis import command
from meshui.security.services import authority_ensure
from proxies.wire import resources as wire
from tests.meshui.delivery.world import World


def content(store: redis.Redis) -> dict[bytes, object]:
    return {key: store.get(key) for key in store.keys("mesh:re*")}


def test_after_a_flush_everything_stands_again_with_the_users(world: World, store: redis.Redis) -> None:
    world.add_proxy("shop/catalog", "px-a")
    push()
    reconcile()
    before, users = content(store), command("ACL LIST")
    store.flushall()
    command("ACL DELUSER", "px-a")

    reconcile()

    assert content(store) == before
    assert command("ACL LIST") == users


def test_a_single_lost_key_is_noticed(world: World, store: redis.Redis) -> None:
    push()
    before = content(store)
    store.delete("mesh:res:endpoints:shop/cart")
    reconcile()
    assert content(store) == before


def test_older_data_and_left_over_keys_are_replaced(world: World, store: redis.Redis) -> None:
    push()
    world.set_split({"v1": 50, "v2": 50})
    older = content(store)
    push()
    before = content(store)
    store.mset({key.decode(): value for key, value in older.items()})
    store.set("mesh:res:service:shop/never", b"?")
    reconcile()
    assert content(store) == before


def test_a_push_that_was_lost_is_made_up_for(world: World, store: redis.Redis) -> None:
    reconcile()
    assert not Outbox.objects.exists()
    assert store.exists("mesh:res:service:shop/catalog")


def test_nothing_is_written_when_all_is_well(world: World, store: redis.Redis) -> None:
    push()
    reconcile()
    world.add_proxy("shop/catalog", "px-a")
    reconcile()
    writes = store.info("commandstats")
    reconcile()
    after = store.info("commandstats")
    for name in ("cmdstat_mset", "cmdstat_set", "cmdstat_exec", "cmdstat_acl|setuser"):
        assert writes.get(name, {}).get("calls") == after.get(name, {}).get("calls"), name


def test_a_restored_database_begins_a_new_epoch(world: World, store: redis.Redis) -> None:
    """It comes back older than what proxies hold: they would ignore its revisions."""
    push()
    epoch = Mesh.objects.get().epoch
    store.set("mesh:revision", f"{epoch}:{1_000_000}")
    reconcile()
    mesh = Mesh.objects.get()
    assert mesh.epoch > epoch
    assert store.get("mesh:revision") == f"{mesh.epoch}:{mesh.revision}".encode()
    resource = wire.decode(store.get("mesh:res:service:shop/catalog") or b"")
    assert (resource.epoch, resource.revision) == (mesh.epoch, mesh.revision)


def test_users_of_proxies_that_are_gone_are_deleted_and_others_left_alone(world: World, store: redis.Redis) -> None:
    command("ACL SETUSER", "px-ghost", "on", "nopass")
    command("ACL SETUSER", "monitoring", "on", "nopass")
    reconcile()
    assert set(command("ACL USERS")) == {"default", "monitoring"}


def test_a_revision_that_nobody_is_left_to_wait_for_is_applied(world: World) -> None:
    push()
    revision = world.set_split({"v1": 50, "v2": 50})
    push()
    assert Revision.objects.get(number=revision).applied_at is not None, "no proxies: applied when published"


def trust(store: redis.Redis) -> wire.TrustResource:
    resource = wire.decode(store.get("mesh:res:trust") or b"")
    assert isinstance(resource, wire.TrustResource)
    return resource


def test_what_an_older_release_compiled_is_published_anew_once(
    world: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority_ensure()
    world.touch(("trust", ""))
    with monkeypatch.context() as older:
        compiled = build.trust_body
        older.setattr(build, "trust_body", lambda *args, **settings: compiled(*args))
        push()
    before, others = trust(store), content(store)
    assert before.body.tracing is None

    reconcile()

    after = trust(store)
    assert after.body.tracing is not None and after.revision > before.revision
    change = Change.objects.latest("pk")
    assert (change.action, change.actor, change.summary) == (
        *("mesh.recompile", "system:reconciler"),
        "1 resources as this release compiles them",
    )
    unmoved = others.keys() - {b"mesh:res:trust", b"mesh:revision"}
    assert unmoved and all(store.get(key) == others[key] for key in unmoved)

    recompile_once.cache_clear()  # another process, of the same release
    reconcile()
    assert Change.objects.latest("pk") == change


def test_what_waits_to_be_published_is_no_other_release_s(world: World) -> None:
    push()
    world.set_split({"v1": 50, "v2": 50})
    reconcile()
    assert not Change.objects.filter(action="mesh.recompile").exists()
