"""The parent's promises: all or none, and sums of what workers tell."""

from __future__ import annotations

from typing import Any

import pytest

from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, RequestSample, Responses, ServiceState, SpanReport
from proxies.wire.resources import ResourceError, ServiceResource, decode
from proxies.workers.child import Lost
from proxies.workers.fleet import Fleet
from proxies.workers.messages import Apply, Done, Framer, Identify, Order, Remove, Told, pack, read_order
from proxies.workers.sums import merged, summed
from tests.conformance.harness import service
from tests.proxies.net.test_engine import parse


class FakeChild:
    """Remembers its orders; ``refuse`` and ``lost`` say what it does with the next one."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.orders: list[Order] = []
        self.refuse = ""
        self.lost = False
        self.killed = False
        self.told: Told | None = None

    def send(self, order: Order) -> None:
        self.orders.append(order)

    def answer(self) -> Done | Told:
        if self.lost:
            raise Lost("it ended")
        if self.told is not None:
            return self.told
        error, self.refuse = self.refuse, ""
        return Done(error)

    def kill(self) -> None:
        self.killed = True


@pytest.fixture
def fleet() -> Fleet:
    made = Fleet(3, shared_counts=False)
    made._children = {number: FakeChild(number) for number in range(3)}  # type: ignore[misc]
    return made


def children(fleet: Fleet) -> list[Any]:
    return list(fleet._children.values())


def revision(revision: int) -> ServiceResource:
    (resource,) = parse(service({"v1": 1}, revision=revision))
    assert isinstance(resource, ServiceResource)
    return resource


def applied(child: FakeChild) -> list[int]:
    return [decode(order.resource).revision for order in child.orders if isinstance(order, Apply)]


def test_what_all_take_is_in_force(fleet: Fleet) -> None:
    fleet.apply(revision(1))
    assert [applied(child) for child in children(fleet)] == [[1]] * 3
    assert fleet.applied()["service:shop/catalog"].revision == 1


def test_what_one_refuses_is_undone_on_the_others(fleet: Fleet) -> None:
    fleet.apply(revision(1))
    children(fleet)[1].refuse = "out of memory"
    with pytest.raises(ResourceError, match="out of memory"):
        fleet.apply(revision(2))
    assert [applied(child) for child in children(fleet)] == [[1, 2, 1], [1, 2], [1, 2, 1]]
    assert fleet.applied()["service:shop/catalog"].revision == 1


def test_what_was_never_there_is_removed_again(fleet: Fleet) -> None:
    children(fleet)[2].refuse = "no"
    with pytest.raises(ResourceError):
        fleet.apply(revision(1))
    assert children(fleet)[0].orders[-1] == Remove("service:shop/catalog")
    assert fleet.applied() == {}


def test_where_nothing_can_undo_it_workers_are_started_anew(fleet: Fleet) -> None:
    children(fleet)[0].refuse = "no key"
    with pytest.raises(ResourceError):
        fleet.set_identity("chain", "key", [])
    assert [child.killed for child in children(fleet)] == [False, True, True]
    fleet.set_identity("chain", "key", [])
    children(fleet)[0].refuse = "no key"
    with pytest.raises(ResourceError):
        fleet.set_identity("other", "key", [])
    assert children(fleet)[1].orders[-1] == Identify("chain", "key", [])


def test_one_that_is_lost_does_not_hold_up_the_others(fleet: Fleet) -> None:
    children(fleet)[1].lost = True
    fleet.apply(revision(1))
    assert [child.killed for child in children(fleet)] == [False, True, False]
    assert fleet.applied()["service:shop/catalog"].revision == 1


def span(number: int) -> SpanReport:
    ids = (f"{number:032x}", f"{number:016x}", "")
    edge = ("client", "source", "a/b", "c/d", "v1", "r", True)
    return SpanReport(*ids, 1, 2, *edge, "GET", "d", "/", 200, "", 0, 0)


def told(requests: int) -> Told:
    delta = EdgeDelta(
        "source", "a/b", "v1", "c/d", "v1", "r", "http", True, [Responses(200, "", requests)], 1, 2, [40, requests]
    )
    state = ServiceState("c/d", connections=requests, ejected=[f"i{requests}"])
    return Told(
        edges=[delta],
        microseconds=[1000 * requests],
        limits=[LimitUse("c/d", "r", "l", requests, 1)],
        policies=[],
        tokens=[],
        samples=[RequestSample("c/d", "r", requests, "GET", "d", "/", [], [], [])],
        spans=[span(requests)],
        dropped_spans=requests,
        gauges=Gauges(connections=requests, active_requests=1, rss_bytes=10, services=[state]),
        overflows=[("c/d", "requests", requests)],
        handshakes=[("client", "done", requests)],
        addresses=[("gateway", "127.0.0.1", 1)],
    )


def test_what_they_tell_is_one_proxys(fleet: Fleet) -> None:
    for number, child in enumerate(children(fleet), start=1):
        child.told = told(number)
    (delta,) = fleet.collect()
    assert delta.responses == [Responses(200, "", 6)]
    assert (delta.request_bytes, delta.response_bytes, delta.histogram) == (3, 6, [40, 6])
    assert fleet.limit_uses() == [LimitUse("c/d", "r", "l", 6, 3)]
    (sample,) = fleet.samples()
    assert sample.weight == 6
    assert fleet.spans() == ([span(1), span(2), span(3)], 6)
    assert fleet.spans() == ([], 0)
    gauges = fleet.gauges()
    assert (gauges.connections, gauges.active_requests, gauges.rss_bytes) == (6, 3, 30)
    assert gauges.services == [ServiceState("c/d", connections=6, ejected=["i1", "i2", "i3"])]
    assert fleet.overflows() == [("c/d", "requests", 6)]
    assert fleet.handshakes() == [("client", "done", 6)]
    row = fleet.metrics.rows()[0].total()
    assert row is not None
    assert row.microseconds == 2 * 6000


def test_nobody_tells_nothing() -> None:
    assert summed([]) == Gauges()
    assert merged([]) == []


def test_messages_are_cut_wherever_they_come_in_two() -> None:
    orders: list[Order] = [Remove("a"), Apply(b"x" * 300), Identify("c", "k", ["b"])]
    data = b"".join(pack(order) for order in orders)
    for cut in range(len(data)):
        framer = Framer()
        whole = [*framer.feed(data[:cut]), *framer.feed(data[cut:])]
        assert [read_order(each) for each in whole] == orders
