"""Istio's documents in and out: a table of what each field becomes, and the way there and back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml

from meshui.core.errors import InvalidInput
from meshui.mesh.names import ServiceName
from meshui.mesh.values import Balancer, Breaker, HashOn, Mirror, Outlier, Resilience, Retry, Route, Timeouts
from meshui.traffic.interchange.reading import read
from meshui.traffic.interchange.to_istio import to_istio
from meshui.traffic.interchange.values import Imported, Note

CATALOG = ServiceName("shop", "catalog")
TO_V1 = {"destination": {"host": "catalog", "subset": "v1"}}


def virtual(*http: dict[str, Any], hosts: tuple[str, ...] = ("catalog",)) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "networking.istio.io/v1",
            "kind": "VirtualService",
            "metadata": {"name": "catalog", "namespace": "shop"},
            "spec": {"hosts": list(hosts), "http": list(http)},
        }
    )


def rule(policy: dict[str, Any]) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "networking.istio.io/v1beta1",
            "kind": "DestinationRule",
            "metadata": {"name": "catalog", "namespace": "shop"},
            "spec": {"host": "catalog.shop.svc.cluster.local", "trafficPolicy": policy},
        }
    )


def one(text: str) -> tuple[Imported, list[Note]]:
    (entry,), notes = read(text)
    assert entry.service == "shop/catalog"
    return entry, notes


def first_route(http: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    entry, notes = one(virtual(http))
    assert entry.routes
    return msgspec.to_builtins(entry.routes[0]), [(note.severity, note.path) for note in notes]


FIELDS: list[tuple[dict[str, Any], str, Any]] = [
    ({"match": [{"uri": {"exact": "/a"}}]}, "match.path", {"kind": "exact", "value": "/a"}),
    ({"match": [{"uri": {"regex": "/a/.*"}}]}, "match.path", {"kind": "regex", "value": "/a/.*"}),
    ({"match": [{"method": {"exact": "GET"}}]}, "match.methods", ["GET"]),
    ({"match": [{"method": {"regex": "GET|POST"}}]}, "match.methods", ["GET", "POST"]),
    ({"match": [{"sourceNamespace": "tools"}]}, "match.sources", ["tools/*"]),
    (
        {"match": [{"headers": {"X-Tier": {"exact": "gold"}}}]},
        "match.headers",
        [{"name": "x-tier", "kind": "exact", "value": "gold", "invert": False}],
    ),
    (
        {"match": [{"withoutHeaders": {"x-tier": {}}}]},
        "match.headers",
        [{"name": "x-tier", "kind": "present", "value": "", "invert": True}],
    ),
    (
        {"match": [{"queryParams": {"q": {"prefix": "a"}}}]},
        "match.query",
        [{"name": "q", "kind": "prefix", "value": "a", "invert": False}],
    ),
    ({"timeout": "1.5s"}, "timeouts.request_ms", 1500),
    ({"fault": {"delay": {"fixedDelay": "2s", "percentage": {"value": 12.5}}}}, "fault.delay_ms", 2000),
    ({"fault": {"delay": {"fixedDelay": "2s", "percentage": {"value": 12.5}}}}, "fault.delay_percent", 12.5),
    ({"fault": {"abort": {"httpStatus": 503, "percent": 40}}}, "fault.abort_percent", 40.0),
    ({"mirror": {"host": "catalog", "subset": "v2"}, "mirrorPercentage": {"value": 10}}, "mirror.percent", 10.0),
    ({"mirrors": [{"destination": {"host": "catalog", "subset": "v2"}}]}, "mirror.version", "v2"),
    ({"retries": {"attempts": 3, "retryOn": "5xx,409", "perTryTimeout": "1s"}}, "retry.attempts", 3),
    ({"retries": {"attempts": 3, "retryOn": "5xx,409"}}, "retry.codes", [409]),
    ({"retries": {"attempts": 3, "retryOn": "5xx,reset"}}, "retry.on", ["5xx", "reset"]),
    ({"headers": {"request": {"set": {"X-A": "1"}, "remove": ["X-B"]}}}, "request_headers.remove", ["x-b"]),
    ({"rewrite": {"uri": "/b"}, "match": [{"uri": {"exact": "/a"}}]}, "rewrite.path", "/b"),
    ({"rewrite": {"uri": "/b"}, "match": [{"uri": {"prefix": "/a/"}}]}, "rewrite.prefix", "/b"),
    ({"rewrite": {"uriRegexRewrite": {"match": "a", "rewrite": "b"}}}, "rewrite.substitution", "b"),
]


@pytest.mark.parametrize(("http", "path", "value"), FIELDS)
def test_a_field_becomes_its_equivalent(http: dict[str, Any], path: str, value: Any) -> None:
    route, _ = first_route({"route": [TO_V1], "timeout": "3s", **http})
    for part in path.split("."):
        route = route[part]
    assert route == value


def test_weights_of_subsets() -> None:
    entry, _ = one(
        virtual(
            {
                "route": [
                    {**TO_V1, "weight": 90},
                    {"destination": {"host": "catalog.shop.svc.cluster.local", "subset": "v2"}, "weight": 10},
                ]
            }
        )
    )
    assert entry.routes and entry.routes[0].weights == {"v1": 90, "v2": 10}
    assert entry.versions == ["v1", "v2"]


def test_weights_of_another_sum_are_scaled_and_said() -> None:
    targets = [{"destination": {"host": "catalog", "subset": f"v{n}"}, "weight": 1} for n in (1, 2, 3)]
    route, notes = first_route({"route": targets, "timeout": "3s"})
    assert route["weights"] == {"v1": 34, "v2": 33, "v3": 33}
    assert ("changed", "spec.http.0.route") in notes


def test_a_destination_without_subset_follows_the_split() -> None:
    route, _ = first_route({"route": [{"destination": {"host": "catalog"}}]})
    assert route["weights"] is None


def test_each_match_becomes_a_route() -> None:
    entry, _ = one(
        virtual({"name": "Two", "match": [{"uri": {"exact": "/a"}}, {"uri": {"exact": "/b"}}], "route": [TO_V1]})
    )
    assert [route.name for route in entry.routes or ()] == ["two-1", "two-2"]


def test_a_redirect_sends_nothing_on() -> None:
    route, _ = first_route({"redirect": {"uri": "/new", "authority": "example.com", "redirectCode": 308}})
    assert route["redirect"]["path"] == "/new" and route["redirect"]["code"] == 308
    assert route["weights"] is None


@pytest.mark.parametrize(
    ("http", "lost"),
    [
        ({"corsPolicy": {"allowOrigins": []}}, "spec.http.0.corsPolicy"),
        ({"match": [{"ignoreUriCase": True}]}, "spec.http.0.match.0.ignoreUriCase"),
        ({"match": [{"sourceLabels": {"app": "x"}}]}, "spec.http.0.match.0.sourceLabels"),
        ({"retries": {"attempts": 1, "retryOn": "unavailable"}}, "spec.http.0.retries.retryOn"),
        ({"somethingNew": {"deep": 1}}, "spec.http.0.somethingNew"),
        ({"mirror": {"host": "other", "subset": "v2"}}, "spec.http.0.mirror.host"),
    ],
)
def test_what_has_no_equivalent_is_reported(http: dict[str, Any], lost: str) -> None:
    _, notes = first_route({"route": [TO_V1], "timeout": "3s", **http})
    assert ("lost", lost) in notes


def test_a_rule_that_carries_over_whole_reports_nothing() -> None:
    _, notes = first_route({"name": "a", "match": [{"uri": {"exact": "/a"}}], "route": [TO_V1], "timeout": "3s"})
    assert notes == []


def test_a_destination_rule_becomes_resilience() -> None:
    entry, notes = one(
        rule(
            {
                "loadBalancer": {"consistentHash": {"httpHeaderName": "x-user"}},
                "connectionPool": {
                    "tcp": {"maxConnections": 50, "connectTimeout": "250ms"},
                    "http": {"http1MaxPendingRequests": 7, "http2MaxRequests": 9, "maxRetries": 2},
                },
                "outlierDetection": {"consecutive5xxErrors": 4, "baseEjectionTime": "1m", "interval": "5s"},
            }
        )
    )
    assert entry.resilience == Resilience(
        connect_timeout_ms=250,
        balancer=Balancer(policy="maglev", hash=HashOn(kind="header", name="x-user")),
        breaker=Breaker(connections=50, pending=7, requests=9, retries=2),
        retry_budget=None,
        outlier=Outlier(consecutive_5xx=4, consecutive_gateway=0, interval_ms=5000, eject_ms=60_000),
    )
    assert [note.severity for note in notes] == ["changed"]


def test_there_and_back() -> None:
    routes = (
        Route(name="beta", mirror=Mirror(version="v2", unsafe=True), weights={"v1": 30, "v2": 70}),
        Route(
            name="rest",
            weights={"v1": 100},
            timeouts=Timeouts(request_ms=2500),
            retry=Retry(attempts=2, on=["connect-failure", "5xx"], codes=[409], per_try_timeout_ms=500, unsafe=True),
        ),
    )
    guards = Resilience(retry_budget=None, breaker=Breaker(connections=9, retries=4), connect_timeout_ms=300)
    exported = to_istio(CATALOG, routes, {"v1": 100, "v2": 0}, guards)
    entry, notes = one(exported.text)
    assert [msgspec.structs.replace(route, retry=Retry()) for route in entry.routes or ()] == [
        msgspec.structs.replace(route, retry=Retry()) for route in routes
    ]
    assert entry.routes and set(entry.routes[1].retry.on) == {"connect-failure", "5xx"}
    assert entry.resilience == guards
    assert entry.versions == ["v1", "v2"]
    assert {note.severity for note in notes} <= {"changed"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "line 1"),
        ("a: &x 1\nb: *x", "aliases"),
        ("kind: A\nkind: B", "stands twice"),
        ("", "no document"),
        ("- 1", "without kind"),
        (virtual({"route": [{**TO_V1, "weight": "x"}]}), "spec.http.0.route.0.weight"),
        (virtual({"timeout": "soon", "route": [TO_V1]}), "no duration"),
        (virtual({"route": [{"destination": {"host": "a.example.com"}}]}, hosts=("example.com",)), "no service"),
        (virtual({"redirect": {"redirectCode": 299}}), "redirect"),
        (virtual({"route": [TO_V1], "match": [{"headers": {"bad name": {}}}]}), "routes"),
    ],
)
def test_bad_documents_are_refused_with_their_place(text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(text, "shop")
    assert said in str(caught.value)
