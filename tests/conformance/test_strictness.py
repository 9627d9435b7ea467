"""HTTP strictness, in both directions: what two readers could understand differently never passes."""

from __future__ import annotations

import pytest

from tests.conformance.conftest import Mesh, Scripted
from tests.conformance.harness import Conversation, ask

H = b"host: catalog.shop.mesh\r\n"
BAD_REQUESTS = {
    "length and transfer-encoding": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "transfer-encoding before length": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n0\r\n\r\n",
    ),
    "differing lengths": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: 4\r\ncontent-length: 5\r\n\r\nabcde"),
    "list of lengths": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: 4, 5\r\n\r\nabcde"),
    "signed length": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: +4\r\n\r\nabcd"),
    "negative length": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: -1\r\n\r\n"),
    "hexadecimal length": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: 0x4\r\n\r\nabcd"),
    "empty length": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length:\r\n\r\n"),
    "huge length": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length: 99999999999999999999\r\n\r\n"),
    "chunked is not last": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"),
    "chunked twice": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "chunked in two lines": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "not chunked at all": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: identity\r\n\r\n"),
    "disguised coding": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "vertical tab in coding": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n"),
    "empty coding": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding:\r\n\r\n"),
    "unknown coding": (501, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": (400, b"POST / HTTP/1.0\r\n" + H + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "bare LF line ends": (400, b"GET / HTTP/1.1\nhost: catalog.shop.mesh\n\n"),
    "one bare LF": (400, b"GET / HTTP/1.1\r\n" + H + b"a: b\nc: d\r\n\r\n"),
    "bare CR in a value": (400, b"GET / HTTP/1.1\r\n" + H + b"a: b\rc: d\r\n\r\n"),
    "bare CR at the end": (400, b"GET / HTTP/1.1\r\n" + H + b"a: b\r\r\n\r\n"),
    "folded line": (400, b"GET / HTTP/1.1\r\n" + H + b"a: b\r\n c\r\n\r\n"),
    "folded first line": (400, b"GET / HTTP/1.1\r\n " + H + b"\r\n"),
    "space before the colon": (400, b"GET / HTTP/1.1\r\nhost : catalog.shop.mesh\r\n\r\n"),
    "tab before the colon": (400, b"POST / HTTP/1.1\r\n" + H + b"content-length\t: 1\r\n\r\na"),
    "NUL in a value": (400, b"GET / HTTP/1.1\r\n" + H + b"a: b\0c\r\n\r\n"),
    "NUL in a name": (400, b"GET / HTTP/1.1\r\n" + H + b"a\0: b\r\n\r\n"),
    "DEL in a value": (400, b"GET / HTTP/1.1\r\n" + H + b"a: \x7f\r\n\r\n"),
    "empty name": (400, b"GET / HTTP/1.1\r\n" + H + b": b\r\n\r\n"),
    "no colon": (400, b"GET / HTTP/1.1\r\n" + H + b"accept\r\n\r\n"),
    "name with a bracket": (400, b"GET / HTTP/1.1\r\n" + H + b"a[b]: c\r\n\r\n"),
    "no host": (400, b"GET / HTTP/1.1\r\naccept: */*\r\n\r\n"),
    "no host in HTTP/1.0": (400, b"GET / HTTP/1.0\r\n\r\n"),
    "empty host": (400, b"GET / HTTP/1.1\r\nhost:\r\n\r\n"),
    "two hosts": (400, b"GET / HTTP/1.1\r\n" + H + b"Host: other\r\n\r\n"),
    "same host twice": (400, b"GET / HTTP/1.1\r\n" + H + H + b"\r\n"),
    "host with user": (400, b"GET / HTTP/1.1\r\nhost: a@catalog.shop.mesh\r\n\r\n"),
    "host with path": (400, b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh/x\r\n\r\n"),
    "host list": (400, b"GET / HTTP/1.1\r\nhost: a, b\r\n\r\n"),
    "host with port 0": (400, b"GET / HTTP/1.1\r\nhost: a:0\r\n\r\n"),
    "absolute form for another host": (400, b"GET http://other/ HTTP/1.1\r\n" + H + b"\r\n"),
    "absolute form for another port": (400, b"GET http://catalog.shop.mesh:81/ HTTP/1.1\r\n" + H + b"\r\n"),
    "absolute form of another scheme": (400, b"GET ftp://catalog.shop.mesh/ HTTP/1.1\r\n" + H + b"\r\n"),
    "relative target": (400, b"GET index.html HTTP/1.1\r\n" + H + b"\r\n"),
    "asterisk for GET": (400, b"GET * HTTP/1.1\r\n" + H + b"\r\n"),
    "fragment": (400, b"GET /a#b HTTP/1.1\r\n" + H + b"\r\n"),
    "fragment in a query": (400, b"GET /a?b#c HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded slash": (400, b"GET /a%2fb HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded backslash": (400, b"GET /a%5Cb HTTP/1.1\r\n" + H + b"\r\n"),
    "dots with a parameter": (400, b"GET /a/..;/b HTTP/1.1\r\n" + H + b"\r\n"),
    "a dot with a parameter": (400, b"GET /.;x/b HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded dots with a parameter": (400, b"GET /a/%2e%2e;/b HTTP/1.1\r\n" + H + b"\r\n"),
    "encoded NUL": (400, b"GET /a%00b HTTP/1.1\r\n" + H + b"\r\n"),
    "backslash": (400, b"GET /a\\b HTTP/1.1\r\n" + H + b"\r\n"),
    "half an escape": (400, b"GET /a%2 HTTP/1.1\r\n" + H + b"\r\n"),
    "bytes above ASCII in the path": (400, b"GET /\xff HTTP/1.1\r\n" + H + b"\r\n"),
    "two spaces": (400, b"GET  / HTTP/1.1\r\n" + H + b"\r\n"),
    "tab in the request line": (400, b"GET\t/ HTTP/1.1\r\n" + H + b"\r\n"),
    "trailing space": (400, b"GET / HTTP/1.1 \r\n" + H + b"\r\n"),
    "HTTP/0.9": (400, b"GET /\r\n" + H + b"\r\n"),
    "lower case protocol": (400, b"GET / http/1.1\r\n" + H + b"\r\n"),
    "HTTP/2.0": (505, b"GET / HTTP/2.0\r\n" + H + b"\r\n"),
    "HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "method with a slash": (400, b"G/T / HTTP/1.1\r\n" + H + b"\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "tunnel": (405, b"CONNECT catalog.shop.mesh:443 HTTP/1.1\r\nhost: catalog.shop.mesh:443\r\n\r\n"),
    "unknown expectation": (417, b"POST / HTTP/1.1\r\n" + H + b"expect: pony\r\ncontent-length: 1\r\n\r\n"),
    "head too long": (431, b"GET / HTTP/1.1\r\n" + H + b"a: " + b"x" * 66_000 + b"\r\n\r\n"),
    "head without end": (431, b"GET /" + b"x" * 66_000),
    "too many fields": (431, b"GET / HTTP/1.1\r\n" + H + b"a: b\r\n" * 100 + b"\r\n"),
    "chunk size with a sign": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n",
    ),
    "chunk size with a prefix": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
    ),
    "chunk size missing": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n\r\n\r\n"),
    "chunk size overflow": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n" + b"f" * 17 + b"\r\na\r\n0\r\n\r\n",
    ),
    "chunk shorter than data": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
    ),
    "chunk line with bare LF": (400, b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n1\na\n0\n\n"),
    "chunk extension with bare LF": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n1;\nxx\r\na\r\n0\r\n\r\n",
    ),
    "endless chunk extension": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n1;" + b"x" * 2000,
    ),
    "bare LF in trailers": (
        400,
        b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n0\r\na: b\nc: d\r\n\r\n",
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_request_is_refused_closed_and_never_forwarded_whole(mesh: Mesh, name: str) -> None:
    status, raw = BAD_REQUESTS[name]
    mesh.heard.clear()
    with Conversation.to(mesh.gateway) as client:
        client.send(raw)
        response = client.read_response()
        assert response.status == status
        assert response.headers["connection"] == "close"
        client.end()
        assert client.read_to_end() == b""
    if b"\r\n\r\n" not in raw or b"transfer-encoding: chunked\r\n\r\n" not in raw:
        assert mesh.heard == []


def test_a_refused_request_takes_the_bytes_behind_it_along(mesh: Mesh) -> None:
    mesh.heard.clear()
    with Conversation.to(mesh.gateway) as client:
        bad = b"POST / HTTP/1.1\r\n" + H + b"content-length: 1\r\ntransfer-encoding: chunked\r\n\r\n"
        client.send(bad + b"GET /smuggled HTTP/1.1\r\n" + H + b"\r\n")
        assert client.read_response().status == 400
        assert client.read_to_end() == b""
    assert mesh.heard == []


BAD_RESPONSES = {
    "length and transfer-encoding": (
        b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "differing lengths": b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nabcde",
    "length is no number": b"HTTP/1.1 200 OK\r\ncontent-length: four\r\n\r\nabcd",
    "chunked is not last": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
    "unknown coding": b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare LF": b"HTTP/1.1 200 OK\r\na: b\nset-cookie: c\r\ncontent-length: 0\r\n\r\n",
    "bare CR": b"HTTP/1.1 200 OK\r\na: b\rc\r\ncontent-length: 0\r\n\r\n",
    "folded line": b"HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 0\r\n\r\n",
    "space before the colon": b"HTTP/1.1 200 OK\r\ncontent-length : 0\r\n\r\n",
    "NUL": b"HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 0\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\ncontent-length: 0\r\n\r\n",
    "two digits": b"HTTP/1.1 20 OK\r\ncontent-length: 0\r\n\r\n",
    "another protocol": b"ICY 200 OK\r\ncontent-length: 0\r\n\r\n",
    "HTTP/2": b"HTTP/2 200 OK\r\ncontent-length: 0\r\n\r\n",
    "unasked upgrade": b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
    "head without end": b"HTTP/1.1 200 OK\r\na: " + b"x" * 70_000,
    "too many fields": b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 101 + b"content-length: 0\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD_RESPONSES)
def test_bad_response_becomes_502_and_its_connection_is_not_used_again(scripted: Scripted, name: str) -> None:
    def bad_once(client: Conversation) -> None:
        head = client.read_until(b"\r\n\r\n")
        client.send(BAD_RESPONSES[name] if b"/bad" in head else b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        client.read_to_end()

    app = scripted.play(bad_once)
    response = ask(scripted.port, "/bad")
    assert response.status == 502
    assert b"x" * 10 not in response.body
    assert ask(scripted.port, "/good").body == b"ok"
    assert app.connections == 2


def test_bytes_behind_a_response_never_answer_the_next_request(scripted: Scripted) -> None:
    def generous(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison")
        client.read_to_end()

    scripted.play(generous)
    with Conversation.to(scripted.port) as client:
        for _ in range(3):
            client.send(b"GET / HTTP/1.1\r\n" + H + b"\r\n")
            assert client.read_response().body == b"ok"


@pytest.mark.parametrize("damage", [b"zz\r\n", b"3\r\nabcd\r\n", b"1;\nx\r\n"])
def test_broken_chunks_in_a_response_cut_the_client_off(scripted: Scripted, damage: bytes) -> None:
    def broken(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n")
        client.send(damage)
        client.read_to_end()

    scripted.play(broken)
    with Conversation.to(scripted.port) as client:
        client.send(b"GET / HTTP/1.1\r\nconnection: close\r\n" + H + b"\r\n")
        received = client.read_to_end()
    # Cut off where the head was on its way already, an honest 502 where it was not.
    assert received.startswith(b"HTTP/1.1 502") or not received.endswith(b"0\r\n\r\n")


def test_hop_by_hop_fields_end_here(mesh: Mesh) -> None:
    sent = (
        "connection: x-private, close\r\nx-private: 1\r\nkeep-alive: timeout=5\r\nproxy-connection: keep-alive\r\n"
        "te: trailers\r\nproxy-authorization: secret\r\nupgrade: h2c\r\nhttp2-settings: AAMA\r\nx-kept: 2\r\n"
    )
    names = {name for name, _ in ask(mesh.gateway, headers=sent).json()["headers"]}
    assert "x-kept" in names
    assert not names & {
        "connection",
        "x-private",
        "keep-alive",
        "proxy-connection",
        "te",
        "proxy-authorization",
        "upgrade",
        "http2-settings",
    }


def test_hop_by_hop_fields_of_responses_end_here(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(
            b"HTTP/1.1 200 OK\r\nconnection: x-private\r\nx-private: 1\r\nkeep-alive: timeout=5\r\nx-kept: 2\r\n"
            b"proxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n"
        )

    scripted.play(script)
    headers = ask(scripted.port).headers
    assert headers["x-kept"] == "2"
    assert not headers.keys() & {"connection", "x-private", "keep-alive", "proxy-authenticate"}


def test_connection_cannot_name_framing_away(mesh: Mesh) -> None:
    response = ask(mesh.gateway, method="POST", headers="connection: content-length, host\r\n", body=b"abc")
    assert response.json()["body"] == "abc"
    assert "host" in dict(response.json()["headers"])


def test_a_request_that_passed_here_before_is_cut(own_mesh: Mesh) -> None:
    via = dict(ask(own_mesh.gateway).json()["headers"])["via"]
    assert ask(own_mesh.gateway, headers=f"via: 1.0 other, {via}\r\n").status == 508
    assert ask(own_mesh.gateway, headers="via: 1.1 other\r\n").status == 200


def test_paths_are_matched_and_forwarded_in_one_form(mesh: Mesh) -> None:
    answer = ask(mesh.gateway, "/x/..//%62eta/./a%7e?q=%2F..").json()
    assert (answer["app"], answer["target"]) == ("v2", "/beta/a~?q=%2F..")


def test_absolute_form_is_understood(mesh: Mesh) -> None:
    answer = ask(mesh.outbound, "http://catalog.shop.mesh:80/a?b").json()
    assert answer["target"] == "/a?b"


def test_an_empty_line_before_a_request_is_forgiven(mesh: Mesh) -> None:
    with Conversation.to(mesh.gateway) as client:
        client.send(b"\r\nGET / HTTP/1.1\r\n" + H + b"\r\n")
        assert client.read_response().status == 200


def test_chunk_extensions_and_framing_trailers_go_no_further(mesh: Mesh) -> None:
    with Conversation.to(mesh.gateway) as client:
        client.send(b"POST / HTTP/1.1\r\n" + H + b"transfer-encoding: Chunked\r\n\r\n")
        client.send(b'2 ;a="b"\r\nhi\r\n0\r\nx-sum: 1\r\ncontent-length: 9\r\nhost: evil\r\n\r\n')
        answer = client.read_response().json()
    assert (answer["body"], answer["trailers"]) == ("hi", "x-sum: 1\r\n")
