"""Two requests in what looks like one, and connections that change their protocol, before a policy."""

from __future__ import annotations

import pytest

from tests.conformance.guarded import FRONTEND, Guarded, deny
from tests.conformance.harness import Conversation

H = b"host: a\r\n"
HIDDEN = b"GET /admin HTTP/1.1\r\n" + H + b"\r\n"
HIDING = {
    "a body that ends early by chunks": (
        b"POST / HTTP/1.1\r\n" + H + b"content-length: %d\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" % len(HIDDEN)
    ),
    "a body that is said twice": b"POST / HTTP/1.1\r\n" + H + b"content-length: 0\r\ncontent-length: 5\r\n\r\n",
    "a coding in disguise": b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "a chunk's extension over a line": (b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n0;\n\r\n\r\n"),
    "a bare line feed": b"GET / HTTP/1.1\r\n" + H + b"x: y\n\r\n",
    "a header over two lines": b"GET / HTTP/1.1\r\n" + H + b"x: y\r\n content-length: 100\r\n\r\n",
}


@pytest.fixture
def protected(guarded: Guarded) -> Guarded:
    """Whose ``/admin`` is denied to all."""
    guarded.receive(deny({"operation": {"paths": ["/admin"]}}))
    return guarded


@pytest.mark.parametrize("how", HIDING)
def test_a_hidden_request_reaches_no_app(protected: Guarded, how: str) -> None:
    before = protected.app.connections
    with protected.open(FRONTEND, protected.http) as client:
        client.send(HIDING[how] + HIDDEN)
        assert client.read_response().status == 400
        assert client.read_to_end() == b"", "nothing behind it is answered"
    assert protected.app.connections == before


def test_a_request_behind_a_good_one_meets_the_policy(protected: Guarded) -> None:
    body = b"POST / HTTP/1.1\r\n" + H + b"content-length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN
    with protected.open(FRONTEND, protected.http) as client:
        client.send(body + HIDDEN)
        first = client.read_response()
        assert (first.status, first.json()["body"]) == (200, HIDDEN.decode()), "what is a body stays one"
        assert client.read_response().status == 403


UPGRADES = (
    "connection: upgrade\r\nupgrade: websocket\r\n",
    "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\n",
    "connection: upgrade\r\nupgrade: TLS/1.0\r\n",
)


@pytest.mark.parametrize("fields", UPGRADES)
def test_an_upgrade_goes_around_no_policy(protected: Guarded, fields: str) -> None:
    before = protected.app.connections
    assert protected.call("/admin", fields=fields).status == 403
    assert protected.app.connections == before


@pytest.mark.parametrize("protocol", ["h2c", "h2", "TLS/1.0", "HTTP/2.0", "websocket, h2c"])
def test_protocols_that_would_go_past_policies_are_not_asked_for(protected: Guarded, protocol: str) -> None:
    """Once an app speaks HTTP/2 on the connection, a proxy that only carries bytes would see no request in it."""
    answer = protected.call("/", fields=f"connection: upgrade, http2-settings\r\nupgrade: {protocol}\r\n")
    assert answer.status in (200, 400)
    if answer.status == 200:
        told = dict(answer.json()["headers"])
        assert "h2" not in told.get("upgrade", "") and "TLS" not in told.get("upgrade", "")


def test_bytes_behind_an_upgrade_that_was_refused_are_no_request(protected: Guarded) -> None:
    """The app answers 200 and stays with HTTP: what the client sent as WebSocket frames is read as what it is."""
    with protected.open(FRONTEND, protected.http) as client:
        client.send(b"GET / HTTP/1.1\r\n" + H + b"connection: upgrade\r\nupgrade: websocket\r\n\r\n")
        assert client.read_response().status == 200
        client.send(HIDDEN)
        assert client.read_response().status == 403


def test_http_2_with_prior_knowledge_is_refused(protected: Guarded) -> None:
    with protected.open(FRONTEND, protected.http) as client:
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert client.read_response().status == 505


def test_a_tunnel_is_refused(protected: Guarded) -> None:
    def connect(client: Conversation) -> int:
        client.send(b"CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n")
        return client.read_response().status

    with protected.open(FRONTEND, protected.http) as client:
        assert connect(client) == 405
