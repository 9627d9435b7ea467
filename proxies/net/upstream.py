"""Endpoints, and the pool of idle connections that each one keeps.

Owns dialing, reuse (last in, first out, so that surplus connections idle out) and expiry. What travels on a
connection is its caller's business.
"""

from __future__ import annotations

import asyncio

from proxies.core.flags import UPSTREAM_CONNECT_FAILURE
from proxies.net.connection import Caller, UpstreamConnection
from proxies.net.flow import spawn
from proxies.net.tls import ClientTls, Sessions
from proxies.net.wheel import Wheel

PLAIN_IDLE_S = 4.0
"""Idle life of a connection to an app. Common servers (uvicorn, Node.js) close after 5 s; closing first avoids the
race between their close and our next request."""
MESH_IDLE_S = 60.0
"""Idle life of a connection to another proxy, whose listeners keep idle connections for longer."""
MAX_IDLE = 1024


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
        """Keep a connection whose caller is done for the next one."""
        connection.caller = None
        if self.retired or len(self.idle) >= MAX_IDLE or not self._current(connection):
            connection.transport.close()
        else:
            connection.idle_since = self._wheel.now
            self.idle.append(connection)

    def forget(self, connection: UpstreamConnection) -> None:
        if connection.caller is None and connection in self.idle:
            self.idle.remove(connection)

    def dial(self, caller: Caller) -> None:
        """Open a connection and hand it to the caller, or tell it why there is none."""
        spawn(self._dial(caller))

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

    async def _dial(self, caller: Caller) -> None:
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                connection = await self._connect()
        except (OSError, TimeoutError):  # ssl.SSLError is an OSError
            caller.upstream_failed(UPSTREAM_CONNECT_FAILURE)
            return
        if not caller.upstream_ready(connection):
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
