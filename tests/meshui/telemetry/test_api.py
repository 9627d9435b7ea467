"""The telemetry endpoints, over frames in this process's window."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from meshui.accounts.models import RoleGrant, User
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
