"""Who may call what: access policies and mTLS modes over real sockets. The ways around them are in tests/security."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.guarded import CART, FRONTEND, PROBER, Guarded, allow, deny
from tests.conformance.harness import (
    SERVICE,
    App,
    Conversation,
    Proxy,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    proxy,
    service,
)
from tests.support.poll import until

_revisions = count(1)


def test_a_denied_request_gets_403_that_says_nothing_and_reaches_no_app(guarded: Guarded) -> None:
    guarded.receive(deny({"caller": {"services": [FRONTEND]}}, name="secret-name"))
    before = guarded.app.connections
    edge = {"reporter": "destination", "source_service": FRONTEND, "response_code": "403", "response_flags": "UAEX"}
    counted = guarded.engine.count("mesh_requests_total", **edge)
    answer = guarded.call("/x")
    assert answer.status == 403
    assert b"secret" not in answer.body
    assert b"secret" not in "".join(answer.lines).encode()
    assert guarded.app.connections == before
    assert guarded.call("/x", caller=CART).status == 200
    until(lambda: guarded.engine.count("mesh_requests_total", **edge) == counted + 1, "it is counted")
    decided = {"policy": "secret-name", "rule": "0", "outcome": "denied", "destination_service": SERVICE}
    assert guarded.engine.count("mesh_policy_decisions_total", **decided) == 1


def test_a_connection_that_was_open_meets_the_new_policy(guarded: Guarded) -> None:
    guarded.receive()
    with guarded.open(FRONTEND, guarded.http) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.read_response().status == 200
        guarded.receive(deny({}))
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert client.read_response().status == 403


def test_default_deny_with_one_deny_policy_denies_all(guarded: Guarded) -> None:
    guarded.receive(deny({"operation": {"methods": ["PUT"]}}), default="deny")
    assert guarded.call().status == 403
    assert guarded.call(method="PUT").status == 403
    assert not guarded.speaks_tcp()


def test_the_registry_may_always_ask_for_health(guarded: Guarded) -> None:
    guarded.receive(default="deny")
    assert guarded.call(caller=PROBER).status == 200
    assert guarded.call().status == 403


@pytest.mark.parametrize(
    "rule",
    [
        {"operation": {"paths": ["*.secret"]}},
        {"operation": {"hosts": ["*.example"]}},
        {"operation": {"methods": ["PUT"]}},
        {"when": [{"header": "x", "values": ["y"]}]},
    ],
)
def test_on_tcp_a_field_of_http_counts_against_the_caller(guarded: Guarded, rule: dict[str, Any]) -> None:
    guarded.receive(deny(rule))
    assert not guarded.speaks_tcp()
    guarded.receive(allow(rule))
    assert not guarded.speaks_tcp()


def test_tcp_by_identity(guarded: Guarded) -> None:
    guarded.receive(allow({"caller": {"services": [FRONTEND]}}))
    assert guarded.speaks_tcp()
    refused = {"reporter": "destination", "source_service": CART, "response_flags": "UAEX"}
    before = guarded.engine.count("mesh_tcp_connections_total", **refused)
    assert not guarded.speaks_tcp(CART)
    until(lambda: guarded.engine.count("mesh_tcp_connections_total", **refused) == before + 1, "it is counted")


def test_an_open_tcp_connection_ends_when_it_would_not_be_let_in_any_more(guarded: Guarded) -> None:
    guarded.receive()
    with guarded.open(FRONTEND, guarded.tcp) as client, guarded.open(CART, guarded.tcp) as other:
        for each in (client, other):
            each.send(b"half")
        until(lambda: guarded.db.connections >= 2, "both are open")
        guarded.receive(deny({"caller": {"services": [FRONTEND]}}))
        with suppress(OSError):
            assert client.socket.recv(1) == b""
        other.send(b"\n")
        assert other.read_until(b"\n") == b"half\n"


def test_a_shadow_lets_pass_and_counts_what_it_would_have_denied(guarded: Guarded) -> None:
    guarded.receive(deny({"operation": {"methods": ["PUT"]}}, name="later", mode="shadow"))
    assert guarded.call(method="PUT").status == 200
    assert guarded.call().status == 200
    until(
        lambda: guarded.engine.count("mesh_policy_decisions_total", policy="later", outcome="shadow_denied") == 1,
        "it is counted",
    )


def test_policies_that_cannot_be_leave_the_former_in_force(guarded: Guarded) -> None:
    guarded.receive(deny({}))
    broken = guarded.resources(policies=[deny({"operation": {"paths": ["/a/*/b"]}})])
    guarded.engine.reload(broken)
    assert guarded.call().status == 403
    newer = guarded.resources(policies=[])
    newer[-1]["requires"] = 99
    guarded.engine.reload(newer)
    assert guarded.call().status == 403, "what needs a newer reader is refused whole"


# --- mTLS modes


def plaintext(port: int) -> bytes:
    with suppress(OSError), Conversation.to(port) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        return client.read_to_end()
    return b""


def test_plaintext_reaches_no_strict_port(guarded: Guarded) -> None:
    guarded.receive()
    before = guarded.app.connections
    assert b"HTTP" not in plaintext(guarded.http)
    assert guarded.app.connections == before


def test_permissive_takes_both_and_plaintext_has_no_identity(guarded: Guarded) -> None:
    guarded.receive(mtls="permissive")
    assert plaintext(guarded.http).startswith(b"HTTP/1.1 200")
    assert guarded.call().status == 200
    edge = {"reporter": "destination", "destination_service": SERVICE, "response_code": "200"}
    assert guarded.engine.count("mesh_requests_total", source_service="unknown", security="none", **edge) >= 1
    assert guarded.engine.count("mesh_requests_total", source_service=FRONTEND, security="mtls", **edge) >= 1
    guarded.receive(allow({"caller": {"namespaces": ["shop"]}}), mtls="permissive")
    assert plaintext(guarded.http).startswith(b"HTTP/1.1 403")
    assert guarded.call().status == 200
    guarded.receive(deny({"caller": {"not_services": ["shop/*"]}}), mtls="permissive")
    assert plaintext(guarded.http).startswith(b"HTTP/1.1 403")


def test_permissive_tcp_takes_both_and_waits_for_no_client_for_ever(guarded: Guarded) -> None:
    guarded.receive(mtls="permissive")
    assert guarded.speaks_tcp()
    with Conversation.to(guarded.tcp) as client:
        client.send(b"plain\n")
        assert client.read_until(b"\n") == b"plain\n"
    guarded.db.script = lambda client: client.send(b"I speak first\n")
    with Conversation.to(guarded.tcp) as client:
        assert client.read_until(b"\n") == b"I speak first\n"
    guarded.db.script = lambda client: client.send(client.read_until(b"\n"))


def test_who_came_in_plaintext_goes_when_the_port_turns_strict(guarded: Guarded) -> None:
    guarded.receive(mtls="permissive")
    with Conversation.to(guarded.http) as idle, Conversation.to(guarded.tcp) as tcp:
        idle.send(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
        assert idle.read_response().status == 200
        before = guarded.db.connections
        tcp.send(b"half")
        until(lambda: guarded.db.connections > before, "it is through")
        guarded.receive()
        assert idle.read_to_end() == b""
        assert tcp.read_to_end() == b""


# --- gateways


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[tuple[Proxy, int, Any]]:
    app, port = App(echo("app")), free_port()

    def resources(*policies: dict[str, Any], **body: Any) -> list[dict[str, Any]]:
        own = {"kind": "inbound", "name": "shop/edge", "revision": next(_revisions)}
        return [
            proxy(gateway(port), service="shop/edge"),
            service({"v1": 1}),
            endpoints({"v1": [app.port]}),
            {**own, "body": {"policies": list(policies), **body}},
        ]

    engine = Proxy(tmp_path, resources())
    yield engine, port, resources
    engine.close()
    app.close()


def test_a_gateways_policies_act_on_strangers(edge: tuple[Proxy, int, Any]) -> None:
    engine, port, resources = edge

    def receive(*policies: dict[str, Any], **body: Any) -> None:
        made = resources(*policies, **body)
        engine.reload(made, revision=made[-1]["revision"])

    receive(deny({"caller": {"cidrs": ["127.0.0.0/8"]}, "operation": {"paths": ["/admin/*"]}}))
    assert ask(port, "/admin/x").status == 403
    assert ask(port, "/x").status == 200
    assert ask(port, "/x", headers="x-forwarded-for: 10.0.0.1\r\n").status == 200
    receive(deny({"caller": {"not_cidrs": ["10.0.0.0/8"]}}))
    assert ask(port, "/x", headers="x-forwarded-for: 10.0.0.1\r\n").status == 403, "an address is the connection's"
    receive(allow({"caller": {"services": ["shop/*"]}}))
    assert ask(port).status == 403, "a stranger is no service"
    receive(allow({"operation": {"methods": ["GET"], "hosts": ["*.shop.mesh"]}}), default="deny")
    assert ask(port).status == 200
    assert ask(port, method="PUT").status == 403
    refused = {"reporter": "source", "source_service": "shop/edge", "destination_service": SERVICE}
    assert engine.count("mesh_requests_total", response_flags="UAEX", **refused) == 4
