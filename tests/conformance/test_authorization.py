"""Who may call what: access policies and mTLS modes over real sockets, and the ways around them that do not work."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import (
    SERVICE,
    App,
    Conversation,
    Proxy,
    Response,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    proxy,
    service,
)
from tests.support.pki import Authority
from tests.support.poll import until

FRONTEND, CART, PROBER = "shop/frontend", "shop/cart", "meshui/registry"
_revisions = count(1)


def deny(*rules: dict[str, Any], name: str = "no", **more: Any) -> dict[str, Any]:
    return {"name": name, "action": "deny", "rules": list(rules), **more}


def allow(*rules: dict[str, Any], name: str = "yes", **more: Any) -> dict[str, Any]:
    return {"name": name, "action": "allow", "rules": list(rules), **more}


class Guarded:
    """The proxy of ``shop/catalog``, which receives HTTP and TCP, and callers with certificates of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = Authority()
        self.app, self.db = App(echo("app")), App(lambda client: client.send(client.read_until(b"\n")))
        self.http, self.tcp = free_port(), free_port()
        identity = "spiffe://test.mesh/ns/shop/svc/catalog"
        self.engine = Proxy(folder, self.resources(), tls=self.authority.write(folder / "own", identity))
        self._contexts: dict[str, ssl.SSLContext] = {}

    def resources(self, **body: Any) -> list[dict[str, Any]]:
        def listener(port: int, app: int, protocol: str) -> dict[str, Any]:
            where = {"address": "127.0.0.1", "port": port, "app_port": app}
            return {"kind": "inbound", "service": SERVICE, "protocol": protocol, **where}

        return [
            proxy(
                listener(self.http, self.app.port, "http"),
                listener(self.tcp, self.db.port, "tcp"),
                service=SERVICE,
            ),
            {"kind": "trust", "body": {"trust_domain": "test.mesh", "bundle": [self.authority.root]}},
            {"kind": "inbound", "name": SERVICE, "revision": next(_revisions), "body": body},
        ]

    def receive(self, *policies: dict[str, Any], **body: Any) -> None:
        """Put these policies into force."""
        resources = self.resources(policies=list(policies), **body)
        self.engine.reload(resources, revision=resources[-1]["revision"])

    def context(self, caller: str) -> ssl.SSLContext:
        if caller not in self._contexts:
            namespace, _, name = caller.partition("/")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.load_verify_locations(cadata=self.authority.root)
            chain, key = self.authority.issue(f"spiffe://test.mesh/ns/{namespace}/svc/{name}")
            file = self.folder / f"{name}.pem"
            file.write_text(key + chain)
            context.load_cert_chain(file)
            self._contexts[caller] = context
        return self._contexts[caller]

    def open(self, caller: str, port: int) -> Conversation:
        raw = socket.create_connection(("127.0.0.1", port), timeout=10)
        return Conversation(self.context(caller).wrap_socket(raw))

    def call(self, target: str = "/", *, caller: str = FRONTEND, method: str = "GET", fields: str = "") -> Response:
        """One request over mTLS. ``fields`` are whole lines; without one, the host is ``a``."""
        host = "" if "host:" in fields.lower() else "host: a\r\n"
        with self.open(caller, self.http) as client:
            client.send(f"{method} {target} HTTP/1.1\r\n{host}{fields}\r\n".encode("latin-1"))
            return client.read_response()

    def speaks_tcp(self, caller: str = FRONTEND) -> bool:
        with suppress(OSError), self.open(caller, self.tcp) as client:
            client.send(b"hello\n")
            return client.read_until(b"\n") == b"hello\n"
        return False

    def close(self) -> None:
        self.engine.close()
        self.app.close()
        self.db.close()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    shared = Guarded(tmp_path_factory.mktemp("guarded"))
    yield shared
    shared.close()


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


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/admin/x", 403),
        ("//admin/x", 403),
        ("/./admin/x", 403),
        ("/x/../admin/x", 403),
        ("/%61dmin/x", 403),
        ("/admin//x?y", 403),
        ("/x/%2E%2E/admin/x", 403),
        ("http://a/admin/x", 403),
        ("/x%2F..%2Fadmin/x", 400),
        ("/x%5C..%5Cadmin/x", 400),
        ("/x\\..\\admin/x", 400),
        ("/x/..;/admin/x", 400),
        ("/x%00/admin/x", 400),
        ("/x#/../admin/x", 400),
        ("/%2561dmin/x", 200),
        ("/administrator", 200),
        ("/ADMIN/x", 200),
    ],
)
def test_no_spelling_of_a_path_goes_around_a_deny(guarded: Guarded, target: str, status: int) -> None:
    guarded.receive(deny({"operation": {"paths": ["/admin", "/admin/*"]}}))
    assert guarded.call(target).status == status


@pytest.mark.parametrize(
    ("host", "status"),
    [("admin.example", 403), ("ADMIN.Example", 403), ("admin.example:8080", 403), ("admin.example.", 403), ("b", 200)],
)
def test_no_spelling_of_a_host_goes_around_a_deny(guarded: Guarded, host: str, status: int) -> None:
    guarded.receive(deny({"operation": {"hosts": ["admin.example"]}}))
    assert guarded.call(fields=f"host: {host}\r\n").status == status


@pytest.mark.parametrize(
    "fields",
    [
        "x-role: admin",
        "X-ROLE:admin",
        "x-role: x\r\nx-role: admin",
        "x-role: admin\r\nx-role: \xff",
        "x-role: x, admin",
    ],
)
def test_a_second_value_of_a_header_escapes_no_deny_and_earns_no_allow(guarded: Guarded, fields: str) -> None:
    admin = {"when": [{"header": "x-role", "values": ["admin"]}]}
    guarded.receive(deny(admin))
    assert guarded.call(fields=f"{fields}\r\n").status == 403
    guarded.receive(allow(admin))
    single = fields.lower().replace(" ", "") == "x-role:admin"
    assert guarded.call(fields=f"{fields}\r\n").status == (200 if single else 403)


def test_a_header_that_connection_names_is_still_compared(guarded: Guarded) -> None:
    guarded.receive(deny({"when": [{"header": "x-role", "not_values": ["user"]}]}))
    assert guarded.call(fields="x-role: user\r\nconnection: x-role\r\n").status == 403, "the app would not see it"


def test_what_a_caller_writes_about_itself_is_no_identity(guarded: Guarded) -> None:
    guarded.receive(allow({"caller": {"services": [CART]}}))
    forged = (
        "x-forwarded-client-cert: URI=spiffe://test.mesh/ns/shop/svc/cart\r\n"
        "x-forwarded-for: 10.0.0.1\r\nx-envoy-external-address: 10.0.0.1\r\n"
    )
    assert guarded.call(fields=forged).status == 403
    assert guarded.call(caller=CART).status == 200


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
