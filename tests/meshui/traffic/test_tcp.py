"""A TCP service over REST: made, guarded, split; refused what only requests have; and what proxies get of it."""

from __future__ import annotations

from typing import Any

import pytest

from meshui.catalog.services import join_token_create
from meshui.core.models import Mesh, Outbox
from meshui.delivery.build import build
from meshui.delivery.load import load
from meshui.traffic.services import gateway_put
from proxies.wire import resources as wire
from tests.meshui.delivery.test_joining import INBOUND, OUTBOUND, Joiner
from tests.support.api import Api, everything

DB = "services/shop/db/"


@pytest.fixture
def db_service(operator: Api) -> None:
    """``shop/db`` with v1 at 100 and v2 at 0."""
    sent = {"namespace": "shop", "name": "db", "protocol": "tcp", "port": 5432, "versions": ["v1", "v2"]}
    assert operator.post("services/", sent).status == 201


def built(*keys: tuple[str, str]) -> dict[tuple[str, str], wire.Resource]:
    made = build(load(Mesh.objects.get(), set(keys)), set(keys))
    assert not made.faults
    return made.good


def test_it_is_shown_with_its_protocol_and_port(operator: Api, db_service: None) -> None:
    body = operator.get(DB).body
    assert (body["protocol"], body["port"], body["hosts"]) == ("tcp", 5432, ["db.shop.mesh"])
    assert [row["id"] for row in operator.get("services/").body["results"]] == ["shop/catalog", "shop/db"]


@pytest.mark.parametrize(
    ("sent", "paths"),
    [
        ({"protocol": "tcp"}, {"port": "required"}),
        ({"protocol": "http", "port": 80}, {"port": "tcp_only"}),
        ({"protocol": "udp", "port": 53}, {"protocol": "invalid"}),
    ],
)
def test_a_port_goes_with_tcp(operator: Api, sent: dict[str, Any], paths: dict[str, str]) -> None:
    before = everything()
    assert operator.post("services/", {"namespace": "shop", "name": "db", **sent}).paths() == paths
    assert everything() == before


def test_what_proxies_get_needs_one_that_knows_tcp(operator: Api, db_service: None) -> None:
    operator.change("PUT", f"{DB}split/", {"weights": {"v1": 90, "v2": 10}})
    operator.change("PUT", f"{DB}resilience/", {"connect_timeout_ms": 300, "idle_timeout_ms": 5000})
    assert {(row.kind, row.name) for row in Outbox.objects.all()} >= {("service", "shop/db"), ("inbound", "shop/db")}
    found = built(("service", "shop/db"), ("inbound", "shop/db"))
    service, inbound = found["service", "shop/db"], found["inbound", "shop/db"]
    assert isinstance(service, wire.ServiceResource)
    assert isinstance(inbound, wire.InboundResource)
    body = service.body
    assert (body.protocol, body.port, body.routes) == ("tcp", 5432, [])
    assert {each.version: each.weight for each in body.split} == {"v1": 90, "v2": 10}
    assert (body.connect_timeout_ms, body.idle_timeout_ms, inbound.body.idle_timeout_ms) == (300, 5000, 5000)
    assert service.requires == 2


def test_an_http_service_asks_no_more_of_proxies_than_before(operator: Api) -> None:
    assert built(("service", "shop/catalog"))["service", "shop/catalog"].requires == 1


@pytest.mark.parametrize(
    ("guards", "path"),
    [
        ({"balancer": {"policy": "peak_ewma"}}, "balancer.policy"),
        ({"balancer": {"policy": "maglev", "hash": {"kind": "cookie", "name": "u"}}}, "balancer.hash.kind"),
        ({"balancer": {"policy": "maglev", "hash": {"kind": "header", "name": "u"}}}, "balancer.hash.kind"),
        ({"breaker": {"requests": 10}}, "breaker.requests"),
        ({"breaker": {"retries": 10}, "retry_budget": None}, "breaker.retries"),
        ({"retry_budget": {"percent": 50}}, "retry_budget"),
        ({"health_check": {"kind": "http"}}, "health_check.kind"),
    ],
)
def test_guards_of_requests_are_refused(operator: Api, db_service: None, guards: dict[str, Any], path: str) -> None:
    before = everything()
    answer = operator.change("PUT", f"{DB}resilience/", {"connect_timeout_ms": 1000, **guards})
    assert answer.status == 400
    assert answer.paths()[path] == "http_only"
    assert everything() == before


