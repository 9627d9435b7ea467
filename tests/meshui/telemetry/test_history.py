"""The graph through a time: each step is what the graph shows of it, whatever it is read from."""

from __future__ import annotations

import time
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from meshui.catalog.services.namespaces import namespace_create
from meshui.core.actors import system
from meshui.core.errors import InvalidInput
from meshui.telemetry import coarse, history, rollups
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second
from tests.meshui.telemetry.test_api import client_of, fill, get

pytestmark = pytest.mark.django_db


def whole_ten() -> int:
    return int(time.time()) // 10 * 10


def test_each_step_is_the_graph_of_that_time(frames: Window) -> None:
    register()
    end = whole_ten()
    fill(frames, 30, until=end - 30)
    for ago in range(29, 19, -1):
        second(frames, end - ago, shop_frontend=[call("shop/catalog", codes={200: 5, 503: 5}, ms=[5] * 10)])
    client = client_of()
    found = get(client, "graph/replay/", start=str(end - 60), end=str(end), step="10s")

    assert (found["source"], found["resolution_s"], found["step_s"]) == ("frames", 1, 10)
    assert found["times"] == [end - 50, end - 40, end - 30, end - 20, end - 10, end]
    assert found["observed"] == [True, True, True, True, False, False]
    edges = {edge["id"]: edge for edge in found["edges"]}
    catalog = edges["shop/frontend->shop/catalog"]
    assert catalog["health"] == "hhhf--"
    assert catalog["rps"] == [12.0, 12.0, 12.0, 10.0, 0.0, 0.0]
    assert catalog["error_rate"] == [0.0, 0.0, 0.0, 0.5, None, None]
    assert edges["platform/gateway->shop/frontend"]["health"] == "hhh---"
    for step, at in enumerate(found["times"][:4]):
        graph = get(client, "graph/", at=str(at), window="10s")
        then = {edge["id"]: edge for edge in graph["edges"]}
        assert {key: row["rps"][step] for key, row in edges.items() if row["health"][step] != "-"} == {
            key: edge["rps"] for key, edge in then.items()
        }
        assert {key: row["p95_ms"][step] for key, row in edges.items() if key in then} == {
            key: edge["p95_ms"] for key, edge in then.items()
        }
        letters = {node["id"]: node["health"][step] for node in found["nodes"]}
        assert all(letters[node["id"]] == history.LETTERS[node["health"]] for node in graph["nodes"])


def past_hours(frames: Window, hours: int = 3) -> int:
    """One bucket a minute of the same traffic, coarsened; the start of the first hour."""
    register()
    start = int(time.time()) // 3600 * 3600 - (hours + 20) * 3600
    made = Window()
    fill(made, 10, until=float(start))
    kept = [frame for frame, _ in made.frames(start - 10, start, blocks=False)]
    for at in range(start, start + hours * 3600, 60):
        rollups.write(at, kept)
    coarse.coarsen()
    return start


def test_what_is_older_than_the_frames_comes_from_the_level_that_fills_steps(
    frames: Window, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    start = past_hours(frames)
    client = client_of()
    for step, resolution_s in (("60s", 10), ("5m", 300), ("1h", 3600)):
        found = get(client, "graph/replay/", start=str(start), end=str(start + 7200), step=step)
        assert (found["source"], found["resolution_s"]) == ("rollups", resolution_s)
        catalog = next(edge for edge in found["edges"] if edge["id"] == "shop/frontend->shop/catalog")
        assert set(catalog["rps"]) == {12.0} and set(catalog["health"]) == {"h"}
        assert len(catalog["rps"]) == 7200 // found["step_s"]
    with django_assert_max_num_queries(16):
        get(client, "graph/replay/", start=str(start), end=str(start + 10_800))


def test_an_old_window_of_any_length_is_read_from_few_buckets(frames: Window) -> None:
    start = past_hours(frames)
    client = client_of()
    for window, resolution_s, covered_s in (("60s", 10, 10.0), ("1h", 300, 600.0), ("3h", 3600, 1800.0)):
        graph = get(client, "graph/", at=str(start + 3 * 3600), window=window)
        assert (graph["source"], graph["resolution_s"], graph["covered_s"]) == ("rollups", resolution_s, covered_s)


def test_who_may_not_view_a_namespace_sees_nothing_of_its_past(frames: Window) -> None:
    register()
    end = whole_ten()
    fill(frames, 30, until=end)
    namespace_create(actor=system("test"), name="secret")
    namespace_create(actor=system("test"), name="shop-two")
    found: dict[str, Any] = get(client_of(namespace="shop"), "graph/replay/", start=str(end - 20), end=str(end + 10))
    assert {node["namespace"] for node in found["nodes"]} == {"shop", None}
    assert "platform" not in str(found) and "secret" not in str(found)
    changes = get(client_of(), "graph/replay/", start=str(end - 20), end=str(end + 10))["changes"]
    assert [change["object"] for change in changes] == ["namespace:secret", "namespace:shop-two"]
    assert changes[0]["actor"] == "system:test" and end - 1 <= changes[0]["at_unix"] <= time.time()


@pytest.mark.parametrize(
    ("query", "field", "code"),
    [
        ({"start": "2000", "end": "1000"}, "start", "invalid"),
        ({"start": "1000", "end": "1000000000"}, "start", "range_too_wide"),
        ({"step": "25s"}, "step", "invalid"),
        ({"step": "1s"}, "step", "invalid"),
        ({"start": "1000000000", "end": "1000003600", "step": "60s"}, "step", "invalid"),
        ({"by": "planet"}, "by", None),
    ],
)
def test_bad_parameters_are_named(frames: Window, query: dict[str, str], field: str, code: str | None) -> None:
    register()
    fill(frames, 2)
    response = client_of().get("/api/v1/graph/replay/", query)
    assert response.status_code == 400
    assert [error["path"] for error in response.json()["errors"]] == [field]
    assert code is None or response.json()["errors"][0]["code"] == code


def test_a_larger_mesh_has_fewer_steps(frames: Window) -> None:
    now = time.time()
    assert [history.step_of(now - 900, now, None, edges) for edges in (10, 1_000, 5_000, 100_000)] == [10, 10, 30, 900]
    with pytest.raises(InvalidInput):
        history.step_of(now - 900, now, 10, 5_000)
