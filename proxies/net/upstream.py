"""Connections to endpoints, and the pool of idle ones that each endpoint keeps.

Owns dialing, reuse (last in, first out, so that surplus connections idle out) and expiry. What travels on a
connection is its exchange's business.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxies.core.flags import UPSTREAM_CONNECT_FAILURE
from proxies.net.flow import Transport, spawn
from proxies.net.tls import ClientTls, Sessions
from proxies.net.wheel import Wheel

if TYPE_CHECKING:
    from proxies.net.exchange import Exchange

PLAIN_IDLE_S = 4.0
"""Idle life of a connection to an app. Common servers (uvicorn, Node.js) close after 5 s; closing first avoids the
race between their close and our next request."""
MESH_IDLE_S = 60.0
"""Idle life of a connection to another proxy, whose listeners keep idle connections for longer."""
MAX_IDLE = 1024


class UpstreamConnection(asyncio.Protocol):
    """One HTTP/1.1 connection to an endpoint; idle, or owned by one exchange."""

    __slots__ = ("ended", "endpoint", "exchange", "idle_since", "keep", "reused", "tls", "transport")

    transport: Transport

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.exchange: Exchange | None = None
        self.idle_since = 0.0
        self.reused = False
        self.keep = True
        """Whether another exchange may use it."""
        self.ended = False
        self.tls: object = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        exchange = self.exchange
        if exchange is None:  # nobody asked: whatever it is, it must not become the next request's response
            self.transport.abort()
        else:
            exchange.response_data(data)

    def eof_received(self) -> bool:
        self.ended = True
        return self.exchange is not None and self.exchange.upstream_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self.endpoint.forget(self)
        exchange, self.exchange = self.exchange, None
        if exchange is not None:
            exchange.upstream_lost(self, clean=self.ended and error is None)

    def pause_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.hold()

    def resume_writing(self) -> None:
        if self.exchange is not None:
            self.exchange.client.release()


class Endpoint:
    """One instance as a target of requests. ``active`` counts the requests it works on now."""

    __slots__ = (
        "_sessions",
        "_tls",
        "_wheel",
        "active",
        "address",
        "connect_timeout_s",
        "identity",
        "idle",
        "idle_s",
        "port",
        "retired",
        "weight",
    )

    def __init__(
        self,
        wheel: Wheel,
        address: str,
        port: int,
        *,
        weight: int = 100,
        tls: ClientTls | None = None,
        identity: str = "",
        connect_timeout_s: float = 1.0,
    ) -> None:
        """With ``tls`` it speaks mTLS and must prove ``identity``."""
        self.address = address
        self.port = port
        self.weight = weight
        self.active = 0
        self.idle: list[UpstreamConnection] = []
        self.retired = False
        self.identity = identity
        self.connect_timeout_s = connect_timeout_s
        self.idle_s = PLAIN_IDLE_S if tls is None else MESH_IDLE_S
        self._sessions = Sessions()
        self._tls = tls
        self._wheel = wheel

    def __repr__(self) -> str:
        return f"<Endpoint {self.address}:{self.port} active={self.active} idle={len(self.idle)}>"

    @property
    def secured(self) -> bool:
        return self._tls is not None

    def take(self) -> UpstreamConnection | None:
        """The most recently used idle connection that is still good, or None: then ``dial``."""
        idle = self.idle
        while idle:
            connection = idle.pop()
            if not connection.transport.is_closing() and self._current(connection):
                connection.reused = True
                return connection
            connection.transport.close()
        return None

    def give_back(self, connection: UpstreamConnection) -> None:
        """Keep a connection whose exchange is over for the next one."""
        connection.exchange = None
        if self.retired or len(self.idle) >= MAX_IDLE or not self._current(connection):
            connection.transport.close()
        else:
            connection.idle_since = self._wheel.now
            self.idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        if connection.exchange is None and connection in self.idle:
            self.idle.remove(connection)

    def dial(self, exchange: Exchange) -> None:
        """Open a connection and hand it to the exchange, or tell it why there is none."""
        spawn(self._dial(exchange))

    def sweep(self) -> None:
        """Close what idled out; of an endpoint that is no longer wanted, every idle connection."""
        oldest = self._wheel.now - self.idle_s
        while self.idle and (self.retired or self.idle[0].idle_since < oldest or not self._current(self.idle[0])):
            self.idle.pop(0).transport.close()

    def retire(self) -> None:
        """Take no more connections back. Exchanges under way finish."""
        self.retired = True
        self.sweep()

    def _current(self, connection: UpstreamConnection) -> bool:
        """Connections made with replaced credentials are not used again."""
        return self._tls is None or connection.tls is self._tls.context

    async def _dial(self, exchange: Exchange) -> None:
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                connection = await self._connect()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            exchange.upstream_failed(UPSTREAM_CONNECT_FAILURE)
            return
        if not exchange.upstream_ready(connection):
            self.give_back(connection)

    async def _connect(self) -> UpstreamConnection:
        loop = asyncio.get_running_loop()
        connection = UpstreamConnection(self)
        if self._tls is None:
            await loop.create_connection(lambda: connection, self.address, self.port)
            return connection
        connection.tls = self._tls.context
        secured = self._tls.wrap(connection, self.identity, self._sessions)
        transport, _ = await loop.create_connection(lambda: secured, self.address, self.port)
        try:
            await secured.handshaken()
        except BaseException:
            transport.abort()
            raise
        return connection
