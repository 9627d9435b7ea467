"""From a change of weights to real traffic that follows it, measured from outside."""

from __future__ import annotations

from collections import Counter
from math import sqrt

import pytest

from tests.support.demo import Client, Demo, walk
from tests.support.poll import until

CATALOG = "shop/catalog"


def observed(demo: Demo, requests: int) -> Counter[str]:
    """Which version of the catalog answered, as the client sees it."""
    seen: Counter[str] = Counter()
    for _ in range(requests):
        answer = demo.get()
        assert answer.status == 200, answer
        first = next(call for call in answer.body["calls"] if call["service"] == CATALOG)
        seen[first["version"]] += 1
    return seen


def test_traffic_follows_the_split(demo: Demo) -> None:
    with Client(demo).running() as client:
        for share in (0, 50, 100):
            demo.applied(demo.set_split(CATALOG, {"v1": 100 - share, "v2": share}))
            seen = observed(demo, 300)
            p = share / 100
            assert abs(seen["v2"] / 300 - p) <= 4.5 * sqrt(p * (1 - p) / 300), seen
    assert client.total > 0
    assert client.failures == []


def test_the_graph_shows_the_split_that_was_observed(demo: Demo) -> None:
    demo.applied(demo.set_split(CATALOG, {"v1": 0, "v2": 100}))

    def only_v2() -> bool:
        versions = demo.api("GET", f"services/{CATALOG}/traffic/?window=5s").body["versions"]
        return "v2" in versions and versions.get("v1", {"rps": 0})["rps"] == 0

    until(only_v2, "five seconds in which only v2 served", 30)


def test_every_service_of_the_demo_is_on_the_graph(demo: Demo) -> None:
    edges = {
        ("platform/gateway", "shop/frontend"),
        ("shop/frontend", "shop/catalog"),
        ("shop/frontend", "shop/cart"),
        ("shop/frontend", "shop/recommendations"),
    }

    def graph() -> bool:
        body = demo.api("GET", "graph/?window=10s").body
        return edges <= {(edge["source"], edge["target"]) for edge in body["edges"] if edge["rps"] > 0}

    until(graph, "the demo's edges")
    body = demo.api("GET", "graph/?window=10s").body
    inside = [edge for edge in body["edges"] if edge["source"] != "unknown"]
    assert all(edge["secured"] == 1 for edge in inside), inside
    assert body["age_s"] < 3
    kinds = {node["id"]: node["kind"] for node in body["nodes"]}
    assert kinds["platform/gateway"] == "gateway"


def test_the_gateway_walks_the_whole_shop(demo: Demo) -> None:
    answer = demo.get()
    assert answer.status == 200
    assert {call["service"] for call in walk(answer.body)} >= {
        "shop/frontend",
        "shop/catalog",
        "shop/cart",
        "shop/recommendations",
        "platform/users",
        "platform/inventory",
    }


@pytest.mark.parametrize(
    ("body", "headers", "status", "path"),
    [
        ({"weights": {"v1": 60, "v2": 60}}, {}, 400, "weights"),
        ({"weights": {"v1": 90, "v9": 10}}, {}, 400, "weights.v9"),
        ({"weights": {"v1": 100}, "colour": "red"}, {}, 400, "colour"),
        (b"{not json", {}, 400, None),
        ({"weights": {"v1": 100, "v2": 0}}, {"If_Match": '"stale"'}, 412, None),
    ],
)
def test_bad_input_changes_nothing(
    demo: Demo, body: object, headers: dict[str, str], status: int, path: str | None
) -> None:
    before = demo.api("GET", f"services/{CATALOG}/split/")
    revision = demo.api("GET", "info/").body["revision"]
    answer = demo.api("PUT", f"services/{CATALOG}/split/", body, **{"If_Match": before.headers["etag"], **headers})
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/problem+json")
    if path is not None:
        assert [error["path"] for error in answer.body["errors"]] == [path]
    assert demo.api("GET", f"services/{CATALOG}/split/").body == before.body
    assert demo.api("GET", "info/").body["revision"] == revision


def test_a_change_is_in_the_log_with_before_and_after_and_can_be_reverted(demo: Demo) -> None:
    demo.set_split(CATALOG, {"v1": 100, "v2": 0})
    revision = demo.set_split(CATALOG, {"v1": 70, "v2": 30})
    change = demo.api("GET", "changes/?page_size=1").body["results"][0]
    assert change["revision"] == revision
    assert change["actor"] == "admin"
    assert change["before"]["weights"] == {"v1": 100, "v2": 0}
    assert change["after"]["weights"] == {"v1": 70, "v2": 30}
    assert demo.api("POST", f"changes/{change['id']}/revert/", {"reason": "not yet"}).status == 200
    assert demo.api("GET", f"services/{CATALOG}/split/").body["weights"] == {"v1": 100, "v2": 0}
