from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxies.agent.replica import SHARED, Replica
from proxies.wire import resources as wire
from tests.proxies.agent.fakes import FakeEngine, replica_of
from tests.proxies.agent.mesh import directory, endpoints, inbound, proxy, service, trust

CART = "service:shop/cart"
LISTED = directory(["shop/cart"], 1)


def offer(engine: FakeEngine, *resources: wire.Resource) -> list[str]:
    """What is said to each: ``ack``, ``nack`` or ``-``."""
    replica = replica_of(engine)
    acks = [replica.offer(resource.key, wire.encode(resource)) for resource in resources]
    return [ack.status if ack else "-" for ack in acks]


@pytest.mark.parametrize(
    ("first", "then", "said"),
    [
        (service("shop/cart", 5), service("shop/cart", 6, 900), "ack"),
        (service("shop/cart", 5), service("shop/cart", 4, 900), "-"),
        (service("shop/cart", 5), service("shop/cart", 5), "-"),
        (service("shop/cart", 5), service("shop/cart", 5, 900), "ack"),
        (service("shop/cart", 5), service("shop/cart", 6), "ack"),
        (service("shop/cart", 5, epoch=1), service("shop/cart", 2, 900, epoch=2), "ack"),
        (service("shop/cart", 2, epoch=2), service("shop/cart", 9, 900, epoch=1), "-"),
    ],
    ids=["newer", "older", "the same", "other content, same revision", "same content, newer", "new epoch", "old epoch"],
)
def test_what_counts_is_epoch_then_revision(first: wire.Resource, then: wire.Resource, said: str) -> None:
    engine = FakeEngine()
    assert offer(engine, LISTED, first, then)[1:] == ["ack", said]
    in_force = engine.held[CART]
    assert in_force.version == (then if said == "ack" else first).version


def test_the_same_content_under_a_newer_revision_is_not_applied_again() -> None:
    engine = FakeEngine()
    offer(engine, LISTED, service("shop/cart", 5), service("shop/cart", 6))
    assert engine.tried.count(CART) == 1


def test_a_refused_content_is_not_tried_again_until_it_changes() -> None:
    bad = service("shop/cart", 6, 900)
    engine = FakeEngine(frozenset({bad.version}))
    said = offer(
        engine,
        LISTED,
        service("shop/cart", 5),
        bad,
        bad,
        service("shop/cart", 7, 900),
        service("shop/cart", 8, 800),
    )
    assert said[1:] == ["ack", "nack", "-", "nack", "ack"]
    assert engine.tried.count(CART) == 3
    assert engine.held[CART].revision == 8


def test_going_back_from_a_refused_content_needs_no_apply() -> None:
    bad = service("shop/cart", 6, 900)
    engine = FakeEngine(frozenset({bad.version}))
    replica = replica_of(engine)
    for resource in (LISTED, service("shop/cart", 5), bad):
        replica.offer(resource.key, wire.encode(resource))
    assert replica.refused() == 1
    ack = replica.offer(CART, wire.encode(service("shop/cart", 7)))
    assert ack is not None
    assert (ack.status, ack.revision, replica.refused()) == ("ack", 7, 0)


def altered(resource: wire.Resource, old: bytes, new: bytes) -> bytes:
    data = wire.encode(resource)
    assert old in data
    return data.replace(old, new)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\x93\x01\x02\x03",
        altered(service("shop/cart", 9), b"\xa8requires\x01", b"\xa8requires\x7f"),
        altered(service("shop/cart", 9), b"\xa7service", b"\xa7serfice"),
        altered(service("shop/cart", 9), b"shop/cart", b"shop/kart"),
    ],
    ids=["nothing", "no msgpack", "a list", "a newer schema", "an unknown kind", "another's name"],
)
def test_what_cannot_be_read_is_refused_once_and_the_old_one_stays(data: bytes) -> None:
    engine = FakeEngine()
    replica = replica_of(engine)
    replica.offer(LISTED.key, wire.encode(LISTED))
    replica.offer(CART, wire.encode(service("shop/cart", 5)))
    nack = replica.offer(CART, data)
    assert nack is not None
    assert (nack.status, nack.resource) == ("nack", CART)
    assert nack.error
    assert replica.offer(CART, data) is None
    assert engine.held[CART].revision == 5
    after = replica.offer(CART, wire.encode(service("shop/cart", 10, 900)))
    assert after is not None
    assert after.status == "ack"


def test_no_listener_opens_before_it_is_known_who_may_call() -> None:
    policies, plain = inbound(3), inbound(4, "disable")
    engine = FakeEngine(frozenset({policies.version}))
    assert offer(engine, policies, proxy([], 3)) == ["nack", "nack"]
    assert not engine.held
    assert offer(engine, policies, proxy([], 3), plain, proxy([], 3)) == ["nack", "nack", "ack", "ack"]
    assert offer(engine, plain, inbound(5), proxy([], 5))[-1] == "ack", "what is in force still says who may call"


def test_a_fault_of_the_engine_is_a_refusal() -> None:
    class Faulty(FakeEngine):
        def apply(self, resource: wire.Resource) -> None:
            if resource.key == CART:
                raise KeyError("oops")
            super().apply(resource)

    engine = Faulty()
    assert offer(engine, LISTED, service("shop/cart", 1), endpoints("shop/cart", 1, 80)) == ["ack", "nack", "ack"]


