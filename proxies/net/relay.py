"""One connection of a TCP service: accepted, connected on, and its bytes carried both ways until both sides ended.

Each side's end is passed on as it came: an end of sending as such, a lost connection as a reset. Nothing is kept but
what one read brought; who cannot take more holds up the other. Which endpoints there are is ``proxies.net.tcp``'s.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from time import monotonic
from typing import TYPE_CHECKING, Protocol

from proxies.core import flags
from proxies.core.tcp import SETTLED_S
from proxies.net.flow import Transport, pause, resume, spawn
from proxies.net.tls import TlsProtocol
from proxies.net.wheel import Timer, Wheel

if TYPE_CHECKING:
    from proxies.net.metrics import Row
    from proxies.net.recorder import Recorder
    from proxies.net.tcp import Path, Way
    from proxies.net.upstream import Endpoint

_RESET = struct.pack("ii", 1, 0)
_ESTABLISHED = 200
_FAILED = 503
"""What an endpoint's owner is told of a connection, as if it were a response."""


class Carrier(Protocol):
    """The port that a connection came in at."""

    @property
    def way(self) -> Way: ...
    @property
    def recorder(self) -> Recorder | None: ...
    def opened(self, connection: TcpConnection, /) -> None: ...
    def closed(self, connection: TcpConnection, /) -> None: ...


class NoWay(Exception):
    """A connection leads nowhere: why, and where that is counted."""

    def __init__(self, flag: str, row: Row) -> None:
        super().__init__(flag)
        self.flag = flag
        self.row = row


