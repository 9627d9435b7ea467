"""Where a request goes: hosts, routes, weights, endpoints; and what is answered when it can go nowhere."""

from __future__ import annotations

from collections import Counter
from math import sqrt
from pathlib import Path

import pytest

from tests.conformance.conftest import Mesh
from tests.conformance.harness import (
    App,
    Conversation,
    Proxy,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    outbound,
    proxy,
    service,
)

DRAWS = 2000


@pytest.mark.parametrize(
    ("path", "method", "headers", "app"),
    [
        ("/", "GET", "", "v1"),
        ("/beta", "GET", "", "v2"),
        ("/beta/", "GET", "", "v2"),
        ("/beta/x?y", "GET", "", "v2"),
        ("/betamax", "GET", "", "v1"),
        ("/one", "GET", "", "v2"),
        ("/one?x", "GET", "", "v2"),
        ("/one/", "GET", "", "v1"),
        ("/", "DELETE", "", "v2"),
        ("/", "PATCH", "", "v2"),
        ("/", "POST", "", "v1"),
        ("/", "GET", "X-User: test-7\r\n", "v2"),
        ("/", "GET", "x-user: prod-7\r\n", "v1"),
        ("/", "GET", "x-user: test-7\r\nx-user: b\r\n", "v2"),
        ("/", "GET", "x-user: b\r\nx-user: test-7\r\n", "v1"),
        ("/inverted", "GET", "", "v2"),
        ("/inverted", "GET", "x-stay: 1\r\n", "v1"),
    ],
)
def test_first_matching_route_wins(mesh: Mesh, path: str, method: str, headers: str, app: str) -> None:
    assert ask(mesh.gateway, path, method=method, headers=headers).json()["app"] == app


def test_split_follows_its_weights(own_mesh: Mesh) -> None:
    own_mesh.proxy.reload(own_mesh.resources({"v1": 70, "v2": 30}, revision=7), revision=7)
    share = counts(own_mesh.gateway, DRAWS)["v2"] / DRAWS
    # Five standard deviations: one false alarm in two million runs.
    assert abs(share - 0.3) < 5 * sqrt(0.3 * 0.7 / DRAWS)


def counts(port: int, requests: int) -> Counter[str]:
    found: Counter[str] = Counter()
    with Conversation.to(port) as client:
        for _ in range(requests):
            client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
            found[client.read_response().json()["app"]] += 1
    return found


def test_outbound_knows_services_by_host(mesh: Mesh) -> None:
    assert ask(mesh.outbound, host="catalog.shop.mesh").status == 200
    assert ask(mesh.outbound, host="CATALOG.shop.mesh:8080").status == 200


def test_outbound_denies_strangers(mesh: Mesh) -> None:
    response = ask(mesh.outbound, host="example.org")
    assert response.status == 502
    assert response.headers["server"] == "meshui"
    assert mesh.proxy.count("mesh_requests_total", destination_service="unknown", response_flags="NR") > 0


def test_outbound_passes_strangers_where_egress_is_allowed(tmp_path: Path) -> None:
    app, port = App(echo("outside")), free_port()
    engine = Proxy(tmp_path, [proxy(outbound(port, egress="allow"))])
    try:
        assert ask(port, "/x", host=f"127.0.0.1:{app.port}").json()["app"] == "outside"
        assert ask(port, f"http://127.0.0.1:{app.port}/x", host=f"127.0.0.1:{app.port}").status == 200
        assert ask(port, host=f"127.0.0.1:{free_port()}").status == 503
        assert ask(port, host=f"127.0.0.1:{port}").status == 508
    finally:
        engine.close()
        app.close()


def test_gateway_takes_the_most_specific_host(tmp_path: Path) -> None:
    apps = {name: App(echo(name)) for name in ("exact", "suffix", "longer", "other")}
    port = free_port()
    hosts = [("*", "t/other"), ("*.b.example", "t/longer"), ("*.example", "t/suffix"), ("a.example", "t/exact")]
    resources = [proxy(gateway(port, *hosts))]
    for name, app in apps.items():
        resources += [service({"v1": 1}, name=f"t/{name}"), endpoints({"v1": [app.port]}, name=f"t/{name}")]
    engine = Proxy(tmp_path, resources)
    try:
        asked = {"A.example:80": "exact", "x.example": "suffix", "x.b.example": "longer", "example": "other"}
        assert {host: ask(port, host=host).json()["app"] for host in asked} == asked
    finally:
        engine.close()
        for app in apps.values():
            app.close()


