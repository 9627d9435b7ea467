"""How far proxies are: true at any moment, also of those that came back after everybody else had taken a revision."""

from __future__ import annotations

import msgspec
import pytest
import redis

from meshui.core.models import Change, Revision
from meshui.delivery import applied, settle
from meshui.delivery.models import CaughtUp, RevisionResource
from meshui.delivery.publish import push
from meshui.delivery.reconcile import reconcile
from meshui.delivery.settle import open_revisions
from meshui.delivery.shown import revision_views
from meshui.delivery.sync import note_caught_up, states, sync_of
from meshui.delivery.tasks import forget_old_revisions
from proxies.wire.reports import Acks
from tests.meshui.delivery.test_acks import CATALOG, answer
from tests.meshui.delivery.test_api import seen
from tests.meshui.delivery.world import World

SHARED = ["directory", *(f"{kind}:shop/{name}" for kind in ("service", "endpoints") for name in ("catalog", "cart"))]


def take_all(store: redis.Redis, *proxies: str) -> None:
    """Of proxies of shop/catalog."""
    for proxy in proxies:
        own = ["inbound:shop/catalog", f"proxy:{proxy}"]
        applied.write([answer(store, proxy, resource) for resource in (*SHARED, *own)])


def later(said: Acks) -> Acks:
    return Acks(said.proxy, [msgspec.structs.replace(ack, applied_at=ack.applied_at + 1) for ack in said.acks])


@pytest.fixture
def mesh(world: World, store: redis.Redis) -> World:
    """Two proxies that took everything; ``px-b`` is away while a revision is taken by ``px-a`` and so settles."""
    world.add_proxy("shop/catalog", "px-a")
    world.add_proxy("shop/catalog", "px-b")
    push()
    take_all(store, "px-a", "px-b")
    seen("px-a")
    seen("px-b", seconds_ago=11)
    reconcile()
    world.set_split({"v1": 50, "v2": 50})
    push()
    applied.write([answer(store, "px-a")])
    reconcile()
    assert not open_revisions()
    return world


def test_a_proxy_that_comes_back_behind_is_syncing_until_it_took_all(mesh: World, store: redis.Redis) -> None:
    assert states() == {"px-a": "synced", "px-b": "offline"}
    seen("px-b")
    assert states() == {"px-a": "synced", "px-b": "syncing"}
    assert sync_of(["px-b"])["px-b"].waiting == [CATALOG]
    applied.write([answer(store, "px-b")])
    assert states() == {"px-a": "synced", "px-b": "synced"}


def test_a_proxy_that_comes_back_and_refuses_is_refused(mesh: World, store: redis.Redis) -> None:
    seen("px-b")
    applied.write([answer(store, "px-b", status="nack", error="odd")])
    reconcile()
    assert states()["px-b"] == "refused"
    found = sync_of(["px-b"])["px-b"]
    assert (found.state, [each.error for each in found.refused]) == ("refused", ["odd"])
    assert found.applied_revision < found.desired_revision


def test_what_was_taken_and_is_refused_after_a_restart_is_not_held_any_more(mesh: World, store: redis.Redis) -> None:
    taken = answer(store, "px-a")
    refused = later(answer(store, "px-a", status="nack", error="too new for me"))
    applied.write([refused])
    applied.write([taken])  # an entry that was read again changes nothing
    note_caught_up()
    assert states()["px-a"] == "refused"
    applied.write([later(later(taken))])
    assert states()["px-a"] == "synced"


def test_only_what_is_newer_than_a_note_is_compared(mesh: World, store: redis.Redis) -> None:
    """The note is what makes it quick, so it has to be there, and to say what is published."""
    seen("px-b")
    note_caught_up()
    newest = sync_of(["px-a"])["px-a"].desired_revision
    assert CaughtUp.objects.get(proxy="px-a").revision >= newest > CaughtUp.objects.get(proxy="px-b").revision
    mesh.add_instance("shop/cart", "i-1", 1001)
    push()
    note_caught_up()
    assert states() == {"px-a": "syncing", "px-b": "syncing"}
    assert sync_of(["px-a"])["px-a"].waiting == ["endpoints:shop/cart"]


def test_what_was_held_back_and_goes_out_late_is_newer_than_every_note(mesh: World, store: redis.Redis) -> None:
    """A revision that fails is held back whole; once another mends it, its good half goes out too."""
    mesh.break_routes()
    mesh.add_instance("shop/cart", "i-1", 1001)
    mesh.touch(("service", "shop/catalog"), ("endpoints", "shop/cart"))
    push()
    mesh.add_instance("shop/catalog", "i-2", 1002)
    push()
    applied.write([answer(store, "px-a", "endpoints:shop/catalog")])
    note_caught_up()
    assert states()["px-a"] == "synced"
    mesh.mend_routes()
    push()
    assert set(sync_of(["px-a"])["px-a"].waiting) == {"endpoints:shop/cart"}


def test_old_revisions_are_forgotten_and_still_count_as_applied(
    mesh: World, store: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = Revision.objects.get(number=World.published())
    waiting = mesh.add_instance("shop/cart", "i-1", 1001)
    push()
    newest = mesh.add_instance("shop/cart", "i-2", 1002)
    push()
    monkeypatch.setattr(settle, "KEPT", 1)
    forget_old_revisions()
    left = set(RevisionResource.objects.values_list("revision", flat=True))
    assert left == {waiting, newest}, "who is waited for stays known"
    assert revision_views([old])[0].state == "applied"
    assert Change.objects.filter(revision=old.number).exists()
    assert states()["px-a"] == "syncing"
    assert not set(settle.settle([waiting, newest]))
