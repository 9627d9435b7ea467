"""The telemetry endpoints, over frames in this process's window."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from meshui.accounts.models import RoleGrant, User
from meshui.telemetry import coarse, registry, rollups
from meshui.telemetry.models import Rollup
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second

pytestmark = pytest.mark.django_db


def client_of(role: str = RoleGrant.Role.VIEWER, namespace: str = "") -> Client:
    user = User.objects.create_user(f"{role}-{namespace or 'all'}", password="correct horse battery")
    RoleGrant.objects.create(user=user, role=role, namespace=namespace)
    client = Client()
    client.force_login(user)
    return client


def get(client: Client, path: str, **query: Any) -> dict[str, Any]:
    response = client.get(f"/api/v1/{path}", query)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_the_graph_shows_rates_percentiles_health_and_idle_services(frames: Window) -> None:
    register()
    now = time.time()
    for ago in range(10):
        second(
            frames,
            now - 9 + ago,
            platform_gateway=[call("shop/frontend", codes={200: 10}, ms=[20] * 10)],
            shop_frontend=[
                call("shop/catalog", "v1", codes={200: 6, 503: 2}, flags="UH", ms=[5] * 8),
                call("shop/catalog", "v2", codes={200: 2}, ms=[50] * 2, secured=False),
            ],
        )
    graph = get(client_of(), "graph/", window="10s")

    assert [edge["id"] for edge in graph["edges"]] == ["platform/gateway->shop/frontend", "shop/frontend->shop/catalog"]
    catalog = graph["edges"][1]
    assert (catalog["rps"], catalog["requests"], catalog["errors"], catalog["error_rate"]) == (10.0, 100, 20, 0.2)
    assert catalog["codes"] == {"2xx": 80, "5xx": 20}
    assert catalog["flags"] == {"UH": 20}
    assert catalog["secured"] == 0.8
    assert catalog["p50_ms"] == pytest.approx(5, rel=0.032)
    assert catalog["p99_ms"] == pytest.approx(50, rel=0.032)
    assert (catalog["health"], catalog["reason"]) == ("failing", "20 % errors over 100 requests")
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert nodes["platform/users"]["health"] == "idle"
    assert nodes["platform/gateway"]["kind"] == "gateway"
    assert nodes["platform/gateway"]["p50_ms"] == pytest.approx(20, rel=0.032)
    assert (nodes["shop/catalog"]["instances"], nodes["shop/catalog"]["healthy_instances"]) == (2, 2)
    assert graph["summary"]["headline"] == (
        "1 of 2 edges failing: shop/frontend → shop/catalog, 20 % errors over 100 requests"
    )
    assert 0 <= graph["age_s"] < 30


def fill(frames: Window, seconds: int = 30, until: float | None = None) -> float:
    """Traffic through the whole small mesh, ``seconds`` of it."""
    end = until or float(int(time.time()))
    for ago in reversed(range(seconds)):
        second(
            frames,
            end - ago,
            platform_gateway=[call("shop/frontend", codes={200: 10}, ms=[20] * 10)],
            shop_frontend=[
                call("shop/catalog", "v1", codes={200: 9}, ms=[5] * 9),
                call("shop/catalog", "v2", codes={200: 3}, ms=[50] * 3),
                call("platform/users", codes={200: 4, 404: 1}, ms=[2] * 5),
                call("www.example.org", codes={200: 1}),
            ],
        )
    return end


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"] for item in items]


def test_namespaces_that_one_may_not_view_are_left_out(frames: Window) -> None:
    register()
    fill(frames)
    graph = get(client_of(namespace="shop"), "graph/")
    assert ids(graph["nodes"]) == ["shop/catalog", "shop/frontend", "external"]
    assert ids(graph["edges"]) == ["shop/frontend->external", "shop/frontend->shop/catalog"]
    assert graph["summary"]["edges"] == 2
    assert "platform" not in str(graph)


def test_the_graph_by_version(frames: Window) -> None:
    register()
    fill(frames)
    graph = get(client_of(), "graph/", by="version", namespace="shop")
    assert ids(graph["edges"]) == [
        "platform/gateway@v1->shop/frontend@v1",
        "shop/frontend@v1->external",
        "shop/frontend@v1->platform/users@v1",
        "shop/frontend@v1->shop/catalog@v1",
        "shop/frontend@v1->shop/catalog@v2",
    ]
    nodes = {node["id"]: node for node in graph["nodes"]}
    assert (nodes["shop/catalog@v2"]["version"], nodes["shop/catalog@v2"]["rps_in"]) == ("v2", 3.0)


def test_the_graph_around_a_service(frames: Window) -> None:
    register()
    fill(frames)
    client = client_of()
    near = get(client, "graph/", focus="platform/gateway", hops=1)
    assert ids(near["nodes"]) == ["platform/gateway", "shop/frontend"]
    assert len(get(client, "graph/", focus="platform/gateway", hops=2)["edges"]) == 4


def test_the_graph_as_it_was(frames: Window) -> None:
    register()
    end = fill(frames, 60)
    second(frames, end + 1, shop_frontend=[call("shop/catalog", codes={500: 99})])
    client = client_of()
    then = get(client, "graph/", window="10s", at=str(end - 20))
    now = get(client, "graph/", window="10s")
    health = [
        next(edge["health"] for edge in graph["edges"] if edge["target"] == "shop/catalog") for graph in (then, now)
    ]
    assert (then["as_of_unix"], health) == (end - 20, ["healthy", "failing"])


def test_the_past_beyond_the_frames_comes_from_rollups(frames: Window) -> None:
    register()
    long_ago = int(time.time()) // 10 * 10 - 7200
    past = Window()
    fill(past, 10, until=float(long_ago + 10))
    rollups.write(long_ago, [frame for frame, _ in past.frames(long_ago, long_ago + 10, blocks=False)])
    fill(frames)
    client = client_of()
    then = get(client, "graph/", window="10s", at=str(long_ago + 10))
    now = get(client, "graph/", window="10s")
    for graph in (then, now):
        catalog = next(edge for edge in graph["edges"] if edge["target"] == "shop/catalog")
        assert (catalog["rps"], catalog["requests"]) == (12.0, 120)
        assert catalog["p95_ms"] == pytest.approx(50, rel=0.032)
    assert "shop/catalog" in ids(get(client, "graph/", window="3h")["nodes"])


def test_before_the_first_frame_the_graph_shows_the_registry(frames: Window) -> None:
    register()
    graph = get(client_of(), "graph/")
    assert (graph["as_of"], graph["age_s"], graph["edges"]) == (None, None, [])
    assert {node["health"] for node in graph["nodes"]} == {"idle"}
    assert graph["summary"]["headline"] == "No traffic"


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("graph/", {"window": "0s"}, "window"),
        ("graph/", {"window": "25h"}, "window"),
        ("graph/", {"window": "1d"}, "window"),
        ("graph/", {"by": "planet"}, "by"),
        ("graph/", {"hops": "0"}, "hops"),
        ("graph/", {"at": "yesterday"}, "at"),
        ("graph/", {"at": "2026-01-01T00:00:00"}, "at"),
        ("graph/", {"nope": "1"}, "nope"),
        ("metrics/", {"edge": "shop/frontend"}, "edge"),
        ("metrics/", {"service": "shop/catalog", "edge": "a->b"}, "edge"),
        ("graph/", {"by": "instance", "window": "20m"}, "window"),
        ("graph/", {"by": "instance", "at": "1000000000"}, "at"),
        ("metrics/", {"by": "route"}, "by"),
        ("metrics/", {"namespace": "shop", "route": "default"}, "route"),
        ("metrics/", {"edge": "shop/frontend->shop/catalog", "by": "instance"}, "by"),
        ("metrics/", {"instance": "p"}, "instance"),
        ("metrics/", {"service": "shop/catalog", "by": "instance", "step": "1s"}, "step"),
        ("metrics/", {"step": "7m"}, None),
        ("metrics/", {"step": "25s"}, "step"),
        ("metrics/", {"from": "2000", "to": "1000"}, "from"),
        ("metrics/", {"from": "1", "to": "1000000000"}, "from"),
        ("metrics/", {"from": "1000000000", "to": "1002000000", "step": "10s"}, "step"),
        ("services/shop/catalog/traffic/", {"window": "16m"}, "window"),
    ],
)
def test_bad_parameters_are_named(frames: Window, path: str, query: dict[str, str], field: str | None) -> None:
    register()
    response = client_of().get(f"/api/v1/{path}", query)
    if field is None:
        assert response.status_code == 200
    else:
        assert response.status_code == 400
        assert [error["path"] for error in response.json()["errors"]] == [field]


def test_the_traffic_of_a_service_shows_the_split_that_was_observed(frames: Window) -> None:
    register()
    fill(frames)
    traffic = get(client_of(), "services/shop/catalog/traffic/")
    assert ids(traffic["in"]) == ["shop/frontend->shop/catalog"]
    assert traffic["out"] == []
    assert {name: version["share"] for name, version in traffic["versions"].items()} == {"v1": 0.75, "v2": 0.25}
    idle = get(client_of(RoleGrant.Role.ADMIN), "services/platform/gateway/traffic/")
    assert ids(idle["out"]) == ["platform/gateway->shop/frontend"]


def test_what_one_may_not_view_is_not_there(frames: Window) -> None:
    register()
    fill(frames)
    client = client_of(namespace="shop")
    assert client.get("/api/v1/services/platform/users/traffic/").status_code == 404
    assert client.get("/api/v1/metrics/", {"service": "platform/users"}).status_code == 404
    assert client.get("/api/v1/metrics/", {"edge": "platform/gateway->shop/frontend"}).status_code == 404
    assert client.get("/api/v1/services/shop/none/traffic/").status_code == 404
    assert Client().get("/api/v1/graph/").status_code == 401


def test_series_of_a_service_and_its_versions(frames: Window) -> None:
    register()
    end = fill(frames, 40)
    second(frames, end + 5, shop_frontend=[])
    metrics = get(
        client_of(), "metrics/", service="shop/catalog", **{"from": str(end - 20), "to": str(end), "step": "1s"}
    )
    assert (metrics["source"], metrics["step_s"], len(metrics["times"])) == ("frames", 1, 20)
    assert set(metrics["series"]["rps"]) == {12.0}
    assert {name: set(series["rps"]) for name, series in metrics["by_version"].items()} == {"v1": {9.0}, "v2": {3.0}}
    assert metrics["series"]["p95_ms"][0] == pytest.approx(50, rel=0.032)

    after = get(client_of(RoleGrant.Role.ADMIN), "metrics/", **{"from": str(end), "to": str(end + 6), "step": "1s"})
    assert after["series"]["rps"] == [None, None, None, None, 0.0, None]
    assert set(after["series"]["p95_ms"]) == {None}


def test_series_of_the_whole_mesh_hold_only_what_one_may_view(frames: Window) -> None:
    register()
    end = fill(frames, 40)
    span = {"from": str(end - 20), "to": str(end), "step": "10s"}
    everything = get(client_of(), "metrics/", **span)
    assert everything["series"]["rps"][0] == 28.0
    assert get(client_of(namespace="shop"), "metrics/", **span)["series"]["rps"][0] == 13.0
    assert get(client_of(namespace="platform"), "metrics/", **span)["series"]["rps"][0] == 0.0


def test_series_of_the_past_come_from_rollups(frames: Window) -> None:
    register()
    long_ago = int(time.time()) // 10 * 10 - 7200
    past = Window()
    fill(past, 10, until=float(long_ago + 10))
    rollups.write(long_ago, [frame for frame, _ in past.frames(long_ago, long_ago + 10, blocks=False)])
    span = {"from": str(long_ago - 10), "to": str(long_ago + 20)}
    metrics = get(client_of(), "metrics/", edge="shop/frontend->shop/catalog", **span)
    assert (metrics["source"], metrics["step_s"]) == ("rollups", 10)
    assert metrics["series"]["rps"] == [None, 12.0, None]
    assert metrics["by_version"]["v2"]["rps"] == [None, 3.0, None]


def test_series_tell_codes_flags_and_bytes_apart(frames: Window) -> None:
    register()
    end = float(int(time.time()))
    for ago in reversed(range(20)):
        failing = call("shop/catalog", codes={200: 6, 404: 1, 503: 3}, flags="UH")
        second(frames, end - ago, shop_frontend=[failing, call("platform/users", codes={500: 8}, flags="UF")])
    span = {"from": str(end - 10), "to": str(end), "step": "1s"}
    series = get(client_of(), "metrics/", service="shop/catalog", **span)["details"]
    assert {name: set(values) for name, values in series["codes"].items()} == {"2xx": {6.0}, "4xx": {1.0}, "5xx": {3.0}}
    assert {name: set(values) for name, values in series["flags"].items()} == {"UH": {3.0}}
    assert (set(series["bytes_in_per_s"]), set(series["bytes_out_per_s"])) == ({100.0}, {1000.0})


def test_series_of_a_namespace_are_of_what_its_services_are_asked(frames: Window) -> None:
    register()
    end = fill(frames, 20)
    span = {"from": str(end - 10), "to": str(end), "step": "10s"}
    client = client_of()
    assert get(client, "metrics/", namespace="shop", **span)["series"]["rps"][0] == 22.0
    assert get(client, "metrics/", namespace="platform", **span)["series"]["rps"][0] == 5.0
    assert client_of(namespace="shop").get("/api/v1/metrics/", {"namespace": "platform"}).status_code == 404


def test_series_compare_with_an_earlier_time(frames: Window) -> None:
    register()
    now = int(time.time()) // 3600 * 3600
    for start, share in ((now - 3600, 200), (now - 3600 - 86_400, 503)):
        past = Window()
        for ago in range(10):
            second(past, start + 1.0 + ago, shop_frontend=[call("shop/catalog", codes={share: 4}, ms=[5] * 4)])
        rollups.write(start, [frame for frame, _ in past.frames(start, start + 10, blocks=False)])
    span = {"from": str(now - 3600), "to": str(now - 3580)}
    client = client_of()
    metrics = get(client, "metrics/", service="shop/catalog", compare="24h", **span)
    assert metrics["series"]["error_rate"] == [0.0, None]
    then = metrics["compare"]
    assert (then["offset_s"], then["series"]["rps"], then["series"]["error_rate"]) == (86_400, [4.0, None], [1.0, None])
    assert get(client, "metrics/", service="shop/catalog", **span)["compare"] is None
    odd = client.get("/api/v1/metrics/", {"compare": "25s", "step": "10s", **span})
    assert odd.json()["errors"][0]["path"] == "compare"


def test_a_day_is_answered_from_five_minutes_and_what_is_newer(frames: Window) -> None:
    register()
    now = int(time.time()) // 300 * 300
    for start in (now - 6000, now - 3000, now - 10):
        past = Window()
        second(past, start + 1.0, shop_frontend=[call("shop/catalog", codes={200: 5})])
        rollups.write(start, [frame for frame, _ in past.frames(start, start + 10, blocks=False)] * 10)
    coarse.coarsen()
    Rollup.objects.filter(at__lt=datetime.fromtimestamp(now - 1000, UTC)).delete()
    span = {"from": str(now - 7200), "to": str(now), "step": "300s"}
    metrics = get(client_of(), "metrics/", service="shop/catalog", **span)
    assert (metrics["source"], metrics["resolution_s"], metrics["step_s"]) == ("rollups", 300, 300)
    assert [rps for rps in metrics["series"]["rps"] if rps is not None] == [5.0, 5.0, 5.0]


def test_prometheus_finds_the_proxies_one_may_view(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    register()
    client = client_of(namespace="shop")
    targets = client.get("/api/v1/prometheus/targets/").json()
    assert {target["labels"]["mesh_service"] for target in targets} == {"shop/catalog", "shop/frontend"}
    assert targets[0]["targets"] == ["127.0.0.1:29000"]
    with django_assert_num_queries(4):  # session, user, grants, proxies
        client.get("/api/v1/prometheus/targets/")


def test_the_graph_costs_the_same_queries_whatever_the_mesh(
    frames: Window, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    register()
    register({f"more/service-{number}": ("v1", "v2") for number in range(20)})
    fill(frames, 5)
    client = client_of()
    with django_assert_num_queries(5):  # session, user, grants; services, versions
        get(client, "graph/")
    with django_assert_num_queries(3):
        get(client, "graph/")


def test_a_service_is_known_as_soon_as_it_is_made() -> None:
    client = client_of()
    registry.services.get()  # read just before, and good for two seconds
    register()
    assert get(client, "services/shop/catalog/traffic/")["in"] == []
    assert get(client, "metrics/", service="shop/catalog")["times"]


@pytest.mark.parametrize("step", ["1s", "10s"])
def test_the_last_fifteen_minutes_come_from_frames_where_no_times_are_given(frames: Window, step: str) -> None:
    register()
    second(frames, time.time() - 1, shop_frontend=[call("shop/catalog", codes={200: 50})])
    found = get(client_of(), f"metrics/?service=shop/catalog&step={step}")
    assert found["source"] == "frames"
    assert max(rps or 0.0 for rps in found["series"]["rps"]) == 50.0