def test_resources_of_others_are_not_touched() -> None:
    engine = FakeEngine()
    foreign = wire.InboundResource(name="shop/other", body=wire.InboundBody(), revision=9, version="x")
    assert offer(engine, service("shop/cart", 1), foreign) == ["-", "-"]
    assert not engine.held


def test_a_service_that_is_listed_no_longer_goes_with_its_endpoints() -> None:
    engine = FakeEngine()
    offer(engine, LISTED, service("shop/cart", 1), endpoints("shop/cart", 1, 80), directory([], 2))
    assert set(engine.held) == {"directory"}


def test_a_service_listed_again_starts_anew() -> None:
    engine = FakeEngine()
    offer(engine, LISTED, service("shop/cart", 7), directory([], 8), directory(["shop/cart"], 9))
    assert CART not in engine.held


def test_the_own_listeners_come_last_from_disk() -> None:
    engine = FakeEngine()
    before = replica_of(FakeEngine())
    published = [
        proxy([wire.OutboundListener(port=80)], 1), inbound(1), endpoints("shop/cart", 1, 80),
        service("shop/cart", 1), trust([], 1), LISTED,
    ]  # fmt: skip
    for resource in reversed(published):
        before.offer(resource.key, wire.encode(resource))
    replica_of(engine).restore(before.contents())
    assert engine.tried[:2] == ["trust", "directory"]
    assert engine.tried[-1] == "proxy:px-1"
    assert len(engine.tried) == 6


def test_acknowledgements_are_said_again_since_a_time() -> None:
    replica = replica_of(FakeEngine())
    replica.offer(LISTED.key, wire.encode(LISTED))
    assert [ack.resource for ack in replica.acks(100.0)] == ["directory"]
    assert replica.acks(100.1) == []


# --- convergence --------------------------------------------------------------------------------------------------

SERVICES = ("a/a", "b/b", "c/c")


@st.composite
def histories(draw: st.DrawFn) -> list[list[wire.Resource]]:
    """Revisions one after the other, each with the resources that it changed; each may list other services."""
    history = []
    for revision in range(1, draw(st.integers(1, 8)) + 1):
        epoch = 1 + (revision > 4)
        changed: list[wire.Resource] = []
        if revision == 1 or draw(st.booleans()):
            changed.append(directory(draw(st.lists(st.sampled_from(SERVICES), unique=True)), revision, epoch))
        for name in draw(st.lists(st.sampled_from(SERVICES), unique=True)):
            changed.append(service(name, revision, draw(st.integers(1, 3)), epoch))
            changed.append(endpoints(name, revision, draw(st.integers(1, 3)), epoch))
        history.append(changed)
    return history


def published(history: list[list[wire.Resource]]) -> dict[str, bytes]:
    """What Redis holds in the end."""
    return {resource.key: wire.encode(resource) for revision in history for resource in revision}


def read_all(replica: Replica, store: dict[str, bytes]) -> None:
    """As the follower does: the directory, then what it lists."""
    for key in SHARED:
        if key in store:
            replica.offer(key, store[key])
    for key in replica.particular():
        if key in store:
            replica.offer(key, store[key])


def in_force(engine: FakeEngine) -> dict[str, str]:
    return {key: resource.version for key, resource in engine.held.items()}


def contents(resources: Iterable[wire.Resource]) -> frozenset[str]:
    return frozenset(resource.version for resource in resources)


@given(histories(), st.data())
def test_any_hints_and_then_a_read_equal_a_fresh_read(history: list[list[wire.Resource]], data: st.DataObject) -> None:
    """Hints lost, repeated and out of order, some contents refused: after one read the state is that of a newcomer."""
    everything = [resource for revision in history for resource in revision]
    old, new = FakeEngine(), FakeEngine()
    follower, newcomer = replica_of(old), replica_of(new)
    for resource in data.draw(st.lists(st.sampled_from(everything), max_size=20)) if everything else []:
        follower.offer(resource.key, wire.encode(resource))
    store = published(history)
    read_all(follower, store)
    read_all(newcomer, store)
    assert in_force(old) == in_force(new)


@given(histories(), st.data())
def test_taking_anything_twice_changes_nothing(history: list[list[wire.Resource]], data: st.DataObject) -> None:
    everything = [resource for revision in history for resource in revision]
    engine = FakeEngine(contents(data.draw(st.lists(st.sampled_from(everything))) if everything else []))
    replica = replica_of(engine)
    for resource in everything:
        replica.offer(resource.key, wire.encode(resource))
        tried = len(engine.tried)
        assert replica.offer(resource.key, wire.encode(resource)) is None
        assert len(engine.tried) == tried


@given(histories())
def test_a_restart_from_disk_gives_the_same_state(history: list[list[wire.Resource]]) -> None:
    before, after = FakeEngine(), FakeEngine()
    replica = replica_of(before)
    for revision in history:
        for resource in revision:
            replica.offer(resource.key, wire.encode(resource))
    replica_of(after).restore(replica.contents())
    assert in_force(after) == in_force(before)