def test_refusals_name_their_reason_to_the_counters_only(tmp_path: Path) -> None:
    port = free_port()
    dead = free_port()
    routes = [
        {
            "name": "down",
            "match": {"path": {"kind": "prefix", "value": "/down"}},
            "split": [{"version": "v1", "weight": 1}],
        },
        {
            "name": "empty",
            "match": {"path": {"kind": "prefix", "value": "/empty"}},
            "split": [{"version": "v2", "weight": 1}],
        },
    ]
    resources = [
        proxy(gateway(port, ("a.example", "shop/catalog"), ("late.example", "shop/late"))),
        service({"v1": 1, "v2": 1}, routes=routes),
        service({"v1": 1}, name="shop/late"),
        endpoints({"v1": [dead]}),
    ]
    engine = Proxy(tmp_path, resources)
    try:
        for host, path, status, flags in (
            ("a.example", "/down", 503, "UF,URX"),
            ("a.example", "/empty", 503, "UH"),
            ("a.example", "/none", 404, "NR"),
            ("other.example", "/", 404, "NR"),
            ("late.example", "/", 503, "UH"),
        ):
            before = engine.count("mesh_requests_total", response_code=str(status), response_flags=flags)
            response = ask(port, path, host=host)
            assert response.status == status
            assert str(dead).encode() not in response.body
            assert engine.count("mesh_requests_total", response_code=str(status), response_flags=flags) == before + 1
    finally:
        engine.close()


def test_unhealthy_and_draining_endpoints_get_nothing(tmp_path: Path) -> None:
    apps = [App(echo(name)) for name in ("good", "sick", "leaving")]
    port = free_port()
    places = endpoints({"v1": [app.port for app in apps]})
    places["body"]["endpoints"][1]["healthy"] = False
    places["body"]["endpoints"][2]["draining"] = True
    engine = Proxy(tmp_path, [proxy(gateway(port)), service({"v1": 1}), places])
    try:
        assert counts(port, 50) == {"good": 50}
    finally:
        engine.close()
        for app in apps:
            app.close()


def test_edge_drops_what_strangers_claim(mesh: Mesh) -> None:
    claims = (
        "x-forwarded-for: 6.6.6.6\r\nx-forwarded-proto: https\r\nx-forwarded-host: evil\r\nforwarded: for=6.6.6.6\r\n"
        "x-real-ip: 6.6.6.6\r\nx-forwarded-client-cert: By=spiffe://evil\r\n"
    )
    headers = dict(ask(mesh.gateway, headers=claims).json()["headers"])
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert headers["x-forwarded-proto"] == "http"
    assert headers["x-forwarded-host"] == "catalog.shop.mesh"
    assert not headers.keys() & {"forwarded", "x-real-ip", "x-forwarded-client-cert"}


def test_inside_forwarding_headers_stay_but_for_client_certificates(mesh: Mesh) -> None:
    sent = "x-forwarded-for: 1.2.3.4\r\nx-forwarded-client-cert: By=spiffe://evil\r\n"
    headers = dict(ask(mesh.outbound, headers=sent).json()["headers"])
    assert headers["x-forwarded-for"] == "1.2.3.4"
    assert "x-forwarded-client-cert" not in headers


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_trace_and_request_id_are_kept(mesh: Mesh) -> None:
    sent = f"traceparent: {TRACE}\r\ntracestate: a=b\r\nx-request-id: r-1\r\n"
    headers = dict(ask(mesh.gateway, headers=sent).json()["headers"])
    assert (headers["traceparent"], headers["tracestate"], headers["x-request-id"]) == (TRACE, "a=b", "r-1")


@pytest.mark.parametrize(
    "trace",
    [
        "",
        "garbage",
        f"ff{TRACE[2:]}",
        f"{TRACE}-x",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"{TRACE}\r\ntraceparent: {TRACE}",
    ],
)
def test_trace_and_request_id_are_made_where_none_is_valid(mesh: Mesh, trace: str) -> None:
    sent = f"traceparent: {trace}\r\ntracestate: a=b\r\nx-request-id: two words\r\n"
    received = ask(mesh.gateway, headers=sent).json()["headers"]
    headers = dict(received)
    assert [name for name, _ in received].count("traceparent") == 1
    version, trace_id, span_id, flags = headers["traceparent"].split("-")
    assert (version, len(trace_id), len(span_id), flags) == ("00", 32, 16, "00")
    assert trace_id not in TRACE
    assert "tracestate" not in headers
    assert len(headers["x-request-id"]) == 36
