"""TLS between two protocols, wired back to back without a socket."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from proxies.net.identity import IdentityError
from proxies.net.tls import Handshakes, Sessions, TlsProtocol, build_contexts
from tests.support.pki import Authority

CALLER = "spiffe://test.mesh/ns/shop/svc/frontend"
CALLEE = "spiffe://test.mesh/ns/shop/svc/catalog"


class Wire:
    """A transport whose bytes wait until ``flow`` carries them over."""

    def __init__(self, protocol: TlsProtocol) -> None:
        self.protocol = protocol
        self.waiting: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.waiting.append(data)

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    abort = close


class Inner(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: Any = None
        self.received = b""
        self.ended = False
        self.lost = False
        self.keeps_open = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received += data

    def eof_received(self) -> bool:
        self.ended = True
        return self.keeps_open

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True


class Ends:
    """A client and a server."""

    def __init__(
        self, caller: tuple[Any, Any], callee: tuple[Any, Any], expected: str = CALLEE, sessions: Sessions | None = None
    ) -> None:
        self.caller, self.callee = Inner(), Inner()
        self.counts = (Handshakes(), Handshakes())
        here, there = self.counts
        self.client = TlsProtocol(
            self.caller, caller[1], server_side=False, expected=expected, sessions=sessions, handshakes=here
        )
        self.server = TlsProtocol(self.callee, callee[0], server_side=True, handshakes=there)
        self.wires = (Wire(self.client), Wire(self.server))
        for wire in reversed(self.wires):
            wire.protocol.connection_made(wire)  # type: ignore[arg-type]
        self.flow()

    def flow(self) -> None:
        here, there = self.wires
        while here.waiting or there.waiting:
            for wire, peer in ((here, there), (there, here)):
                data, wire.waiting = b"".join(wire.waiting), []
                if data and not peer.closed:
                    peer.protocol.data_received(data)


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def contexts(authority: Authority, *uris: str, **more: Any) -> tuple[Any, Any]:
    return build_contexts(*authority.issue(*uris, **more), [authority.root])


async def test_bytes_cross_and_both_know_the_other(authority: Authority) -> None:
    ends = Ends(contexts(authority, CALLER), contexts(authority, CALLEE))
    assert (ends.client.peer, ends.server.peer) == (CALLEE, CALLER)
    assert [(counts.done, counts.refused) for counts in ends.counts] == [(1, 0), (1, 0)]
    body = bytes(range(256)) * 1000
    ends.caller.transport.write(body)
    ends.callee.transport.write(b"answer")
    ends.flow()
    assert (ends.callee.received, ends.caller.received) == (body, b"answer")
    ends.caller.transport.close()
    ends.flow()
    assert ends.callee.ended


async def test_nothing_is_handed_over_to_another_identity(authority: Authority) -> None:
    ends = Ends(contexts(authority, CALLER), contexts(authority, "spiffe://test.mesh/ns/shop/svc/evil"))
    assert ends.caller.transport is None
    assert (ends.counts[0].done, ends.counts[0].refused) == (0, 1)
    assert ends.wires[0].closed
    with pytest.raises(IdentityError):
        await ends.client.handshaken()
    # Nor does it learn who called, nor take the connection for one.
    assert (ends.server.peer, ends.callee.transport) == ("", None)


@pytest.mark.parametrize("uris", [(), (CALLER, CALLEE)])
async def test_a_certificate_has_one_name(authority: Authority, uris: tuple[str, ...]) -> None:
    ends = Ends(contexts(authority, *uris), contexts(authority, CALLEE))
    assert ends.callee.transport is None
    assert ends.wires[1].closed


async def test_an_expired_certificate_is_refused(authority: Authority) -> None:
    ends = Ends(contexts(authority, CALLER, lifetime=timedelta(seconds=-1)), contexts(authority, CALLEE))
    assert ends.callee.transport is None


async def test_the_next_connection_resumes_the_session(authority: Authority) -> None:
    caller, callee = contexts(authority, CALLER), contexts(authority, CALLEE)
    sessions = Sessions()
    for resumed in (False, True):
        ends = Ends(caller, callee, sessions=sessions)
        assert ends.client.session.session_reused is resumed
        assert ends.server.peer == CALLER
        ends.callee.transport.write(b"x")
        ends.flow()
    assert Ends(contexts(authority, CALLER), callee, sessions=sessions).client.session.session_reused is False


async def test_an_end_without_notice_is_an_error(authority: Authority) -> None:
    ends = Ends(contexts(authority, CALLER), contexts(authority, CALLEE))
    ends.client.eof_received()
    assert not ends.caller.ended
    assert ends.wires[0].closed


@pytest.mark.parametrize("first", ["caller", "callee"])
async def test_one_side_may_end_its_sending_and_hear_the_rest(authority: Authority, first: str) -> None:
    ends = Ends(contexts(authority, CALLER), contexts(authority, CALLEE))
    ended, other = (ends.caller, ends.callee) if first == "caller" else (ends.callee, ends.caller)
    other.keeps_open = True
    ended.transport.write(b"all")
    ended.transport.end_sending()
    ends.flow()
    assert (other.received, other.ended) == (b"all", True)
    for piece in (b"and ", b"yet more" * 10_000):
        other.transport.write(piece)
        ends.flow()
    assert ended.received == b"and " + b"yet more" * 10_000
    assert not ended.ended
    assert not any(wire.closed for wire in ends.wires)


async def test_after_its_notice_the_peer_may_end_tcp(authority: Authority) -> None:
    ends = Ends(contexts(authority, CALLER), contexts(authority, CALLEE))
    ends.callee.keeps_open = True
    ends.caller.transport.end_sending()
    ends.flow()
    assert ends.server.eof_received()
    assert not ends.wires[1].closed


async def test_pem_that_is_none_is_refused(authority: Authority) -> None:
    certificate, key = authority.issue(CALLER)
    for arguments in (("x", key, [authority.root]), (certificate, "x", [authority.root]), (certificate, key, ["x"])):
        with pytest.raises((OSError, ValueError)):
            build_contexts(*arguments)
