"""Bodies and connections: every framing both ways, in constant memory, and connections that end when they should."""

from __future__ import annotations

import hashlib
import threading

import pytest

from tests.conformance.conftest import Mesh, Scripted
from tests.conformance.harness import Conversation, ask
from tests.support.poll import until

H = b"host: catalog.shop.mesh\r\n"
GET = b"GET / HTTP/1.1\r\n" + H + b"\r\n"
BIG = 64 * 1024 * 1024
PIECE = b"0123456789abcdef" * 4096
ROOM_MB = 16


def test_bodies_of_both_framings_arrive(mesh: Mesh) -> None:
    assert ask(mesh.gateway, method="POST", body=b"hello").json()["body"] == "hello"
    with Conversation.to(mesh.gateway) as client:
        client.send(b"PUT / HTTP/1.1\r\n" + H + b"transfer-encoding: chunked\r\n\r\n")
        for piece in (b"3\r", b"\nabc", b"\r\n0", b"4\r\ndefg\r\n0\r\n\r", b"\n"):
            client.send(piece)
        assert client.read_response().json()["body"] == "abcdefg"


@pytest.mark.parametrize("framing", ["length", "chunked", "until close"])
def test_a_large_response_streams_in_constant_memory_to_a_slow_reader(scripted: Scripted, framing: str) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        fields = {
            "length": b"content-length: %d\r\n" % BIG,
            "chunked": b"transfer-encoding: chunked\r\n",
            "until close": b"",
        }
        client.send(b"HTTP/1.1 200 OK\r\n" + fields[framing] + b"\r\n")
        for _ in range(BIG // len(PIECE)):
            client.send(b"%x\r\n%b\r\n" % (len(PIECE), PIECE) if framing == "chunked" else PIECE)
        if framing == "chunked":
            client.send(b"0\r\nx-trailer: 1\r\n\r\n")

    scripted.play(script)
    before = scripted.proxy.rss_mb()
    with Conversation.to(scripted.port) as client:
        client.send(GET)
        # The head is here and nobody reads on: the proxy must hold the app back rather than the body.
        head = client.read_until(b"\r\n\r\n").lower()
        sent = ask_elsewhere(scripted)
        assert sent
        assert scripted.proxy.rss_mb() - before < ROOM_MB
        if b"chunked" in head:
            body, trailers = client.read_chunked_digest()
            assert trailers == (b"x-trailer: 1\r\n" if framing == "chunked" else b"")
        else:
            body = client.digest(BIG)
        assert body == hashlib.sha256(PIECE * (BIG // len(PIECE))).hexdigest()
    assert scripted.proxy.rss_mb() - before < ROOM_MB


def ask_elsewhere(scripted: Scripted) -> bool:
    """The proxy still answers others."""
    return (
        "meshui"
        in ask(scripted.port, "/", host="catalog.shop.mesh", headers="via: 9 9\r\n", method="POS/T").headers.values()
    )


def test_a_large_request_streams_in_constant_memory_to_a_slow_app(scripted: Scripted) -> None:
    go = threading.Event()
    found: list[str] = []

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        assert go.wait(15)
        found.append(client.digest(BIG))
        client.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    scripted.play(script)
    before = scripted.proxy.rss_mb()
    with Conversation.to(scripted.port) as client:
        client.send(b"POST / HTTP/1.1\r\n" + H + b"content-length: %d\r\n\r\n" % BIG)
        sender = threading.Thread(target=lambda: [client.send(PIECE) for _ in range(BIG // len(PIECE))])
        sender.start()
        assert ask_elsewhere(scripted)
        assert scripted.proxy.rss_mb() - before < ROOM_MB
        go.set()
        assert client.read_response().status == 204
        sender.join()
    assert found == [hashlib.sha256(PIECE * (BIG // len(PIECE))).hexdigest()]
    assert scripted.proxy.rss_mb() - before < ROOM_MB


def test_head_answers_have_a_length_and_no_body(mesh: Mesh) -> None:
    with Conversation.to(mesh.gateway) as client:
        client.send(b"HEAD / HTTP/1.1\r\n" + H + b"\r\n" + GET)
        assert int(client.read_response(bodyless=True).headers["content-length"]) > 0
        assert client.read_response().json()["method"] == "GET"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 100\r\netag: x\r\n\r\n",
        b"HTTP/1.1 304 Not Modified\r\ntransfer-encoding: chunked\r\n\r\n",
    ],
)
def test_answers_without_a_body_end_at_once(scripted: Scripted, head: bytes) -> None:
    def script(client: Conversation) -> None:
        for _ in range(2):
            client.read_until(b"\r\n\r\n")
            client.send(head)
        client.read_to_end()

    app = scripted.play(script)
    with Conversation.to(scripted.port) as client:
        for _ in range(2):
            client.send(GET)
            response = client.read_response()
            assert response.status in (204, 304)
            assert "transfer-encoding" not in response.headers
            assert response.status == 304 or "content-length" not in response.headers
    assert app.connections == 1


def test_interim_answers_pass_and_expectations_are_met_by_the_app(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        assert b"expect: 100-continue" in client.read_until(b"\r\n\r\n").lower()
        client.send(b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
        body = client.read(5)
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n" + body)

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(b"POST / HTTP/1.1\r\n" + H + b"expect: 100-continue\r\ncontent-length: 5\r\n\r\n")
        assert client.read_response().status == 103
        assert client.read_response().status == 100
        client.send(b"hello")
        assert client.read_response().body == b"hello"


def test_an_app_may_refuse_before_the_body(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno")
        client.read_to_end()

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(b"POST / HTTP/1.1\r\n" + H + b"expect: 100-continue\r\ncontent-length: 500000\r\n\r\n")
        assert client.read_response().body == b"no"
        client.send(b"x" * 500_000)
        client.end()
        assert client.read_to_end() == b""


def test_pipelined_requests_are_answered_in_order(mesh: Mesh) -> None:
    with Conversation.to(mesh.gateway) as client:
        requests = b"".join(
            b"POST /%d HTTP/1.1\r\n%bcontent-length: 3\r\n\r\nabc" % (number, H) for number in range(300)
        )
        client.send(requests)
        assert [client.read_response().json()["target"] for _ in range(300)] == [f"/{n}" for n in range(300)]


def test_a_client_may_half_close_and_still_get_every_answer(mesh: Mesh) -> None:
    with Conversation.to(mesh.gateway) as client:
        client.send(GET * 3)
        client.end()
        assert client.read_to_end().count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("version", "field", "kept"),
    [
        (b"1.1", b"", True),
        (b"1.1", b"connection: close\r\n", False),
        (b"1.0", b"", False),
        (b"1.0", b"connection: keep-alive\r\n", True),
    ],
)
def test_connections_persist_as_the_client_says(mesh: Mesh, version: bytes, field: bytes, kept: bool) -> None:
    with Conversation.to(mesh.gateway) as client:
        client.send(b"GET / HTTP/" + version + b"\r\n" + H + field + b"\r\n")
        response = client.read_response()
        assert response.status == 200
        if kept:
            assert response.headers.get("connection") != "close"
            client.send(GET)
            assert client.read_response().status == 200
        else:
            assert response.headers["connection"] == "close"
            assert client.read_to_end() == b""


def test_an_old_client_gets_no_chunks(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
        client.read_to_end()

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(b"GET / HTTP/1.0\r\n" + H + b"\r\n")
        assert b"chunked" not in client.read_until(b"\r\n\r\n")
        assert client.read_to_end() == b"hi"


def test_connections_to_apps_are_reused_last_in_first_out(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        while True:
            client.read_until(b"\r\n\r\n")
            client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    app = scripted.play(script)
    for _ in range(20):
        assert ask(scripted.port).status == 200
    assert app.connections == 1


def test_an_idle_connection_that_the_app_closed_fails_nobody(scripted: Scripted) -> None:
    served = threading.Semaphore(0)

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        # Takes the next request and dies without a word: what a close that crosses a request looks like.
        client.read_until(b"\r\n\r\n")
        served.release()
        client.reset()

    app = scripted.play(script)
    for _ in range(6):
        assert ask(scripted.port).status == 200
    assert app.connections == 6
    assert ask(scripted.port, method="POST", body=b"once").status == 503
    assert app.connections == 6


def test_a_fresh_connection_that_dies_is_a_failure(scripted: Scripted) -> None:
    app = scripted.play(lambda client: client.read_until(b"\r\n\r\n") and None)
    assert ask(scripted.port).status == 503
    assert app.connections == 1
    assert scripted.proxy.count("mesh_requests_total", response_flags="UC") >= 1


@pytest.mark.parametrize(
    "start", [b"content-length: 10\r\n\r\n12345", b"transfer-encoding: chunked\r\n\r\n5\r\n12345\r\n"]
)
def test_an_app_that_dies_in_its_answer_cuts_the_client_off(scripted: Scripted, start: bytes) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\n" + start)

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(GET)
        client.read_until(b"12345")
        assert client.read_to_end() in (b"", b"\r\n")


def test_a_client_that_leaves_is_counted_and_its_request_stopped(scripted: Scripted) -> None:
    asked, left = threading.Event(), threading.Event()

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        asked.set()
        client.read_to_end()
        left.set()

    scripted.play(script)
    client = Conversation.to(scripted.port)
    client.send(b"POST / HTTP/1.1\r\n" + H + b"content-length: 10\r\n\r\n12345")
    assert asked.wait(10)
    assert scripted.proxy.count("mesh_proxy_active_requests") == 1
    client.reset()
    assert left.wait(10)
    until(lambda: scripted.proxy.count("mesh_requests_total", response_flags="DC") >= 1, "DC is counted")


def test_a_slow_app_times_out(scripted: Scripted) -> None:
    route = {"name": "quick", "timeouts": {"request_ms": 300}}
    app = scripted.play(lambda client: client.read_to_end() and None, routes=[route])
    with Conversation.to(scripted.port) as client:
        client.send(GET)
        assert client.read_response().status == 504
    assert app.connections == 1
    assert scripted.proxy.count("mesh_requests_total", response_flags="UT", route="quick") == 1


def test_silence_in_an_answer_times_out(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n12345")
        client.read_to_end()

    scripted.play(script, routes=[{"name": "silent", "timeouts": {"idle_ms": 300}}])
    with Conversation.to(scripted.port) as client:
        client.send(GET)
        client.read_until(b"12345")
        assert client.read_to_end() == b""
    until(lambda: scripted.proxy.count("mesh_requests_total", response_flags="SI") == 1, "SI is counted")


UPGRADE = b"GET /ws HTTP/1.1\r\n" + H + b"connection: Upgrade\r\nupgrade: websocket\r\n\r\n"


def test_bytes_flow_both_ways_after_a_101(scripted: Scripted) -> None:
    def script(client: Conversation) -> None:
        head = client.read_until(b"\r\n\r\n").lower()
        assert b"connection: upgrade" in head
        assert b"upgrade: websocket" in head
        client.send(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x02hi")
        client.send(client.read(4)[::-1])
        assert client.read_to_end() == b"last"
        client.send(b"bye")

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(UPGRADE + b"\x00\xff")
        response = client.read_response(bodyless=True)
        assert (response.status, response.headers["upgrade"]) == (101, "websocket")
        assert client.read(4) == b"\x81\x02hi"
        client.send(b"\r\n")
        assert client.read(4) == b"\n\r\xff\x00"
        client.send(b"last")
        client.end()
        assert client.read_to_end() == b"bye"


def test_without_a_101_no_byte_passes_behind_the_request(scripted: Scripted) -> None:
    heard: list[bytes] = []

    def script(client: Conversation) -> None:
        while True:
            heard.append(client.read_until(b"\r\n\r\n"))
            client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")

    scripted.play(script)
    with Conversation.to(scripted.port) as client:
        client.send(UPGRADE + b"\x81\x00 no HTTP\r\n\r\n")
        assert client.read_response().status == 200
        assert client.read_response().status == 400
        assert client.read_to_end() == b""
    assert len(heard) == 1
