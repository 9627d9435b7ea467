"""The DNS port: names under ``.mesh`` for the apps beside this proxy, over UDP and TCP (RFC 7766).

On loopback only, and never recursive: it cannot be made to send anything to anybody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from proxies.core.dns import Unreadable, read_query, udp_limit, write_reply
from proxies.core.zone import Zone
from proxies.wire.resources import ProxyBody, ProxyResource, Resource

MAX_QUERY = 4096
MAX_REPLY = 65_535
MAX_CONNECTIONS = 64
IDLE_S = 10.0


class Served(Protocol):
    """What is asked of an engine."""

    def resource(self, key: str) -> Resource | None:
        """What is in force as ``kind:name``."""

    def applied(self) -> Mapping[str, object]:
        """Everything in force, by ``kind:name``."""


class DnsServer:
    """``port`` is where it answers, over both protocols."""

    def __init__(self, port: int, datagrams: asyncio.DatagramTransport, server: asyncio.Server) -> None:
        self.port = port
        self._datagrams = datagrams
        self._server = server

    def close(self) -> None:
        self._datagrams.close()
        self._server.close()


async def serve_dns(served: Served, address: str, port: int) -> DnsServer:
    """Open the port; 0 takes any free one. Raises OSError."""
    zone = Zone(served.resource, _Itself(served))
    loop = asyncio.get_running_loop()
    connections: set[_Connection] = set()
    server = await loop.create_server(lambda: _Connection(zone, connections), address, port)
    taken = server.sockets[0].getsockname()[1]
    try:
        datagrams, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(zone), (address, taken))
    except OSError:
        server.close()
        raise
    return DnsServer(taken, datagrams, server)


class _Itself:
    """What the proxy has of itself. That resource's name is not known beforehand, and never changes."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._key = ""

    def __call__(self) -> ProxyBody | None:
        self._key = self._key or next((key for key in self._served.applied() if key.startswith("proxy:")), "")
        resource = self._served.resource(self._key)
        return resource.body if isinstance(resource, ProxyResource) else None


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self._zone = zone

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self._transport = transport

    def datagram_received(self, data: bytes, peer: tuple[str, int]) -> None:
        reply = _respond(self._zone, data, over_udp=True)
        if reply is not None:
            self._transport.sendto(reply, peer)


class _Connection(asyncio.Protocol):
    """Queries one after the other, each behind its length in two bytes."""

    def __init__(self, zone: Zone, connections: set[_Connection]) -> None:
        self._zone = zone
        self._connections = connections
        self._buffer = b""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._connections.add(self)
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, transport.abort)
        if len(self._connections) > MAX_CONNECTIONS:
            transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self)
        self._idle.cancel()

    def pause_writing(self) -> None:
        self._transport.abort()  # it asks and does not read

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2 and not self._transport.is_closing():
            length = int.from_bytes(self._buffer[:2], "big")
            if length > MAX_QUERY:
                self._transport.abort()
            if len(self._buffer) < 2 + length:
                return
            query, self._buffer = self._buffer[2 : 2 + length], self._buffer[2 + length :]
            self._answer(query)

    def _answer(self, query: bytes) -> None:
        reply = _respond(self._zone, query, over_udp=False)
        if reply is None:
            self._transport.abort()
            return
        self._transport.write(len(reply).to_bytes(2, "big") + reply)
        self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(IDLE_S, self._transport.abort)


def _respond(zone: Zone, data: bytes, *, over_udp: bool) -> bytes | None:
    try:
        query = read_query(data)
    except Unreadable as error:
        return error.reply
    return write_reply(query, zone.reply(query), udp_limit(query) if over_udp else MAX_REPLY)
