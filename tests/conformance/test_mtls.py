"""Who may talk to whom: mutual TLS between proxies, by identity."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography import x509

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
    inbound,
    proxy,
    service,
)
from tests.support.pki import Authority

CALLER = "spiffe://test.mesh/ns/shop/svc/frontend"
CALLEE = "spiffe://test.mesh/ns/shop/svc/catalog"


class Pair:
    """A gateway and, over mTLS, the inbound proxy of ``shop/catalog``."""

    def __init__(self, folder: Path, *, callee: str = CALLEE, expected: str = CALLEE) -> None:
        self.folder = folder
        self.authority = Authority()
        self.app = App(echo("app"))
        self.inbound, self.gateway = free_port(), free_port()
        trust = {"kind": "trust", "body": {"trust_domain": "test.mesh", "bundle": [self.authority.root]}}
        self.trust = trust
        self.callee = Proxy(
            folder,
            [proxy(inbound(self.inbound, self.app.port), service=SERVICE), trust],
            tls=self.authority.write(folder / "callee", callee),
        )
        self.caller = Proxy(folder, self.resources(expected), tls=self.authority.write(folder / "caller", CALLER))

    def resources(self, expected: str = CALLEE, revision: int = 0) -> list[dict[str, object]]:
        return [
            proxy(gateway(self.gateway)),
            service({"v1": 1}, identity=expected, revision=revision),
            endpoints({"v1": [self.inbound]}, tls=True),
            self.trust,
        ]

    def client(self, authority: Authority, *uris: str) -> ssl.SSLContext:
        """A client's context with a certificate of its own."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self.authority.root)
        chain, key = authority.issue(*uris)
        file = self.folder / "client.pem"
        file.write_text(key + chain)
        context.load_cert_chain(file)
        return context

    def close(self) -> None:
        self.caller.close()
        self.callee.close()
        self.app.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    shared = Pair(tmp_path_factory.mktemp("pair"))
    yield shared
    shared.close()


def test_a_request_crosses_and_both_sides_count_it_as_secured(pair: Pair) -> None:
    body = bytes(range(256)).hex() * 400
    assert ask(pair.gateway, "/x", method="POST", body=body.encode()).json()["body"] == body
    edge = {"source_service": "shop/frontend", "destination_service": SERVICE, "security": "mtls"}
    assert pair.caller.count("mesh_requests_total", reporter="source", response_code="200", **edge) >= 1
    assert pair.callee.count("mesh_requests_total", reporter="destination", response_code="200", **edge) >= 1


def converse(pair: Pair, context: ssl.SSLContext, *, name: str | None = None, host: str = "x") -> bytes:
    """What a client of its own hears from the inbound listener; empty when it is cut off."""
    with (
        suppress(OSError),
        socket.create_connection(("127.0.0.1", pair.inbound), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname=name) as secured,
    ):
        secured.sendall(f"GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n".encode())
        return Conversation(secured).read_to_end()
    return b""


def test_a_member_of_the_mesh_is_served(pair: Pair) -> None:
    assert converse(pair, pair.client(pair.authority, CALLER)).startswith(b"HTTP/1.1 200")


def test_strangers_reach_no_app(pair: Pair) -> None:
    bare = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    bare.check_hostname = False
    bare.load_verify_locations(cadata=pair.authority.root)
    strangers = {
        "no certificate": bare,
        "another authority": pair.client(Authority(), CALLER),
        "another trust domain": pair.client(pair.authority, "spiffe://other.mesh/ns/shop/svc/frontend"),
        "no name": pair.client(pair.authority),
        "two names": pair.client(pair.authority, CALLER, CALLEE),
        "no identity of the mesh": pair.client(pair.authority, "https://test.mesh/ns/shop/svc/frontend"),
    }
    before = pair.app.connections
    assert {name: converse(pair, context) for name, context in strangers.items()} == dict.fromkeys(strangers, b"")
    with Conversation.to(pair.inbound) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert b"HTTP" not in client.read_to_end()
    assert pair.app.connections == before


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1:DeprecationWarning")
def test_old_tls_is_refused(pair: Pair) -> None:
    context = pair.client(pair.authority, CALLER)
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    assert converse(pair, context) == b""