class TcpConnection(Timer):
    """The client's side, and the owner of both.

    A connection counts once, as established or as failed, when that is known: at the first byte from the endpoint, at
    the end, or a second after it was made. With mutual TLS a server that turns its client away, or has no app behind
    it, does so after the client's handshake; counted any earlier, that would be a success.
    """

    __slots__ = (
        "_buffer",
        "_client_ended",
        "_connected",
        "_counted",
        "_endpoint",
        "_over",
        "_path",
        "_peer_address",
        "_row",
        "_touched",
        "_upstream",
        "_upstream_ended",
        "_wheel",
        "_write_paused",
        "established",
        "port",
        "received",
        "rule",
        "secured",
        "sent",
        "since",
        "source",
        "transport",
        "tried",
    )

    transport: Transport

    def __init__(self, port: Carrier, wheel: Wheel) -> None:
        super().__init__()
        self.port = port
        self.source = ""
        """The service that this connection comes from, as far as its certificate proves it."""
        self.secured = False
        self.established = False
        """Whether it counted as such."""
        self.rule = ""
        """What decided on it, as in ``proxies.wire.logs.LogRecord``."""
        self.sent = self.received = 0
        """Bytes to the endpoint, and from it."""
        self.tried: list[Endpoint] = []
        """Those that could not be connected to."""
        self._wheel = wheel
        self._path: Path | None = None
        self._endpoint: Endpoint | None = None
        self._upstream: _Upstream | None = None
        self._row: Row | None = None
        self._buffer = b""
        self._client_ended = False
        self._upstream_ended = False
        self._write_paused = False
        self._connected = False
        self._counted = False
        self._over = False
        self.since = self._touched = monotonic()
        self._peer_address = ""

    @property
    def peer_address(self) -> str:
        if not self._peer_address:
            peer = self.transport.get_extra_info("peername")  # None of one that is gone already
            self._peer_address = str(peer[0]) if peer else ""
        return self._peer_address

    def cut(self, flag: str) -> None:
        """End it now, both ways."""
        if not self._over:
            self._end(flag)
            self._drop_upstream()
            reset(self.transport)

    def drain(self) -> None:
        """The port accepts no more; what is open ends by itself, or is cut off when the time is over."""

    # --- what the client's transport calls

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.port.opened(self)
        if transport.is_closing():  # the peer is nobody of this mesh
            self._over = True
            return
        try:
            self._path = self.port.way.path(self)
            self._connect()
        except NoWay as dead_end:
            self._refuse(dead_end)

    def data_received(self, data: bytes) -> None:
        upstream = self._upstream
        if upstream is None:
            if not self._over:
                self._buffer += data
                pause(self.transport)
            return
        self._touched = self._wheel.now
        assert self._row is not None
        self._row.carried(len(data), 0)
        self.sent += len(data)
        upstream.transport.write(data)

    def eof_received(self) -> bool:
        self._client_ended = True
        if self._upstream_ended:
            self._finish()
        elif self._upstream is not None:
            end_sending(self._upstream.transport)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._wheel.disarm(self)
        self.port.closed(self)
        if not self._over:
            self._end(flags.DOWNSTREAM_CLOSED)
            self._drop_upstream()

    def pause_writing(self) -> None:
        self._write_paused = True
        if self._upstream is not None:
            pause(self._upstream.transport)

    def resume_writing(self) -> None:
        self._write_paused = False
        if self._upstream is not None and not self._upstream_ended:
            resume(self._upstream.transport)

    def expire(self) -> None:
        """The wheel: it is known to be established, or was silent for too long, or will not go."""
        if self._over:
            self.transport.abort()
            return
        self._count()
        assert self._path is not None
        if self._wheel.now < self._touched + self._path.idle_s:
            self._wheel.arm(self, self._touched + self._path.idle_s)
            return
        self.cut(flags.STREAM_IDLE_TIMEOUT)

    # --- what the endpoint's side calls

    def upstream_ready(self, upstream: _Upstream) -> None:
        if self._over:  # the client did not wait for it
            upstream.abandon()
            return
        self._upstream = upstream
        self._connected = True
        self._touched = self._wheel.now
        assert self._path is not None
        self._wheel.arm(self, self._touched + min(SETTLED_S, self._path.idle_s))
        self.release()
        if self._buffer:
            data, self._buffer = self._buffer, b""
            self.data_received(data)
        if self._client_ended:
            end_sending(upstream.transport)
        if self._write_paused:
            pause(upstream.transport)

    def upstream_data(self, data: bytes) -> None:
        if not self._counted:
            self._count()
        self._touched = self._wheel.now
        assert self._row is not None
        self._row.carried(0, len(data))
        self.received += len(data)
        self.transport.write(data)

    def upstream_eof(self) -> None:
        self._upstream_ended = True
        if self._client_ended:
            self._finish()
        else:
            end_sending(self.transport)

    def upstream_lost(self) -> None:
        if self._over:
            return
        self._upstream = None
        if self._upstream_ended:  # it said all it had to say, and takes no more
            self._end("")
            self._linger()
        else:
            self._end(flags.UPSTREAM_CONNECTION_CLOSED, failed=True)
            reset(self.transport)

    def hold(self) -> None:
        pause(self.transport)

    def release(self) -> None:
        if not self._client_ended:
            resume(self.transport)

    # --- the way to an endpoint

    def _connect(self) -> None:
        """Try an endpoint. Raises NoWay."""
        path = self._path
        assert path is not None
        endpoint = path.endpoint(self, self.tried)
        load = endpoint.load
        self._row = path.secured_row if endpoint.secured else path.plain_row
        if load.connections >= load.max_connections:
            load.overflow("connections")
            raise NoWay(flags.UPSTREAM_OVERFLOW, self._row)
        if load.pending >= load.max_pending:
            load.overflow("pending")
            raise NoWay(flags.UPSTREAM_OVERFLOW, self._row)
        load.connections += 1
        load.pending += 1
        endpoint.active += 1
        self._endpoint = endpoint
        spawn(self._dial(endpoint))

    async def _dial(self, endpoint: Endpoint) -> None:
        upstream = _Upstream(self, self._wheel)
        try:
            async with asyncio.timeout(endpoint.connect_timeout_s):
                await endpoint.open(upstream)
        except (OSError, TimeoutError, UnicodeError):  # ssl.SSLError is an OSError; a host may be no name
            if not upstream.made and not self._over:
                self._failed(endpoint)
        finally:
            endpoint.load.pending -= 1

    def _failed(self, endpoint: Endpoint) -> None:
        """No connection to an endpoint: there is another one, or the client is told."""
        self._judge(_FAILED)
        self._release()
        self.tried.append(endpoint)
        path, row = self._path, self._row
        assert path is not None
        assert row is not None
        try:
            if len(self.tried) >= path.tries:
                raise NoWay(flags.UPSTREAM_CONNECT_FAILURE, row)
            self._connect()
            row.retried()
        except NoWay as dead_end:
            self._refuse(NoWay(flags.UPSTREAM_CONNECT_FAILURE, dead_end.row))

    def _refuse(self, dead_end: NoWay) -> None:
        self._over = self._counted = True
        dead_end.row.failed(dead_end.flag)
        self._tell(dead_end.row, dead_end.flag)
        reset(self.transport)

    # --- the end

    def _finish(self) -> None:
        """Both sides said all they had to say."""
        self._end("")
        assert self._upstream is not None
        assert self._path is not None
        self._upstream.close(self._path.idle_s)
        self._linger()

    def _linger(self) -> None:
        """Close once what was written has gone, which the client may hold up for no longer than any silence."""
        assert self._path is not None
        self._wheel.arm(self, self._wheel.now + self._path.idle_s)
        self.transport.close()

    def _end(self, flag: str, *, failed: bool = False) -> None:
        """It is over, for this reason; ``failed``: the endpoint ended it, which is a failure unless it had answered."""
        self._over = True
        self._wheel.disarm(self)
        row = self._row
        assert row is not None
        if not self._counted and (failed or not self._connected):
            self._counted = True
            row.failed(flag)
            if failed:
                self._judge(_FAILED)
        else:
            self._count()
            row.ended(flag, int((monotonic() - self.since) * 1_000_000))
        self._tell(row, flag)
        self._release()

    def _tell(self, row: Row, flag: str) -> None:
        recorder = self.port.recorder
        if recorder is not None:
            recorder.connection_ended(self, row, flag, self._endpoint)

    def _count(self) -> None:
        """It is established: count it, and tell the endpoint's owner."""
        if not self._counted:
            assert self._row is not None
            self._counted = self.established = True
            self._row.established()
            if self._endpoint is not None and self._endpoint.watched:
                self._judge(_ESTABLISHED)

    def _judge(self, status: int) -> None:
        endpoint = self._endpoint
        if endpoint is not None and endpoint.owner is not None:
            endpoint.owner.judge(status, monotonic() - self.since)

    def _release(self) -> None:
        endpoint, self._endpoint = self._endpoint, None
        if endpoint is not None:
            endpoint.active -= 1
            endpoint.load.connections -= 1

    def _drop_upstream(self) -> None:
        if self._upstream is not None:
            self._upstream.abandon()
            self._upstream = None


