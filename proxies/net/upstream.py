"""Endpoints, and the pool of idle connections that each one keeps.

Owns dialing, reuse (last in, first out, so that surplus connections idle out) and expiry. What travels on a
connection is its caller's business.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

from proxies.core.breaker import Load
from proxies.core.retry import Failure
from proxies.net.connection import UpstreamConnection
from proxies.net.flow import Receiver, as_protocol, spawn
from proxies.net.tls import ClientTls, Sessions
from proxies.net.wheel import Wheel

PLAIN_IDLE_S = 4.0
"""Idle life of a connection to an app. Common servers (uvicorn, Node.js) close after 5 s; closing first avoids the
race between their close and our next request."""
MESH_IDLE_S = 60.0
"""Idle life of a connection to another proxy, whose listeners keep idle connections for longer."""
MAX_IDLE = 1024


class Dialer(Protocol):
    """What waits for a connection. ``upstream_ready`` says whether it still wants it."""

    def upstream_ready(self, connection: UpstreamConnection) -> bool: ...
    def upstream_failed(self, failure: Failure) -> None: ...


class Owner(Protocol):
    """Who answers for an endpoint."""

    def judge(self, status: int, seconds: float) -> None:
        """A try ended: with this status, or failed as if with it, after so long."""

    def make_room(self) -> bool:
        """Close an idle connection of the same service, so that another can be opened. False: there is none."""


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
        "load",
        "owner",
        "port",
        "retired",
        "watched",
        "weight",
    )

    def __init__(
        self,
        wheel: Wheel,
        address: str,
        port: int,
        *,
        load: Load | None = None,
        owner: Owner | None = None,
        tls: ClientTls | None = None,
        identity: str = "",
        connect_timeout_s: float = 1.0,
    ) -> None:
        """With ``tls`` it speaks mTLS and must prove ``identity``. ``load`` is what it counts its connections in."""
        self.load = load if load is not None else Load()
        self.owner = owner
        self.watched = False
        """Whether its owner wants to hear of good responses too; of failures it always does."""
        self.address = address
        self.port = port
        self.weight = 100
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

    def drop(self, connection: UpstreamConnection) -> None:
        """Cut a connection off in the middle of what it does."""
        connection.caller = None
        connection.transport.abort()

    def dial(self, dialer: Dialer) -> Dial | None:
        """Open a connection and hand it to the dialer, or tell it why there is none. None: there are too many, or too
        many on the way."""
        load = self.load
        if load.pending >= load.max_pending:
            load.overflow("pending")
            return None
        if load.connections >= load.max_connections and not (self.owner and self.owner.make_room()):
            load.overflow("connections")
            return None
        load.connections += 1  # from now on, and until it failed or was lost
        dial = Dial(dialer, load)
        spawn(self._dial(dial))
        return dial

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

    async def _dial(self, dial: Dial) -> None:
        try:
            async with asyncio.timeout(self.connect_timeout_s):
                connection = await self.connect()
            if connection.lost:
                raise ConnectionResetError("lost before it was used")
        except (OSError, TimeoutError, UnicodeError) as error:  # ssl.SSLError is an OSError; a host may be no name
            self.load.connections -= 1
            dial.fail("refused" if isinstance(error, ConnectionRefusedError) else "connect-failure")
            return
        connection.counted = True
        if not dial.succeed(connection):
            self.give_back(connection)

    async def connect(self) -> UpstreamConnection:
        """A new connection, for whoever wants one of its own. Raises OSError."""
        connection = UpstreamConnection(self)
        if self._tls is not None:
            connection.tls = self._tls.context
        await self.open(connection)
        return connection

    async def open(self, receiver: Receiver) -> None:
        """Connect a receiver to the endpoint, once that proved its identity if it has one. Raises OSError."""
        loop = asyncio.get_running_loop()
        if self._tls is None:
            await loop.create_connection(lambda: as_protocol(receiver), self.address, self.port)
            return
        secured = self._tls.wrap(receiver, self.identity, self._sessions)
        transport, _ = await loop.create_connection(lambda: as_protocol(secured), self.address, self.port)
        try:
            await secured.handshaken()
        except BaseException:
            transport.abort()
            raise


class Dial:
    """A connection on its way to whoever waits for it."""

    __slots__ = ("_dialer", "_load")

    def __init__(self, dialer: Dialer, load: Load) -> None:
        load.pending += 1
        self._dialer: Dialer | None = dialer
        self._load = load

    def abandon(self) -> None:
        """Nobody waits any more; the connection, if it comes, is for others."""
        if self._dialer is not None:
            self._dialer = None
            self._load.pending -= 1

    def succeed(self, connection: UpstreamConnection) -> bool:
        dialer = self._dialer
        self.abandon()
        return dialer is not None and dialer.upstream_ready(connection)

    def fail(self, failure: Failure) -> None:
        dialer = self._dialer
        self.abandon()
        if dialer is not None:
            dialer.upstream_failed(failure)
