"""What goes with a TCP service, and what a file may say of one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxies.core.check import check
from proxies.core.tcp import compile_shares
from proxies.wire import resources as wire
from proxies.wire.resources import ResourceError
from proxies.wire.routing import WeightedVersion


def body(**more: Any) -> dict[str, Any]:
    split = [{"version": "v1", "weight": 1}]
    base = {"hosts": ["db.shop.mesh"], "versions": ["v1"], "split": split, "routes": []}
    return {**base, "protocol": "tcp", "port": 5432, **more}


def file(service: dict[str, Any], *listeners: dict[str, Any]) -> list[wire.Resource]:
    listeners = listeners or ({"kind": "tcp", "port": 15432, "service": "shop/db"},)
    proxy = {"service": "shop/cart", "version": "v1", "listeners": list(listeners)}
    resources = [
        {"kind": "proxy", "name": "p", "body": proxy},
        {"kind": "service", "name": "shop/db", "body": service},
    ]
    return wire.decode_file(msgspec.json.encode({"resources": resources}))


@pytest.mark.parametrize(
    "service",
    [
        body(),
        body(balancer={"policy": "maglev"}, breaker={"connections": 1, "pending": 1}),
        body(outlier=None, health_check={"kind": "tcp"}, idle_timeout_ms=5),
    ],
)
def test_what_connections_have_is_taken(service: dict[str, Any]) -> None:
    check(file(service))


@pytest.mark.parametrize(
    ("service", "field"),
    [
        (body(port=0), "port"),
        (body(routes=[{"name": "default"}]), "routes"),
        (body(balancer={"policy": "peak_ewma"}), "balancer.policy"),
        (body(balancer={"policy": "maglev", "hash": {"kind": "header", "name": "x"}}), "balancer.hash.kind"),
        (body(breaker={"requests": 1}), "breaker.requests"),
        (body(breaker={"retries": 1}), "breaker.retries"),
        (body(retry_budget=None), "retry_budget"),
        (body(health_check={"kind": "http"}), "health_check.kind"),
        (
            body(split=[{"version": "v1", "weight": 1, "request_headers": {"set": {"x-a": "b"}}}]),
            r"split\[0\]",
        ),
        (body(protocol="http"), "port"),
        (body(protocol="http", port=0, idle_timeout_ms=5), "idle_timeout_ms"),
    ],
)
def test_what_only_the_other_protocol_has_is_refused(service: dict[str, Any], field: str) -> None:
    with pytest.raises(ResourceError, match=rf"^resources\[1\]\.body\.{field}:"):
        check(file(service))


@pytest.mark.parametrize(
    ("service", "listener", "field"),
    [
        (body(), {"kind": "tcp", "port": 1, "service": "shop/other"}, "service"),
        (body(protocol="http", port=0), {"kind": "tcp", "port": 1, "service": "shop/db"}, "service"),
        (
            body(),
            {"kind": "gateway", "address": "0.0.0.0", "port": 1, "hosts": [{"host": "*", "service": "shop/db"}]},
            r"hosts\[0\].service",
        ),
    ],
)
def test_listeners_lead_to_services_of_their_protocol(
    service: dict[str, Any], listener: dict[str, Any], field: str
) -> None:
    with pytest.raises(ResourceError, match=rf"^resources\[0\]\.body\.listeners\[0\]\.{field}:"):
        check(file(service, listener))


def test_an_older_proxy_refuses_what_it_would_half_understand() -> None:
    tcp = msgspec.convert(body(), wire.ServiceBody)
    http = msgspec.convert(body(protocol="http", port=0), wire.ServiceBody)
    assert (wire.required_schema(tcp), wire.required_schema(http)) == (2, 1)
    for listener, needed in (
        (wire.InboundListener(address="10.0.0.1", port=1, service="shop/db", app_port=2, protocol="tcp"), 2),
        (wire.TcpListener(port=1, service="shop/db"), 2),
        (wire.InboundListener(address="10.0.0.1", port=1, service="shop/db", app_port=2), 1),
    ):
        proxy = wire.ProxyBody(service="shop/db", version="v1", listeners=[listener])
        assert wire.required_schema(proxy) == needed


def test_shares_follow_the_weights() -> None:
    drawn = iter([0.0, 0.89, 0.91, 0.999])
    split = [WeightedVersion(version=name, weight=weight) for name, weight in (("a", 90), ("none", 0), ("b", 10))]
    choose = compile_shares(split, str.upper, lambda: next(drawn))
    assert [choose() for _ in range(4)] == ["A", "A", "B", "B"]
    assert compile_shares([WeightedVersion(version="a", weight=0)], str, lambda: 0.5)() is None
