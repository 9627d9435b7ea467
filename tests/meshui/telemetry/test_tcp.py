"""TCP edges: connections are counted, bytes of open ones too, and neither is taken for requests."""

from __future__ import annotations

import time
from collections.abc import Mapping

import msgspec
import pytest

from meshui.telemetry import selectors
from meshui.telemetry.fold import Fold, Identity, Nonsense, Registry
from meshui.telemetry.graph import Scope
from meshui.telemetry.measuring.asked import Asked
from meshui.telemetry.measuring.selectors import metrics_get
from meshui.telemetry.window import Window
from proxies.wire.reports import Closed, EdgeDelta, Responses, Telemetry
from tests.meshui.telemetry.mesh import buckets, call, register
from tests.meshui.telemetry.seconds import second

REGISTRY = Registry(
    proxies={"front": Identity("shop/frontend", "v1")},
    services={"shop/frontend": frozenset({"v1"}), "shop/db": frozenset({"v1"})},
)


def connect(
    responses: Mapping[tuple[int, str], int] | None = None,
    *,
    closed: Mapping[str, int] | None = None,
    ms: tuple[float, ...] = (),
    sent: int = 0,
    received: int = 0,
    secured: bool = True,
) -> EdgeDelta:
    """What a proxy counted of its connections to ``shop/db``."""
    return msgspec.structs.replace(
        call("shop/db", secured=secured),
        protocol="tcp",
        responses=[Responses(code, flags, count) for (code, flags), count in (responses or {}).items()],
        closed=[Closed(flags, count) for flags, count in (closed or {}).items()],
        histogram=buckets(*ms),
        request_bytes=sent,
        response_bytes=received,
    )


def refused(edge: EdgeDelta) -> str:
    fold = Fold()
    report = Telemetry(proxy="front", boot=1, seq=1, at=0.0, edges=[edge])
    with pytest.raises(Nonsense) as nonsense:
        fold.add(report, REGISTRY.proxies["front"], REGISTRY)
    assert fold.frame(1.0).keys == []
    return str(nonsense.value)


def test_durations_are_of_those_that_ended() -> None:
    assert "measures" in refused(connect({(200, ""): 5}, closed={"": 1}, ms=(1, 2)))
    assert "negative" not in refused(connect(closed={"": -1}))
    assert "malformed" in refused(connect(closed={"not a flag": 1}))
    http = msgspec.structs.replace(connect(closed={"": 1}), protocol="http")
    assert "requests are counted" in refused(http)


@pytest.fixture
def mesh(db: None, frames: Window) -> Window:
    register({"platform/gateway": ("v1",), "shop/frontend": ("v1",), "shop/db": ("v1",), "shop/catalog": ("v1",)})
    return frames


def graph(window_s: int = 10) -> selectors.Graph:
    return selectors.graph_get(window_s=window_s, by="service", scope=Scope())


def test_the_graph_shows_connections_bytes_and_failures(mesh: Window) -> None:
    now = time.time()
    for ago in range(10):
        edge = connect(
            {(200, ""): 4, (0, "UF"): 1}, closed={"": 2, "SI": 1}, ms=(100, 100, 30_000), sent=50, received=7
        )
        second(mesh, now - 9 + ago, shop_frontend=[edge, call("shop/catalog", codes={200: 10}, ms=[5] * 10)])
    found = graph()
    edge = next(edge for edge in found.edges if edge.target == "shop/db")
    assert (edge.protocol, edge.rps, edge.requests, edge.errors, edge.error_rate) == ("tcp", 5.0, 50, 10, 0.2)
    assert (edge.codes, edge.flags) == ({"0": 10, "2xx": 40}, {"SI": 10, "UF": 10})
    assert (edge.bytes_in_per_s, edge.bytes_out_per_s, edge.secured) == (50.0, 7.0, 1.0)
    assert edge.p50_ms == pytest.approx(100, rel=0.032)
    assert (edge.health, edge.reason) == ("failing", "20 % errors over 50 connections")
    nodes = {node.id: node for node in found.nodes}
    assert (nodes["shop/db"].health, nodes["shop/db"].rps_in, nodes["shop/db"].p50_ms) == ("failing", 5.0, None)
    assert nodes["shop/catalog"].p50_ms == pytest.approx(5, rel=0.032)


def test_open_connections_keep_their_edge_in_view(mesh: Window) -> None:
    now = time.time()
    for ago in range(10):
        second(mesh, now - 9 + ago, shop_frontend=[connect(sent=1000, received=2000)])
    found = graph()
    (edge,) = found.edges
    assert (edge.protocol, edge.rps, edge.requests) == ("tcp", 0.0, 0)
    assert (edge.bytes_in_per_s, edge.bytes_out_per_s, edge.secured) == (1000.0, 2000.0, 1.0)
    assert edge.health == "healthy"
    assert {node.id: node.health for node in found.nodes}["shop/db"] == "healthy"
    assert (found.summary.edges, found.summary.headline) == (1, "The edge is healthy")


def test_plaintext_stays_plaintext(mesh: Window) -> None:
    second(mesh, time.time(), shop_frontend=[connect(sent=10, secured=False)])
    assert graph().edges[0].secured == 0.0


def test_durations_of_connections_are_no_latency_of_the_mesh(mesh: Window) -> None:
    now = int(time.time())
    tcp = connect({(200, ""): 10}, closed={"": 10}, ms=(30_000,) * 10)
    second(mesh, now, shop_frontend=[tcp, call("shop/catalog", codes={200: 10}, ms=[5] * 10)])
    found = metrics_get(asked=Asked(), since=now - 1, until=now, step_s=1)
    (p99,) = [value for value in found.series.p99_ms if value is not None]
    assert p99 == pytest.approx(5, rel=0.032)
    assert max(value or 0 for value in found.series.rps) == 20
