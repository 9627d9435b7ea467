"""A listening socket and its connections; what it serves is swapped by reference, and open connections follow."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from proxies.core.identity import service_of
from proxies.net.edge_tls import EdgeTls
from proxies.net.flow import Transport, as_protocol, spawn
from proxies.net.listeners import Listener
from proxies.net.metrics import UNKNOWN, Metrics
from proxies.net.relay import TcpConnection
from proxies.net.server import ServerConnection
from proxies.net.tcp import Way
from proxies.net.tls import STRANGER, ServerTls, TlsProtocol
from proxies.net.wheel import Wheel

BACKLOG = 4096


class _Refusal(asyncio.Protocol):
    """A connection that cannot be served."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        transport.abort()


class Accepted(Protocol):
    """A connection that a port has open."""

    transport: Transport
    source: str
    secured: bool

    def drain(self) -> None:
        """End with what runs."""


class Port:
    """``listener``, ``secured`` (speaks mTLS) and ``edge`` may be replaced at any time."""

    def __init__(
        self, address: str, port: int, wheel: Wheel, metrics: Metrics, tls: ServerTls, *, shared: bool = False
    ) -> None:
        """Bind; where it is ``shared``, other processes of this user may bind it too. Raises OSError, with the
        address, when that cannot be."""
        self.kind = ""
        self.secured = False
        self.edge: EdgeTls | None = None
        """The certificates to show to strangers."""
        self.listener: Listener
        self.connections: set[Accepted] = set()
        self._wheel = wheel
        self._metrics = metrics
        self._tls = tls
        self._server: asyncio.Server | None = None
        self._socket = _bind(address, port, shared=shared)
        self._closed = False

    def serve(self, kind: str, listener: Listener) -> None:
        """Serve from now on through a listener."""
        self.kind = kind
        self.listener = listener
        if self._server is None:
            spawn(self._open())

    def drain(self) -> None:
        """Accept no more; connections end with their current request."""
        self._closed = True
        if self._server is None:
            self._socket.close()
        else:
            self._take_waiting()
            self._server.close()
        for connection in list(self.connections):
            connection.drain()

    def _take_waiting(self) -> None:
        """Serve one request of those whom the kernel has let in already: closing the socket would reset them."""
        loop = asyncio.get_running_loop()
        with suppress(OSError):  # BlockingIOError when there are no more
            while True:
                waiting, _ = self._socket.accept()
                spawn(_adopt(loop, self._accept, waiting))

    def abort(self) -> None:
        for connection in list(self.connections):
            connection.transport.abort()

    # --- what connections call

    def opened(self, connection: Accepted) -> None:
        """Take in a connection, whose handshake is over if it has one; learn who is there."""
        self._metrics.connections += 1
        self.connections.add(connection)
        if self._closed and isinstance(connection, ServerConnection):
            connection.draining = True
        transport = connection.transport
        connection.source = UNKNOWN
        if isinstance(transport, TlsProtocol):
            connection.secured = True
            if transport.peer == STRANGER:
                return
            connection.source = service_of(transport.peer, self._tls.trust_domain) or ""
            if not connection.source:
                transport.abort()

    def closed(self, connection: Accepted) -> None:
        self._metrics.connections -= 1
        self.connections.discard(connection)

    # --- inside

    async def _open(self) -> None:
        if self._is_closed():
            return
        server = await asyncio.get_running_loop().create_server(self._accept, sock=self._socket, backlog=BACKLOG)
        self._server = server
        if self._is_closed():
            server.close()

    def _is_closed(self) -> bool:
        return self._closed  # may change while ``_open`` waits

    def _accept(self) -> asyncio.Protocol:
        if self.edge is not None:
            connection = ServerConnection(self, self._wheel, self._metrics)
            return as_protocol(TlsProtocol(connection, self.edge.context, server_side=True))
        if not self.secured:
            return as_protocol(ServerConnection(self, self._wheel, self._metrics))
        if self._tls.context is None:
            return _Refusal()
        connection = ServerConnection(self, self._wheel, self._metrics)
        return as_protocol(TlsProtocol(connection, self._tls.context, server_side=True))


class TcpPort(Port):
    """A port whose connections are carried on whole; ``way`` says where to, and may be replaced at any time."""

    way: Way

    def carry(self, kind: str, way: Way) -> None:
        """Serve from now on by this way."""
        self.kind = kind
        self.way = way
        if self._server is None:
            spawn(self._open())

    def _accept(self) -> asyncio.Protocol:
        if not self.secured:
            return as_protocol(TcpConnection(self, self._wheel))
        if self._tls.context is None:
            return _Refusal()
        return as_protocol(TlsProtocol(TcpConnection(self, self._wheel), self._tls.context, server_side=True))


async def _adopt(
    loop: asyncio.AbstractEventLoop, made: Callable[[], asyncio.Protocol], connected: socket.socket
) -> None:
    with suppress(OSError):  # gone already
        await loop.connect_accepted_socket(made, connected)


def _bind(address: str, port: int, *, shared: bool) -> socket.socket:
    family = socket.AF_INET
    try:
        if ipaddress.ip_address(address).version == 6:
            family = socket.AF_INET6
    except ValueError:
        pass  # a name: resolved by bind
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setblocking(False)
        bound.bind((address, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{address}:{port}: {error.strerror}") from error
    return bound
