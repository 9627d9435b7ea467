"""The Gateway API's and SMI's documents in and out."""

from __future__ import annotations

import msgspec
import pytest
import yaml

from meshui.core.errors import InvalidInput
from meshui.mesh.names import ServiceName
from meshui.mesh.values import (
    FieldMatch,
    HeaderMatch,
    HeaderOps,
    Mirror,
    PathMatch,
    Retry,
    Rewrite,
    Route,
    RouteMatch,
    Sticky,
    Timeouts,
)
from meshui.traffic.interchange.reading import read
from meshui.traffic.interchange.to_gateway_api import to_gateway_api
from meshui.traffic.interchange.to_smi import to_smi

CATALOG = ServiceName("shop", "catalog")

HTTP_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: catalog, namespace: shop}
spec:
  parentRefs: [{group: "", kind: Service, name: catalog, port: 80}]
  rules:
  - backendRefs: [{name: catalog-v1, port: 80, weight: 9}, {name: catalog-v2, port: 80, weight: 1}]
  - matches: [{path: {type: PathPrefix, value: /items}, headers: [{name: X-Tier, value: gold}]}]
    filters:
    - type: URLRewrite
      urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /v2/items}}
    - type: CORS
      cors: {allowOrigins: ["*"]}
    backendRefs: [{name: catalog-v2, port: 80}]
    timeouts: {request: 2s, backendRequest: 500ms}
    retry: {codes: [503], attempts: 2, backoff: 50ms}
"""


def test_an_http_route_is_ordered_as_it_would_match() -> None:
    (entry,), notes = read(HTTP_ROUTE)
    assert entry.service == "shop/catalog"
    items, rest = entry.routes or ()
    assert items.match.path == PathMatch(kind="prefix", value="/items")
    assert items.match.headers == [HeaderMatch(name="x-tier", value="gold")]
    assert items.rewrite == Rewrite(prefix="/v2/items")
    assert items.weights == {"v2": 100}
    assert items.timeouts.request_ms == 2000
    assert items.retry == Retry(attempts=2, codes=[503], per_try_timeout_ms=500, backoff_ms=50, backoff_max_ms=500)
    assert rest.match == RouteMatch()
    assert rest.weights == {"v1": 90, "v2": 10}
    assert [(note.severity, note.path) for note in notes if note.severity == "lost"] == [
        ("lost", "spec.rules.1.filters.1.type")
    ]


def test_an_http_route_there_and_back() -> None:
    routes = (
        Route(
            name="beta",
            match=RouteMatch(
                path=PathMatch(kind="exact", value="/a"),
                methods=["GET"],
                query=[FieldMatch(name="q", kind="regex", value="a+")],
            ),
            weights={"v1": 20, "v2": 80},
            request_headers=HeaderOps(set={"x-a": "1"}, remove=["x-b"]),
            mirror=Mirror(version="v2", percent=12.5, unsafe=True),
            sticky=Sticky(kind="cookie", name="who"),
            timeouts=Timeouts(request_ms=1500),
        ),
        Route(name="rest", weights={"v1": 100}),
    )
    exported = to_gateway_api(CATALOG, routes, {"v1": 100, "v2": 0})
    (entry,), _ = read(exported.text)
    expected = [msgspec.structs.replace(route, retry=Retry(attempts=1)) for route in routes]
    assert entry.routes == expected
    assert [note.path for note in exported.notes] == ["resilience", "routes"]


def test_what_the_gateway_api_cannot_say_is_reported() -> None:
    routes = [Route(name="a", match=RouteMatch(sources=["shop/frontend"], methods=["GET", "PUT"]))]
    notes = to_gateway_api(CATALOG, routes, {"v1": 100}).notes
    assert {note.path for note in notes} == {"routes.0.match.sources", "routes.0.match.methods", "resilience"}


def test_a_traffic_split_becomes_the_split() -> None:
    text = to_smi(CATALOG, [Route(name="default")], {"v1": 75, "v2": 25}).text
    (entry,), notes = read(text)
    assert (entry.service, entry.split, entry.routes) == ("shop/catalog", {"v1": 75, "v2": 25}, None)
    assert notes == []


def test_a_traffic_split_with_matches_becomes_routes() -> None:
    documents = [
        {
            "apiVersion": "specs.smi-spec.io/v1alpha4",
            "kind": "HTTPRouteGroup",
            "metadata": {"name": "testers"},
            "spec": {"matches": [{"name": "f", "headers": {"user-agent": ".*Firefox.*"}, "methods": ["GET"]}]},
        },
        {
            "apiVersion": "split.smi-spec.io/v1alpha4",
            "kind": "TrafficSplit",
            "metadata": {"name": "catalog"},
            "spec": {
                "service": "catalog",
                "matches": [{"kind": "HTTPRouteGroup", "name": "testers"}],
                "backends": [{"service": "catalog-v2", "weight": 500}],
            },
        },
    ]
    (entry,), notes = read(yaml.safe_dump_all(documents), "shop")
    testers, default = entry.routes or ()
    assert testers.match.headers == [HeaderMatch(name="user-agent", kind="regex", value=".*Firefox.*")]
    assert testers.weights == {"v2": 100}
    assert (default.name, default.weights) == ("default", None)
    assert notes == []


def test_a_missing_group_is_named() -> None:
    text = to_smi(CATALOG, [], {"v1": 100}).text.replace("spec:", "spec:\n  matches: [{name: nobody}]")
    with pytest.raises(InvalidInput, match="nobody"):
        read(text)


def test_other_kinds_are_reported_not_read() -> None:
    entries, notes = read("apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: Pod}]")
    assert entries == []
    assert [(note.severity, note.detail) for note in notes] == [("lost", "Pod is not read")]