@pytest.mark.parametrize(
    "guards",
    [
        {"balancer": {"policy": "round_robin"}, "breaker": {"connections": 5, "pending": 2}},
        {"balancer": {"policy": "maglev", "slow_start_ms": 500}, "outlier": {"consecutive_gateway": 2}},
        {"health_check": {"kind": "tcp"}, "outlier": None},
    ],
)
def test_guards_of_connections_are_taken(operator: Api, db_service: None, guards: dict[str, Any]) -> None:
    answer = operator.change("PUT", f"{DB}resilience/", {"connect_timeout_ms": 1000, **guards})
    assert answer.status == 200
    assert ("service", "shop/db") in built(("service", "shop/db"))


def test_an_http_service_has_no_idle_timeout_beside_its_routes(operator: Api) -> None:
    sent = {"connect_timeout_ms": 1000, "idle_timeout_ms": 5000}
    answer = operator.change("PUT", "services/shop/catalog/resilience/", sent)
    assert answer.paths() == {"idle_timeout_ms": "tcp_only"}


def test_routes_limits_and_gateways_are_refused(operator: Api, root: Any, db_service: None) -> None:
    assert operator.get(f"{DB}routes/").body["routes"] == []
    before = everything()
    routes = [{"name": "default"}]
    limits = [{"name": "all", "requests": 5}]
    assert operator.change("PUT", f"{DB}routes/", {"routes": routes}).paths() == {"routes": "http_only"}
    assert operator.change("PUT", f"{DB}limits/", {"limits": limits}).paths() == {"limits": "http_only"}
    hosts = [{"host": "*", "service": "shop/catalog"}, {"host": "db.example.com", "service": "shop/db"}]
    answer = operator.post("gateways/", {"namespace": "shop", "name": "edge", "hosts": hosts})
    assert answer.paths() == {"hosts.1.service": "http_only"}
    assert operator.get(f"{DB}export/?format=istio").paths() == {"service": "http_only"}
    assert everything() == before


def test_a_request_to_it_would_meet_no_route(operator: Api, db_service: None) -> None:
    asked = {"source": "shop/catalog", "host": "db.shop.mesh", "method": "GET", "path": "/"}
    met = operator.post("simulate/", asked).body
    assert (met["status"], met["flag"]) == (404, "NR")
    assert "tcp" in met["reason"]
    draft = {"routes": [{"name": "default"}]}
    assert operator.post("simulate/", {**asked, "draft": draft}).paths() == {"draft.routes": "http_only"}


def token(root: Any, service: str) -> str:
    return join_token_create(actor=root, service=service, version="v1", uses=3)[1]


def test_its_proxy_receives_connections(root: Any, db_service: None) -> None:
    inbound = {**INBOUND, "service": "shop/db"}
    joined = Joiner().join(token(root, "shop/db"), listeners=[inbound]).json()
    proxy = built(("proxy", joined["proxy_id"]))["proxy", joined["proxy_id"]]
    assert isinstance(proxy, wire.ProxyResource)
    (listener,) = proxy.body.listeners
    assert isinstance(listener, wire.InboundListener)
    assert (listener.service, listener.protocol, proxy.requires) == ("shop/db", "tcp", 2)
    (endpoint,) = built(("endpoints", "shop/db"))["endpoints", "shop/db"].body.endpoints  # type: ignore[union-attr]
    assert endpoint.tls


def test_a_proxy_may_call_it_and_nothing_that_speaks_http(root: Any, db_service: None) -> None:
    def listeners(service: str) -> list[dict[str, Any]]:
        return [INBOUND, OUTBOUND, {"kind": "tcp", "port": 15432, "service": service}]

    joiner = Joiner()
    refused = joiner.join(token(root, "shop/catalog"), listeners=listeners("bank/ledger"))
    assert [(e["path"], e["code"]) for e in refused.json()["errors"]] == [("listeners.2.service", "no_tcp_service")]
    for service in ("shop/db", "shop/not-made-yet"):
        joined = joiner.join(token(root, "shop/catalog"), listeners=listeners(service)).json()
        proxy = built(("proxy", joined["proxy_id"]))["proxy", joined["proxy_id"]]
        assert isinstance(proxy, wire.ProxyResource)
        assert wire.TcpListener(port=15432, service=service) in proxy.body.listeners
    gateway_put(actor=root, gateway="shop/edge", hosts=[])
    refused = joiner.join(token(root, "shop/edge"), listeners=[{"kind": "tcp", "port": 15432, "service": "shop/db"}])
    assert [(e["path"], e["code"]) for e in refused.json()["errors"]] == [("listeners.0.kind", "invalid")]
