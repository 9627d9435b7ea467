"""Objectives of services: set, counted from rollups, shown, and part of health."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from pytest_django import DjangoAssertNumQueries

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Service
from meshui.core.models import Change
from meshui.telemetry import coarse, rollups
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives import selectors
from meshui.telemetry.objectives.counting import Promise, count
from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db

NOW = int(time.time()) // 3600 * 3600
PATH = "/api/v1/services/shop/catalog/objectives/"
BOTH = {"availability": 99.0, "latency": {"percent": 90, "threshold_ms": 100}}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    selectors.forget()
    yield
    selectors.forget()


def past(ago_s: int, codes: dict[int, int], ms: list[float] | None = None) -> None:
    """A rollup of calls of the catalogue, by the front end and by somebody outside the namespace."""
    start = (NOW - ago_s) // 10 * 10
    window = Window()
    second(
        window,
        float(start + 1),
        shop_frontend=[call("shop/catalog", codes=codes, ms=ms or [])],
        platform_gateway=[call("shop/frontend", codes={500: 7})],
    )
    rollups.write(start, [frame for frame, _ in window.frames(start, start + 10, blocks=False)])


def test_windows_count_errors_and_slow_requests_of_their_time() -> None:
    register()
    past(60, {200: 90, 503: 10}, [5] * 80 + [500] * 20)
    past(1200, {200: 50})
    past(5 * 3600, {200: 30, 500: 20}, [500] * 50)
    past(2 * 86_400, {200: 100})
    past(20 * 86_400, {0: 40, 200: 60})
    past(29 * 86_400, {500: 1_000})
    while coarse.coarsen():
        pass
    counted = count([Promise("shop/catalog", 100, False), Promise("platform/gateway", None, True)], float(NOW))
    available = counted["shop/catalog"].available
    assert {window: tuple(good) for window, good in available.items()} == {
        300: (100, 10),
        1800: (150, 10),
        3600: (150, 10),
        6 * 3600: (200, 30),
        3 * 86_400: (300, 30),
        28 * 86_400: (400, 70),
    }
    fast = counted["shop/catalog"].fast
    assert (tuple(fast[300]), tuple(fast[6 * 3600])) == ((100, 20), (150, 70))
    assert tuple(counted["platform/gateway"].available[300]) == (7, 7)
    assert counted["shop/catalog"].observed_s == 5


def test_objectives_are_set_shown_and_taken_back(frames: Window) -> None:
    register()
    past(60, {200: 190, 503: 10}, [5] * 150 + [500] * 50)
    client = client_of(RoleGrant.Role.OPERATOR, "shop")
    nothing = client.get(PATH)
    assert nothing.json()["availability"] is None and nothing.json()["latency_budget"] is None
    body = {**BOTH, "reason": "promised to sales"}
    written = client.put(PATH, body, content_type="application/json", headers={"If-Match": nothing["ETag"]})
    assert written.status_code == 200, written.content
    assert written.json()["revision"] == Change.objects.get().revision_id
    assert Change.objects.get().summary == "objectives: 99 % available, 90 % within 100 ms"

    shown = get(client, "services/shop/catalog/objectives/")
    budget = shown["availability_budget"]
    assert (shown["availability"], shown["latency"]) == (99.0, {"percent": 90.0, "threshold_ms": 100})
    assert (budget["requests"], budget["bad"], budget["actual"], budget["budget_left"]) == (200, 10, 95.0, -4.0)
    assert (shown["latency_budget"]["bad"], shown["latency_budget"]["threshold_ms"]) == (50, 100)
    assert [each["service"] for each in get(client, "objectives/")["results"]] == ["shop/catalog"]

    stale = client.put(PATH, body, content_type="application/json", headers={"If-Match": nothing["ETag"]})
    assert stale.status_code == 412
    gone = {"availability": None, "latency": None}
    assert client.put(PATH, gone, content_type="application/json", headers={"If-Match": "*"}).status_code == 200
    assert not Objective.objects.exists()


def test_what_cannot_be_promised_is_refused_and_changes_nothing(frames: Window) -> None:
    register()
    client = client_of(RoleGrant.Role.OPERATOR, "shop")
    for body, path in (
        ({**BOTH, "availability": 100}, "availability"),
        ({**BOTH, "latency": {"percent": 10, "threshold_ms": 100}}, "latency.percent"),
        ({**BOTH, "latency": {"percent": 99, "threshold_ms": 0}}, "latency.threshold_ms"),
        ({"availability": 99.9}, "latency"),
    ):
        refused = client.put(PATH, body, content_type="application/json", headers={"If-Match": "*"})
        assert (refused.status_code, refused.json()["errors"][0]["path"]) == (400, path)
    assert client.put(PATH, BOTH, content_type="application/json").status_code == 428
    elsewhere = client.put(
        "/api/v1/services/platform/users/objectives/", BOTH, content_type="application/json",
        headers={"If-Match": "*"},
    )  # fmt: skip
    assert elsewhere.status_code == 404
    viewer = client_of()
    assert viewer.put(PATH, BOTH, content_type="application/json", headers={"If-Match": "*"}).status_code == 403
    assert not Objective.objects.exists() and not Change.objects.exists()


def test_an_edge_slower_than_the_objective_is_degraded(frames: Window) -> None:
    register()
    for ago in range(10):
        second(
            frames,
            time.time() - 9 + ago,
            shop_frontend=[call("shop/catalog", codes={200: 10}, ms=[5] * 8 + [200] * 2), call("platform/users")],
        )
    client = client_of(RoleGrant.Role.OPERATOR, "shop")
    put = {"content_type": "application/json", "headers": {"If-Match": "*"}}
    assert get(client, "graph/", window="10s")["edges"][0]["health"] == "healthy"
    met = {"availability": None, "latency": {"percent": 75, "threshold_ms": 100}}
    for window, body, health, reason in (
        ("20s", met, "healthy", "no errors over 100 requests"),
        ("30s", BOTH, "degraded", "20 % slower than 100 ms over 100 requests"),
    ):
        client.put(PATH, body, **put)
        for by in ("service", "version"):
            graph = get(client, "graph/", window=window, by=by)
            edge = next(edge for edge in graph["edges"] if edge["target"].startswith("shop/catalog"))
            node = next(node for node in graph["nodes"] if node["id"] == edge["target"])
            assert (edge["health"], edge["reason"]) == (node["health"], node["reason"]) == (health, reason)
    assert graph["summary"]["degraded"] == 1


def test_a_page_of_objectives_takes_a_fixed_number_of_queries(
    frames: Window, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    register({f"shop/s{number}": ("v1",) for number in range(12)})
    Objective.objects.bulk_create(Objective(service=row, availability=99.9) for row in Service.objects.all())
    client = client_of()
    with django_assert_max_num_queries(40):
        assert len(get(client, "objectives/")["results"]) == 12
