"""Requests to addresses that users name: whom they may reach, and how long and how much they may take."""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
from pytest_django import Settings

from meshui.core import outgoing
from tests.support.receiver import receiver


@contextmanager
def raw(talk: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that speaks to its first client as it likes."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with suppress(OSError):
                client, _ = server.accept()
                with client:
                    client.recv(65536)
                    talk(client)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        finally:
            server.close()
            thread.join()


@pytest.fixture
def allow(settings: Settings) -> Callable[..., None]:
    def allow(*entries: str) -> None:
        settings.MESHUI = replace(settings.MESHUI, outgoing_allow=entries)

    return allow


@pytest.fixture
def resolves(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Names resolve to these addresses, one after the other; answers the names that were asked."""

    def resolves(*answers: list[str]) -> list[str]:
        asked: list[str] = []
        waiting = list(answers)

        def getaddrinfo(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
            asked.append(host)
            found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
            return [
                (socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
                for address in found
            ]

        monkeypatch.setattr(outgoing.socket, "getaddrinfo", getaddrinfo)
        return asked

    return resolves


# --- whom -------------------------------------------------------------------------------------------------------

PRIVATE = [
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "2002:7f00:0001::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str, resolves: Callable[..., list[str]]) -> None:
    literal = f"http://[{address}]/" if ":" in address else f"http://{address}/"
    with pytest.raises(outgoing.Refused):
        outgoing.check(literal)
    resolves([address])
    with pytest.raises(outgoing.Refused):
        outgoing.post(literal, b"", {})
    with pytest.raises(outgoing.Refused):
        outgoing.post("http://innocent.example/", b"", {})


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "localhost"])
def test_other_spellings_of_loopback_are_refused(spelling: str) -> None:
    """The system's resolver understands them; what it says is judged."""
    with pytest.raises(outgoing.Refused):
        outgoing.post(f"http://{spelling}:1/", b"", {})


@pytest.mark.parametrize("url", ["http://93.184.216.34/", "https://[2606:2800:220:1::1]/x", "http://hooks.example.com"])
def test_what_is_public_may_be_asked(url: str) -> None:
    outgoing.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "http:///x",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://u:p@example.com/",
        "http://user@example.com/",
        "http://exa mple.com/",
        "http://example.com/\r\nX: y",
        "http://[::1/",
        "http://ex\u00e4mple.com/",
    ],
)
def test_what_is_no_address_to_ask_is_refused(url: str) -> None:
    with pytest.raises(outgoing.Refused):
        outgoing.check(url)


def test_a_name_is_resolved_once_and_its_judged_address_is_connected_to(
    resolves: Callable[..., list[str]], allow: Callable[..., None]
) -> None:
    """DNS rebinding: a name that leads to an allowed address when judged and to another one when connected."""
    with receiver() as (url, kind):
        port = url.rpartition(":")[2]
        allow("127.0.0.2")
        asked = resolves(["127.0.0.2"], ["127.0.0.1"])
        with pytest.raises(outgoing.Failed):
            outgoing.post(f"http://rebound.example:{port}/", b"{}", {}, timeout_s=2)
        assert asked == ["rebound.example"]
        with pytest.raises(outgoing.Refused):
            outgoing.post(f"http://rebound.example:{port}/", b"{}", {})
        assert kind.seen == []


def test_of_several_addresses_only_those_that_may_be_asked_are(
    resolves: Callable[..., list[str]], allow: Callable[..., None]
) -> None:
    with receiver() as (url, kind):
        port = url.rpartition(":")[2]
        allow("127.0.0.1")
        resolves(["169.254.169.254", "10.0.0.1", "127.0.0.1"])
        assert outgoing.post(f"http://mixed.example:{port}/a?b=c", b"{}", {}).ok
        path, headers, _ = kind.seen[0]
        assert (path, headers["Host"]) == ("/a?b=c", f"mixed.example:{port}")


def test_a_host_or_a_network_may_be_allowed(allow: Callable[..., None]) -> None:
    with receiver() as (url, kind):
        with pytest.raises(outgoing.Refused):
            outgoing.post(url, b"", {})
        for entry in ("127.0.0.0/8", "127.0.0.1"):
            allow(entry)
            assert outgoing.post(url, b"", {}).ok
        allow("LOCALHOST")
        assert outgoing.post(url.replace("127.0.0.1", "localhost"), b"", {}).ok
        assert len(kind.seen) == 3


def test_a_redirect_is_not_followed(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    with receiver() as (inner, reached), receiver(status=302, location=inner) as (url, _):
        answer = outgoing.post(url, b"", {})
        assert (answer.status, answer.ok, reached.seen) == (302, False, [])


# --- how long, how much -----------------------------------------------------------------------------------------


def test_an_answer_is_read_up_to_a_limit(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    with receiver(answer=b"x" * 1_000_000) as (url, _):
        assert len(outgoing.post(url, b"", {}).body) == outgoing.MAX_ANSWER


def test_an_answer_in_drops_ends_at_the_deadline(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    done = threading.Event()

    def drip(client: socket.socket) -> None:
        while not done.wait(0.02):
            client.sendall(b"H")

    with raw(drip) as url:
        try:
            with pytest.raises(outgoing.Failed):
                outgoing.post(url, b"", {}, timeout_s=0.3)
        finally:
            done.set()


@pytest.mark.parametrize("said", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_answer_is_a_failure(allow: Callable[..., None], said: bytes) -> None:
    allow("127.0.0.1")
    with raw(lambda client: client.sendall(said)) as url, pytest.raises(outgoing.Failed):
        outgoing.post(url, b"", {}, timeout_s=2)


def test_nobody_there_is_a_failure(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(outgoing.Failed):
        outgoing.post(f"http://127.0.0.1:{port}/", b"", {})


def test_a_certificate_is_demanded(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    with receiver() as (url, kind), pytest.raises(outgoing.Failed):
        outgoing.post(url.replace("http:", "https:"), b"", {}, timeout_s=2)
    assert kind.seen == []


# --- who says it ------------------------------------------------------------------------------------------------


def test_a_receiver_can_tell_that_it_is_us(allow: Callable[..., None]) -> None:
    allow("127.0.0.1")
    with receiver() as (url, kind):
        outgoing.post(url, b'{"a":1}', outgoing.signed(b'{"a":1}', now=1_700_000_000.9))
        _, headers, body = kind.seen[0]
    mac = hmac.new(outgoing.webhook_key().encode(), b"1700000000." + body, hashlib.sha256).hexdigest()
    assert headers["X-Meshui-Timestamp"] == "1700000000"
    assert headers["X-Meshui-Signature"] == f"sha256={mac}"
