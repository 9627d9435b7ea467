"""Clients that keep a connection waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

import pytest

from proxies.net import server, tls
from proxies.net.engine import Engine
from tests.conformance.harness import SERVICE, Conversation, free_port, gateway, inbound, proxy
from tests.proxies.net.test_engine import parse
from tests.support.pki import Authority

T = TypeVar("T")


async def beside(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, call)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(server, "HEADER_TIMEOUT_S", 0.3)
    monkeypatch.setattr(server, "IDLE_TIMEOUT_S", 0.3)
    monkeypatch.setattr(server, "LINGER_S", 0.3)
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_S", 0.3)
    engine = Engine()
    engine.start()
    found = free_port()
    engine.apply(parse(proxy(gateway(found)))[0])
    yield found
    engine.stop()


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nhos", b"HTTP/1.1 408 "),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", b"HTTP/1.1 503 "),
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /", b"HTTP/1.1 503 "),
    ],
)
async def test_a_client_that_says_no_more_is_closed(port: int, sent: bytes, received: bytes) -> None:
    def converse() -> bytes:
        with Conversation.to(port) as client:
            client.send(sent)
            return client.read_to_end()

    heard = await beside(converse)
    assert heard.startswith(received) if received else heard == b""
    assert (b"408" in heard) is (sent[-2:] not in (b"", b"\r\n") or sent.endswith(b"GET /"))


async def test_a_refused_client_that_goes_on_sending_is_cut_off(port: int) -> None:
    def converse() -> bytes:
        with Conversation.to(port) as client:
            client.send(b"BAD\r\n\r\n")
            heard = client.read_to_end()
            with pytest.raises(OSError, match=r"reset|Broken pipe"):
                while True:
                    client.send(b"x" * 1000)
            return heard

    assert (await beside(converse)).startswith(b"HTTP/1.1 400 ")


async def test_a_handshake_that_does_not_go_on_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "HANDSHAKE_TIMEOUT_S", 0.3)
    engine = Engine()
    engine.start()
    port = free_port()
    authority = Authority()
    engine.set_identity(*authority.issue("spiffe://t/ns/shop/svc/catalog"), [authority.root])
    engine.apply(parse(proxy(inbound(port, 9), service=SERVICE))[0])
    try:

        def converse() -> bytes:
            with Conversation.to(port) as client:
                client.send(b"\x16\x03\x01")
                return client.read_to_end()

        assert await beside(converse) == b""
    finally:
        engine.stop()
