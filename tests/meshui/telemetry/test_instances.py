"""Instances told apart: what their proxies count of their own, as a graph and as series."""

from __future__ import annotations

import time
from collections.abc import Mapping
from itertools import permutations

import pytest
from channels.db import database_sync_to_async
from django.conf import settings
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from meshui.catalog.models import Instance, Proxy, Version
from meshui.telemetry import registry, rollups, window
from meshui.telemetry.collector import Collector
from meshui.telemetry.fold import PROBER, Fold, Identity, Registry
from meshui.telemetry.frames import EdgeKey, Frame, edge_key, encode, total
from meshui.telemetry.models import Edge
from meshui.telemetry.window import Window
from proxies.wire.reports import EdgeDelta, Telemetry
from tests.meshui.telemetry.mesh import Reporter, call, proxy_of, register
from tests.meshui.telemetry.test_api import client_of, get

FRONT, BACK = "front-1", "catalog-1"
KNOWN = Registry(
    proxies={
        "front-1": Identity("shop/frontend", "v1"),
        "front-2": Identity("shop/frontend", "v1"),
        "catalog-1": Identity("shop/catalog", "v1"),
        "catalog-2": Identity("shop/catalog", "v1"),
    },
    services={"shop/frontend": frozenset({"v1"}), "shop/catalog": frozenset({"v1"})},
    routes={"shop/catalog": frozenset({"default", "search"})},
)
CALLS: Mapping[str, list[EdgeDelta]] = {
    "front-1": [call("shop/catalog", codes={200: 30}, ms=[5]), call("www.example.org", codes={200: 2})],
    "front-2": [call("shop/catalog", codes={503: 10}, flags="UH")],
    "catalog-1": [
        call("", codes={200: 20}, ms=[4], reporter="destination", source="shop/frontend"),
        call("", codes={200: 5}, reporter="destination", source="unknown"),
        call("", codes={200: 50}, reporter="destination", source=PROBER),
    ],
    "catalog-2": [call("", codes={200: 10}, ms=[6], reporter="destination", source="shop/frontend")],
}


def folded(names: tuple[str, ...] = tuple(CALLS)) -> Fold:
    fold = Fold()
    for name in names:
        fold.add(Telemetry(proxy=name, boot=1, seq=1, at=0.0, edges=CALLS[name]), KNOWN.proxies[name], KNOWN)
    return fold


def requests(frame: Frame) -> dict[EdgeKey, int]:
    return {edge_key(key): int(counts[:6].sum()) for key, counts in zip(frame.keys, frame.counts, strict=True)}


def test_what_counts_is_summed_over_proxies_and_what_is_their_own_is_not() -> None:
    fold = folded()
    assert requests(fold.frame(0.0)) == {
        EdgeKey("shop/frontend", "v1", "shop/catalog", "v1", "http", "default"): 40,
        EdgeKey("shop/frontend", "v1", "unknown", "", "http"): 2,
        EdgeKey("unknown", "", "shop/catalog", "v1", "http"): 5,
    }
    assert requests(fold.instances(0.0)) == {
        EdgeKey("shop/frontend", "v1", "shop/catalog", "v1", "http", "", "front-1"): 30,
        EdgeKey("shop/frontend", "v1", "unknown", "", "http", "", "front-1"): 2,
        EdgeKey("shop/frontend", "v1", "shop/catalog", "v1", "http", "", "front-2"): 10,
        EdgeKey("", "", "shop/catalog", "v1", "http", "", "catalog-1"): 25,
        EdgeKey("", "", "shop/catalog", "v1", "http", "", "catalog-2"): 10,
    }


def test_the_order_of_reports_does_not_matter() -> None:
    def told(names: tuple[str, ...]) -> tuple[bytes, bytes]:
        fold = folded(names)
        return encode(fold.frame(0.0)), encode(total(0.0, [fold.instances(0.0)]))

    assert len({told(names) for names in permutations(CALLS)}) == 1


def test_no_proxy_can_make_up_routes_or_other_instances() -> None:
    """However many names it sends, rows are made of those that the registry has."""
    fold = Fold()
    for number in range(200):
        made_up = call("shop/catalog", codes={200: 1})
        edges = [EdgeDelta(**{**{f: getattr(made_up, f) for f in EdgeDelta.__struct_fields__}, "route": f"r{number}"})]
        report = Telemetry(proxy="front-1", boot=1, seq=number, at=0.0, edges=edges)
        fold.add(report, KNOWN.proxies["front-1"], KNOWN)
    assert [edge_key(key).route for key in fold.frame(0.0).keys] == [""]
    assert len(fold.instances(0.0).keys) == 1


# --- as a graph and as series -----------------------------------------------------------------------------------


