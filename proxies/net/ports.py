"""A listening socket and its connections; what it serves is swapped by reference, and open connections follow."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from proxies.core import flags
from proxies.core.identity import service_of
from proxies.net.access import Access
from proxies.net.edge_tls import EdgeTls
from proxies.net.flow import Receiver, Transport, as_protocol, spawn
from proxies.net.listeners import Listener
from proxies.net.metrics import UNKNOWN, Metrics
from proxies.net.permissive import FirstByte, Mtls
from proxies.net.recorder import Recorder
from proxies.net.relay import TcpConnection
from proxies.net.server import ServerConnection
from proxies.net.tcp import ToApp, Way
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
    """``listener`` and ``edge`` may be replaced at any time."""

    _server_first = False
    grace_s = 30.0
    """For how long both are taken where a port goes over between mTLS alone and plaintext alone: each caller hears of
    it at a moment of its own."""

    def __init__(
        self, address: str, port: int, wheel: Wheel, metrics: Metrics, tls: ServerTls, *, shared: bool = False
    ) -> None:
        """Bind; where it is ``shared``, other processes of this user may bind it too. Raises OSError, with the
        address, when that cannot be."""
        self.kind = ""
        self.mtls: Mtls = "disable"
        self._required: Mtls | None = None
        self._going_over: asyncio.TimerHandle | None = None
        self.edge: EdgeTls | None = None
        """The certificates to show to strangers."""
        self.listener: Listener
        self.recorder: Recorder | None = None
        """Whom requests and connections tell that they are over; None while nobody asks. Replaced when that changes."""
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

    def require(self, mtls: Mtls) -> None:
        """Speak so from now on; from mTLS alone to plaintext alone, and back, by way of both. Where it is mTLS alone,
        who came in plaintext finishes its request and goes."""
        former, self._required = self._required, mtls
        if former == mtls:
            return
        self._stop_going_over()
        if {former, mtls} == {"strict", "disable"}:
            self.mtls = "permissive"
            self._going_over = asyncio.get_running_loop().call_later(self.grace_s, self._speak, mtls)
        else:
            self._speak(mtls)

    def _speak(self, mtls: Mtls) -> None:
        self.mtls = mtls
        if mtls == "strict":
            for connection in [connection for connection in self.connections if not connection.secured]:
                self._turn_away(connection)

    def _turn_away(self, connection: Accepted) -> None:
        connection.drain()

    def _stop_going_over(self) -> None:
        if self._going_over is not None:
            self._going_over.cancel()
            self._going_over = None

    def drain(self) -> None:
        """Accept no more; connections end with their current request."""
        self._closed = True
        self._stop_going_over()
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
        return as_protocol(self._receiver())

    def _receiver(self) -> Receiver:
        if self.edge is not None:
            return TlsProtocol(self._connection(), self.edge.context, server_side=True)
        if self.mtls == "disable":
            return self._connection()
        if self.mtls == "permissive":
            return FirstByte(self._secured, self._connection, server_first=self._server_first)
        return self._secured()

    def _secured(self) -> Receiver:
        tls, context = self._tls, self._tls.context
        if context is None:
            return _Refusal()
        return TlsProtocol(
            self._connection(), context, server_side=True, denials=tls.denials, handshakes=tls.handshakes
        )

    def _connection(self) -> Receiver:
        return ServerConnection(self, self._wheel, self._metrics)


class TcpPort(Port):
    """A port whose connections are carried on whole; ``way`` says where to, and may be replaced at any time."""

    way: Way
    _server_first = True

    def carry(self, kind: str, way: Way) -> None:
        """Serve from now on by this way."""
        self.kind = kind
        self.way = way
        if self._server is None:
            spawn(self._open())

    def admit(self, access: Access | None) -> None:
        """Let in whom these policies let in, and end what they would not."""
        if isinstance(self.way, ToApp):
            self.way.access = access
            for connection in list(self.connections):
                if access is not None and isinstance(connection, TcpConnection) and not access.keeps(connection):
                    connection.cut(flags.ACCESS_DENIED)

    def _turn_away(self, connection: Accepted) -> None:
        if isinstance(connection, TcpConnection):
            connection.cut(flags.ACCESS_DENIED)

    def _connection(self) -> Receiver:
        return TcpConnection(self, self._wheel)


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
