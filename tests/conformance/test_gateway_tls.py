"""A gateway's own certificates: chosen by name, renewed from their files, never a way to another host's routes."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance.harness import (
    TIMEOUT_S,
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
from tests.support.pki import Authority
from tests.support.poll import until

HOSTS = {"a": ["a.example"], "b": ["*.b.example", "b.example"]}


class Edge:
    """A TLS gateway with two certificates, told apart by the URI in them."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority()
        self.folder = folder
        self.app, self.port = App(echo("app")), free_port()
        listener = gateway(self.port, ("*", "shop/catalog"))
        listener["tls"] = [self.certificate(name, hosts) for name, hosts in HOSTS.items()]
        routes = [{"name": "away", "match": {"path": {"kind": "exact", "value": "/away"}}, "redirect": {"path": "/x"}}]
        self.resources = [
            proxy(listener),
            service({"v1": 1}, routes=[*routes, {"name": "default"}]),
            endpoints({"v1": [self.app.port]}),
        ]
        self.proxy = Proxy(folder, self.resources)

    def certificate(self, name: str, hosts: list[str]) -> dict[str, object]:
        chain, key, _ = self.authority.write(self.folder / name, f"test:{name}")
        return {"hosts": hosts, "certificate_file": str(chain), "key_file": str(key)}

    def connect(self, name: str | None) -> tuple[Conversation, str]:
        """A connection that asks for this name, and the URI of the certificate it was shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self.authority.root)
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=TIMEOUT_S)
        secured = context.wrap_socket(raw, server_hostname=name)
        certificate = secured.getpeercert() or {}
        names = [value for kind, value in certificate["subjectAltName"] if kind == "URI"]  # type: ignore[union-attr]
        return Conversation(secured), str(names[0])

    def close(self) -> None:
        self.proxy.close()
        self.app.close()


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    made = Edge(tmp_path)
    yield made
    made.close()


def get(client: Conversation, host: str, path: str = "/") -> int:
    client.send(f"GET {path} HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    return client.read_response().status


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a.example", "test:a"),
        ("A.Example", "test:a"),
        ("x.b.example", "test:b"),
        ("b.example", "test:b"),
        (None, "test:a"),
    ],
)
def test_the_certificate_is_chosen_by_name(edge: Edge, name: str | None, shown: str) -> None:
    client, uri = edge.connect(name)
    with client:
        assert uri == shown
        assert get(client, name or "anything.example") == 200


def test_an_unknown_name_and_plain_http_get_nothing(edge: Edge) -> None:
    with pytest.raises(ssl.SSLError):
        edge.connect("c.example")
    with Conversation.to(edge.port) as client:
        client.send(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
        assert not client.read_to_end().startswith(b"HTTP/")
    assert edge.app.connections == 0


def test_another_host_than_the_name_is_misdirected(edge: Edge) -> None:
    client, _ = edge.connect("a.example")
    with client:
        assert get(client, "b.example") == 421
    assert edge.app.connections == 0


def test_the_app_and_redirects_know_that_it_was_https(edge: Edge) -> None:
    client, _ = edge.connect("a.example")
    with client:
        client.send(b"GET / HTTP/1.1\r\nhost: a.example\r\n\r\n")
        headers = dict(client.read_response().json()["headers"])
        assert (headers["x-forwarded-proto"], headers["x-forwarded-host"]) == ("https", "a.example")
        client.send(b"GET /away HTTP/1.1\r\nhost: a.example\r\n\r\n")
        assert client.read_response().headers["location"] == "https://a.example/x"


def test_renewed_files_are_taken_up_and_bad_ones_are_not(edge: Edge) -> None:
    old, _ = edge.connect("a.example")
    edge.authority.write(edge.folder / "a", "test:renewed")
    until(lambda: edge.connect("a.example")[1] == "test:renewed", "the renewed certificate is shown")
    assert get(old, "a.example") == 200
    (edge.folder / "a" / "key.pem").write_text("nonsense")
    assert edge.proxy.process.stderr is not None
    assert b"certificates not renewed" in edge.proxy.process.stderr.readline()
    assert edge.connect("a.example")[1] == "test:renewed"


def test_files_that_are_none_refuse_the_configuration(edge: Edge, tmp_path: Path) -> None:
    listener = gateway(free_port())
    listener["tls"] = [{"hosts": ["*"], "certificate_file": str(tmp_path / "none"), "key_file": str(tmp_path / "none")}]
    edge.proxy.reload([proxy(listener), *edge.resources[1:]])
    assert edge.proxy.process.stderr is not None
    assert b"none" in edge.proxy.process.stderr.readline()
    client, _ = edge.connect("a.example")
    with client:
        assert get(client, "a.example") == 200
    with pytest.raises(ConnectionRefusedError):
        ask(listener["port"])