@pytest.fixture
def two(frames: Window) -> Window:
    """The small mesh with two instances of the frontend; the last half minute of traffic, in both windows."""
    register()
    version = Version.objects.get(service__name="frontend")
    Proxy.objects.create(
        id="front-2", name="two", service=version.service, version=version, redis_password_sha256="0" * 64
    )
    Instance.objects.create(
        id="front-2", service=version.service, version=version, proxy_id="front-2", address="127.0.0.9", port=1
    )
    known = registry.load_registry(lambda: {"shop/catalog": frozenset({"default"})})
    end = int(time.time()) // 10 * 10
    edges = {
        proxy_of("shop/frontend"): [call("shop/catalog", codes={200: 30}, ms=[5] * 30)],
        "front-2": [call("shop/catalog", codes={200: 6, 503: 4}, flags="UH", ms=[9] * 10)],
        proxy_of("platform/gateway"): [call("shop/frontend", codes={200: 40}, ms=[20] * 40)],
        proxy_of("shop/catalog"): [
            call("", codes={200: 36}, ms=[4] * 36, reporter="destination", source="shop/frontend"),
            call("", codes={200: 3}, reporter="destination", source="unknown"),
        ],
    }
    for at in range(end - 29, end + 1):
        fold = Fold()
        for seq, (proxy, told) in enumerate(edges.items()):
            fold.add(Telemetry(proxy=proxy, boot=1, seq=seq, at=float(at), edges=told), known.proxies[proxy], known)
        frames.append(float(at), encode(fold.frame(float(at))))
        if at % 10 == 0:
            own = total(float(at), [fold.instances(float(at))] * 10)
            window.instances().append(float(at), encode(own))
            rollups.write(at - 10, [fold.frame(float(at))] * 10, [rollups.received(own)])
    return frames


@pytest.mark.django_db
def test_the_graph_by_instance_leads_through_versions(two: Window) -> None:
    graph = get(client_of(), "graph/", by="instance", window="30s")
    assert {edge["id"]: edge["rps"] for edge in graph["edges"]} == {
        "platform/gateway@v1#proxy-platform-gateway-v1->shop/frontend@v1": 40.0,
        "shop/frontend@v1#front-2->shop/catalog@v1": 10.0,
        "shop/frontend@v1#proxy-shop-frontend-v1->shop/catalog@v1": 30.0,
        "shop/catalog@v1->shop/catalog@v1#proxy-shop-catalog-v1": 39.0,
        "unknown->shop/catalog@v1": 3.0,
    }
    health = {edge["source"]: edge["health"] for edge in graph["edges"]}
    assert (health["shop/frontend@v1#front-2"], health["shop/frontend@v1#proxy-shop-frontend-v1"]) == (
        "failing",
        "healthy",
    )
    nodes = {node["id"]: node for node in graph["nodes"]}
    instance = nodes["shop/catalog@v1#proxy-shop-catalog-v1"]
    assert [instance[name] for name in ("namespace", "name", "version", "instance", "kind", "health", "rps_in")] == [
        "shop",
        "catalog",
        "v1",
        "proxy-shop-catalog-v1",
        "instance",
        "healthy",
        39.0,
    ]
    assert nodes["platform/gateway@v1#proxy-platform-gateway-v1"]["kind"] == "instance"
    assert nodes["platform/users@v1#proxy-platform-users-v1"]["health"] == "idle"
    assert (graph["summary"]["rps"], graph["resolution_s"]) == (83.0, 10)
    focused = get(client_of("operator"), "graph/", by="instance", window="30s", focus="shop/catalog@v1")
    assert "platform/gateway@v1#proxy-platform-gateway-v1" not in {node["id"] for node in focused["nodes"]}


@pytest.mark.django_db
def test_instances_of_namespaces_that_one_may_not_view_are_left_out(two: Window) -> None:
    client = client_of(namespace="shop")
    graph = get(client, "graph/", by="instance", window="30s")
    assert "platform" not in str(graph)
    assert client.get("/api/v1/metrics/", {"service": "platform/users", "by": "instance"}).status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize("source", ["frames", "rollups"])
def test_series_by_instance_and_by_route(two: Window, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshui.telemetry.measuring.recorded.has_frames", lambda since: source == "frames")
    client = client_of()
    end = two.newest
    assert end is not None
    span = {"from": str(end - 30), "to": str(end), "step": "10s"}
    own = get(client, "metrics/", service="shop/catalog", by="instance", **span)
    assert (own["source"], own["by_version"], own["by_route"]) == (source, {}, {})
    assert own["by_instance"]["proxy-shop-catalog-v1"]["rps"] == [39.0] * 3
    one = get(client, "metrics/", service="shop/catalog", instance="proxy-shop-catalog-v1", **span)
    assert (one["series"]["rps"], list(one["by_version"])) == ([39.0] * 3, ["v1"])
    routes = get(client, "metrics/", service="shop/catalog", by="route", **span)
    assert {route: series["rps"] for route, series in routes["by_route"].items()} == {
        "default": [40.0] * 3,
        "(unrouted)": [3.0] * 3,
    }
    chosen = get(client, "metrics/", edge="shop/frontend->shop/catalog", route="default", **span)
    assert chosen["series"]["error_rate"] == [0.1] * 3
    everything = get(client, "metrics/", **span)
    assert everything["series"]["rps"] == [83.0] * 3, "no instance's own account counts again"
    assert Edge.objects.exclude(instance="").count() == 1, "whom each instance called is not kept"


@pytest.mark.django_db(transaction=True)
async def test_the_collector_appends_what_instances_counted_every_ten_seconds(valkey: Redis) -> None:
    await database_sync_to_async(register)()
    reporter = Reporter(valkey, proxy_of("shop/frontend"))
    async with AsyncRedis.from_url(settings.MESHUI.redis_url) as client:
        collector = Collector(client, settings.MESHUI.report_key)
        await collector._resume()
        end = 0.0
        while not valkey.exists("mesh:instances"):
            reporter.send(call("shop/catalog", codes={200: 1}))
            end += 1
            assert end < 14
            await collector._second()
    own = Window(10)
    window.Tail(own, settings.MESHUI.redis_url, "mesh:instances", "")._begin(valkey)
    view = own.view(10)
    assert view is not None and (view.as_of % 10, view.covered_s) == (0.0, 10.0)
    assert [edge_key(key).instance for key in view.keys] == [proxy_of("shop/frontend")]