class _Upstream(Timer):
    """The endpoint's side. Once its client has let go of it, it tells nobody anything."""

    __slots__ = ("_client", "_wheel", "made", "transport")

    transport: Transport

    def __init__(self, client: TcpConnection, wheel: Wheel) -> None:
        super().__init__()
        self._client: TcpConnection | None = client
        self._wheel = wheel
        self.made = False

    def close(self, within_s: float) -> None:
        """Close once what was written has gone, or this time is over."""
        self._client = None
        self._wheel.arm(self, self._wheel.now + within_s)
        self.transport.close()

    def expire(self) -> None:
        self.transport.abort()

    def abandon(self) -> None:
        self._client = None
        if self.made:
            reset(self.transport)

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.made = True
        if self._client is not None:
            self._client.upstream_ready(self)

    def data_received(self, data: bytes) -> None:
        if self._client is not None:
            self._client.upstream_data(data)

    def eof_received(self) -> bool:
        if self._client is None:
            return False
        self._client.upstream_eof()
        return True

    def connection_lost(self, error: Exception | None) -> None:
        self._wheel.disarm(self)
        client, self._client = self._client, None
        if client is not None:
            client.upstream_lost()

    def pause_writing(self) -> None:
        if self._client is not None:
            self._client.hold()

    def resume_writing(self) -> None:
        if self._client is not None:
            self._client.release()


def end_sending(transport: Transport) -> None:
    """Tell the peer that nothing more will come; it may go on."""
    if transport.is_closing():
        return
    if isinstance(transport, TlsProtocol):
        transport.end_sending()
    elif transport.can_write_eof():
        transport.write_eof()


def reset(transport: Transport) -> None:
    """End a connection so that the peer takes it for broken: an orderly end would say that all was said."""
    found = transport.get_extra_info("socket")
    if found is not None and not transport.is_closing():
        found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    transport.abort()
