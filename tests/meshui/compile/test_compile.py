"""The compiler: the same mesh gives the same bytes, however it was listed; what it makes passes the check."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import asdict, replace

from meshui.compile.check import check
from meshui.compile.proxy import inbound_body, proxy_body
from meshui.compile.service import endpoints_body, service_body
from meshui.mesh import values
from meshui.mesh.invariants import Invalid
from meshui.mesh.names import ServiceName
from meshui.mesh.policies import Access
from proxies.wire import resilience, routing
from proxies.wire import resources as wire
from tests.support.meshes import services

NAME = ServiceName("shop", "catalog")


def resources(service: values.Service) -> list[wire.Resource]:
    name = str(service.name)
    return [
        wire.ServiceResource(name=name, body=service_body(service)),
        wire.EndpointsResource(name=name, body=endpoints_body(service)),
        wire.InboundResource(name=name, body=inbound_body(service, Access())),
    ]


def shuffled(service: values.Service, seed: int) -> values.Service:
    """The same service, its unordered parts listed otherwise. Routes keep their order, which means something."""
    rng = random.Random(seed)

    def mix(items: Any) -> list[Any]:
        mixed = list(items)
        rng.shuffle(mixed)
        return mixed

    def _mixed(match: values.RouteMatch) -> values.RouteMatch:
        return replace(match, methods=mix(match.methods), sources=mix(match.sources))

    def route(one: values.Route) -> values.Route:
        weights = None if one.weights is None else dict(mix(one.weights.items()))
        backends = dict(mix(one.backends.items()))
        return replace(one, weights=weights, backends=backends, match=_mixed(one.match))

    return replace(
        service,
        versions=tuple(mix(service.versions)),
        split=dict(mix(service.split.items())),
        routes=tuple(route(one) for one in service.routes),
        instances=tuple(mix(service.instances)),
    )


@given(services(), st.integers())
def test_the_same_mesh_gives_the_same_bytes(service: values.Service, seed: int) -> None:
    for one, other in zip(resources(service), resources(shuffled(service, seed)), strict=True):
        assert wire.encode(one) == wire.encode(other)
        assert wire.content_hash(one.body) == wire.content_hash(other.body)


@given(services())
def test_what_is_compiled_hangs_together_and_is_read_back(service: values.Service) -> None:
    made = resources(service)
    check(made, {str(service.name)})
    assert [wire.decode(wire.encode(resource)) for resource in made] == made


@given(services())
def test_weights_sum_in_the_split_and_in_every_route(service: values.Service) -> None:
    body = service_body(service)
    for split in [body.split, *(route.split for route in body.routes if route.split is not None)]:
        assert sum(entry.weight for entry in split) == 100
        assert {entry.version for entry in split} <= set(body.versions)


@given(services())
def test_a_change_of_the_split_changes_the_hash(service: values.Service) -> None:
    moved = replace(service, split={service.versions[0]: 99, "other": 1}, versions=(*service.versions, "other"))
    assert wire.content_hash(service_body(service)) != wire.content_hash(service_body(moved))


def test_a_service_that_decides_nothing_is_told_as_ever() -> None:
    """Golden: these bytes may not change under a mesh that is only upgraded."""
    service = values.Service(
        name=NAME,
        trust_domain="mesh.local",
        versions=("v1", "v2"),
        split={"v1": 90, "v2": 10},
        routes=values.DEFAULT_ROUTES,
    )
    body = service_body(service)
    assert wire.content_hash(body) == "c1951fcd19a8277c"
    assert body == wire.ServiceBody(
        hosts=["catalog.shop.mesh"],
        versions=["v1", "v2"],
        split=[wire.WeightedVersion(version="v1", weight=90), wire.WeightedVersion(version="v2", weight=10)],
        routes=[wire.Route(name="default")],
        identity="spiffe://mesh.local/ns/shop/svc/catalog",
    )


@given(services())
def test_what_is_decided_of_resilience_is_what_is_told(service: values.Service) -> None:
    body, decided = service_body(service), service.resilience
    for told, value in [
        (body.breaker, decided.breaker),
        (body.retry_budget, decided.retry_budget),
        (body.outlier, decided.outlier),
        (body.health_check, decided.health_check),
        (body.balancer.hash, decided.balancer.hash),
        *((route.retry, one.retry) for route, one in zip(body.routes, service.routes, strict=True)),
    ]:
        assert (told is None) == (value is None)
        assert value is None or asdict(told) == asdict(value)
    balancer = decided.balancer
    assert (body.balancer.policy, body.balancer.slow_start_ms) == (balancer.policy, balancer.slow_start_ms)
    assert (body.balancer.panic_percent, body.connect_timeout_ms) == (
        balancer.panic_percent,
        decided.connect_timeout_ms,
    )


ROUTE = {
    "name": "beta",
    "match": {
        "path": {"kind": "prefix", "value": "/api"},
        "methods": ["POST", "GET"],
        "headers": [{"name": "X-Tier", "kind": "regex", "value": "gold|silver"}],
        "query": [{"name": "Page", "kind": "present"}],
        "cookies": [{"name": "Beta", "value": "1", "invert": True}],
        "sources": ["tools/*", "shop/web"],
    },
    "backends": {"v2": {"response_headers": {"set": {"x-b": "2"}}}},
    "retry": {"attempts": 2, "on": ["5xx"], "per_try_timeout_ms": 900},
    "rewrite": {"prefix": "/"},
    "request_headers": {"add": {"x-a": "1"}},
    "mirror": {"version": "v2", "percent": 5},
    "fault": {"delay_ms": 10},
    "sticky": {"kind": "source"},
    "limits": [{"name": "l", "requests": 3, "by": ["source"]}],
}


def test_a_route_with_everything_compiles_to_this() -> None:
    """Golden: the mesh's route beside the bytes' meaning, defaults left out."""
    service = values.Service(
        name=NAME,
        trust_domain="mesh.local",
        versions=("v1", "v2"),
        split={"v1": 90, "v2": 10},
        routes=(msgspec.convert(ROUTE, values.Route),),
    )
    body = msgspec.msgpack.decode(wire.encode(resources(service)[0]))["body"]
    (route,) = body["routes"]
    del route["timeouts"]  # always written
    assert [route] == [
        {
            "name": "beta",
            "match": {
                "path": {"kind": "prefix", "value": "/api"},
                "methods": ["GET", "POST"],
                "headers": [{"name": "x-tier", "kind": "regex", "value": "gold|silver"}],
                "query": [{"name": "Page", "kind": "present"}],
                "cookies": [{"name": "Beta", "kind": "exact", "value": "1", "invert": True}],
                "sources": ["shop/web", "tools/*"],
            },
            "split": [
                {"version": "v1", "weight": 90},
                {"version": "v2", "weight": 10, "response_headers": {"set": {"x-b": "2"}}},
            ],
            "retry": {"attempts": 2, "on": ["5xx"], "per_try_timeout_ms": 900},
            "rewrite": {"prefix": "/"},
            "request_headers": {"add": {"x-a": "1"}},
            "mirror": {"version": "v2", "percent": 5.0},
            "fault": {"delay_ms": 10},
            "sticky": {"kind": "source"},
            "limits": [{"name": "l", "requests": 3, "by": ["source"]}],
        }
    ]


def _gateway(service: str) -> wire.Resource:
    proxy = values.Proxy(
        id="px",
        service=ServiceName("shop", "edge"),
        trust_domain="mesh.local",
        version="v1",
        listeners=(wire.GatewayListener(address="127.0.0.1", port=8080, hosts=[]),),
        hosts=(values.GatewayHost(host="*", service=ServiceName.parse(service)),),
    )
    return wire.ProxyResource(name="px", body=proxy_body(proxy))


def test_a_gateways_hosts_come_from_what_was_decided() -> None:
    check([_gateway("shop/catalog")], {"shop/catalog"})
    body = _gateway("shop/catalog").body
    assert isinstance(body, wire.ProxyBody)
    (listener,) = body.listeners
    assert isinstance(listener, wire.GatewayListener)
    assert [(host.host, host.service) for host in listener.hosts] == [("*", "shop/catalog")]


SERVICE = wire.ServiceBody(
    hosts=["catalog.shop.mesh"],
    versions=["v1"],
    split=[wire.WeightedVersion(version="v1", weight=100)],
    routes=[wire.Route(name="default")],
    identity="spiffe://mesh.local/ns/shop/svc/catalog",
)
ENDPOINT = wire.Endpoint(id="i", address="10.0.0.1", port=1, version="v1")


def _service(**changes: Any) -> wire.Resource:
    return wire.ServiceResource(name="shop/catalog", body=replace(SERVICE, **changes))


@pytest.mark.parametrize(
    ("resource", "path", "code"),
    [
        (lambda: _service(split=[]), "service:shop/catalog.split", "sum"),
        (
            lambda: _service(split=[wire.WeightedVersion(version="v9", weight=100)]),
            "service:shop/catalog.split",
            "unknown_version",
        ),
        (
            lambda: _service(routes=[wire.Route(name="a", split=[wire.WeightedVersion(version="v1", weight=1)])]),
            "service:shop/catalog.routes.0.split",
            "sum",
        ),
        (
            lambda: _service(routes=[wire.Route(name="a"), wire.Route(name="a")]),
            "service:shop/catalog.routes",
            "duplicate",
        ),
        (
            lambda: _service(routes=[wire.Route(name="a", retry=resilience.Retry(on=[]))]),
            "service:shop/catalog.routes.0.retry.on",
            "required",
        ),
        (
            lambda: _service(outlier=resilience.Outlier(eject_ms=2, eject_max_ms=1)),
            "service:shop/catalog.outlier.eject_max_ms",
            "range",
        ),
        (lambda: _service(identity=""), "service:shop/catalog.identity", "required"),
        (
            lambda: wire.EndpointsResource(name="shop/catalog", body=wire.EndpointsBody(endpoints=[ENDPOINT] * 2)),
            "endpoints:shop/catalog.endpoints",
            "duplicate",
        ),
        (
            lambda: wire.InboundResource(
                name="shop/catalog",
                body=wire.InboundBody(limits=[routing.RateLimit(name="l", requests=1)] * 2),
            ),
            "inbound:shop/catalog.limits.1.name",
            "duplicate",
        ),
        (
            lambda: _service(routes=[wire.Route(name="a", mirror=routing.Mirror(version="v9"))]),
            "service:shop/catalog.routes.0.mirror.version",
            "unknown_version",
        ),
        (
            lambda: _service(routes=[wire.Route(name="a", rewrite=routing.Rewrite(regex="(", substitution="/"))]),
            "service:shop/catalog.routes.0.rewrite.regex",
            "invalid",
        ),
        (
            lambda: wire.TrustResource(body=wire.TrustBody(trust_domain="mesh.local", bundle=[])),
            "trust.bundle",
            "required",
        ),
        (lambda: _gateway("shop/gone"), "proxy:px.hosts.*", "unknown_service"),
    ],
)
def test_each_breach_stops_the_publication(resource: Callable[[], wire.Resource], path: str, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        check([resource()], {"shop/catalog"})
    assert [(breach.path, breach.code) for breach in refused.value.breaches] == [(path, code)]


@given(services())
def test_a_tcp_service_has_versions_and_guards_and_no_routes(service: values.Service) -> None:
    tcp = replace(
        service,
        protocol="tcp",
        port=5432,
        routes=(),
        overlay=None,
        limits=(),
        resilience=values.Resilience(idle_timeout_ms=7_000),
    )
    made = resources(tcp)
    check(made, frozenset({str(tcp.name)}))
    body, inbound = made[0].body, made[2].body
    assert isinstance(body, wire.ServiceBody)
    assert isinstance(inbound, wire.InboundBody)
    assert (body.protocol, body.port, body.routes) == ("tcp", 5432, [])
    assert body.idle_timeout_ms == inbound.idle_timeout_ms == 7_000
    with pytest.raises(Invalid, match=r"\.routes: a tcp service has no routes"):
        check(resources(replace(tcp, routes=values.DEFAULT_ROUTES)), frozenset({str(tcp.name)}))