def test_server_name_and_host_must_agree(pair: Pair) -> None:
    context = pair.client(pair.authority, CALLER)
    assert converse(pair, context, name="a.example", host="a.example").startswith(b"HTTP/1.1 200")
    assert converse(pair, context, name="a.example", host="b.example").startswith(b"HTTP/1.1 421")


def test_sessions_are_resumed(pair: Pair) -> None:
    context = pair.client(pair.authority, CALLER)
    session = None
    for resumed in (False, True):
        with (
            socket.create_connection(("127.0.0.1", pair.inbound), timeout=10) as raw,
            context.wrap_socket(raw, session=session) as secured,
        ):
            secured.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert secured.recv(9) == b"HTTP/1.1 "
            assert secured.session_reused is resumed
            session = secured.session


def test_a_server_with_another_identity_gets_no_request(tmp_path: Path) -> None:
    pair = Pair(tmp_path, expected="spiffe://test.mesh/ns/shop/svc/payments")
    try:
        assert ask(pair.gateway).status == 503
        assert pair.caller.count("mesh_requests_total", response_flags="UF,URX") == 1
        assert pair.app.connections == 0
    finally:
        pair.close()


def test_certificates_are_renewed_without_a_failed_request(tmp_path: Path) -> None:
    pair = Pair(tmp_path)
    try:
        with Conversation.to(pair.gateway) as client:
            for round_ in range(1, 6):
                for _ in range(20):
                    client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
                    assert client.read_response().status == 200
                pair.authority.write(tmp_path / "caller", CALLER)
                pair.authority.write(tmp_path / "callee", CALLEE)
                pair.caller.reload(pair.resources(revision=round_), revision=round_)
                pair.callee.reload([proxy(inbound(pair.inbound, pair.app.port), service=SERVICE), pair.trust])
    finally:
        pair.close()


def serial_in(chain: str) -> str:
    return f"{x509.load_pem_x509_certificate(chain.encode()).serial_number:x}"


@pytest.mark.parametrize("how", ["denied", "revoked"])
def test_a_revoked_peer_is_cut_off_and_let_in_no_more(tmp_path: Path, how: str) -> None:
    """Whatever TLS remembers of it: its session is not resumed either."""
    pair = Pair(tmp_path)
    other = "spiffe://test.mesh/ns/shop/svc/other"
    try:
        good = pair.client(pair.authority, other)
        context = pair.client(pair.authority, CALLER)  # whose certificate the file holds from now on
        bad = CALLER if how == "denied" else serial_in((tmp_path / "client.pem").read_text())
        with (
            socket.create_connection(("127.0.0.1", pair.inbound), timeout=10) as raw,
            context.wrap_socket(raw) as secured,
        ):
            secured.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
            assert Conversation(secured).read_response().status == 200
            body = {**pair.trust["body"], how: [bad]}
            pair.callee.reload(
                [proxy(inbound(pair.inbound, pair.app.port), service=SERVICE), {"kind": "trust", "body": body}]
            )
            with suppress(ConnectionError):
                assert secured.recv(1) == b"", "the open connection is cut off"
        assert converse(pair, context) == b""
        assert converse(pair, good).startswith(b"HTTP/1.1 200")
    finally:
        pair.close()


def test_plaintext_where_the_service_says_so(tmp_path: Path) -> None:
    app, port = App(echo("app")), free_port()
    resources = [
        proxy(inbound(port, app.port), service=SERVICE),
        {"kind": "inbound", "name": SERVICE, "body": {"mtls": "disable"}},
    ]
    engine = Proxy(tmp_path, resources)
    try:
        assert ask(port).json()["app"] == "app"
        edge = {"reporter": "destination", "source_service": "unknown", "security": "none"}
        assert engine.count("mesh_requests_total", destination_service=SERVICE, **edge) == 1
    finally:
        engine.close()
        app.close()
