"""The client's side: one protocol object for each accepted connection.

Reads request heads, runs one exchange after the other (pipelined requests wait their turn), and ends connections so
that a last reply arrives. One timer per connection serves the header timeout, the exchange's and the idle one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.errors import BadMessage
from proxies.core.fields import TCHAR
from proxies.core.head import MAX_HEAD, read_request
from proxies.net.exchange import Exchange
from proxies.net.flow import Transport, pause, resume
from proxies.net.metrics import UNKNOWN
from proxies.net.replies import reply
from proxies.net.tunnel import Tunnel
from proxies.net.wheel import Timer, Wheel

if TYPE_CHECKING:
    from proxies.net.exchange import Way
    from proxies.net.holding import Holding
    from proxies.net.metrics import Metrics
    from proxies.net.ports import Port

HEADER_TIMEOUT_S = 10.0
IDLE_TIMEOUT_S = 300.0
DRAIN_IDLE_S = 0.5
"""How long an idle connection stays open for a request that may be on its way already."""
LINGER_S = 2.0
"""How long a closed client may go on sending before it is cut off; closing with unread bytes would reset the
connection and destroy the reply (RFC 9112 section 9.6)."""
MAX_WAITING = 64 * 1024
"""Pipelined bytes kept while an exchange runs."""


class ServerConnection(Timer):
    __slots__ = (
        "_asked_host",
        "_asked_port",
        "_buffer",
        "_continuing",
        "_ended",
        "_exchange",
        "_forwarded",
        "_held",
        "_lingering",
        "_peer_address",
        "draining",
        "metrics",
        "port",
        "secured",
        "source",
        "transport",
        "wheel",
        "write_paused",
    )

    transport: Transport

    def __init__(self, port: Port, wheel: Wheel, metrics: Metrics) -> None:
        super().__init__()
        self.port = port
        self.wheel = wheel
        self.metrics = metrics
        self.source = ""
        """The service that this connection comes from, as far as its certificate proves it."""
        self.secured = False
        self.draining = False
        self.write_paused = False
        self._peer_address = b""
        self._asked_host = b""
        self._asked_port: int | None = None
        self._forwarded = b""
        self._buffer = b""
        self._exchange: Exchange | Tunnel | Holding | None = None
        self._ended = False
        self._held = False
        self._lingering = False
        self._continuing = False

    def peer_address(self) -> bytes:
        if not self._peer_address:
            peer = self.transport.get_extra_info("peername")
            self._peer_address = str(peer[0]).encode() if peer else b"-"  # a client that is gone already has none
        return self._peer_address

    def forwarded(self, host: bytes, port: int | None) -> bytes:
        """What an edge says of a request for this host: field lines, and mostly those of the request before."""
        if host != self._asked_host or port != self._asked_port:
            self._asked_host = host
            self._asked_port = port
            self._forwarded = b"x-forwarded-for: %b\r\nx-forwarded-proto: %b\r\nx-forwarded-host: %b" % (
                self.peer_address(),
                b"https" if self.secured else b"http",
                host if port is None else b"%b:%d" % (host, port),
            )
        return self._forwarded

    def who(self) -> bytes:
        """The service that the peer proved to be; of any other peer, its address."""
        return self.peer_address() if self.source == UNKNOWN else self.source.encode()

    # --- what the transport calls

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self.wheel.arm(self, self.wheel.now + HEADER_TIMEOUT_S)
        self.port.opened(self)

    def data_received(self, data: bytes) -> None:
        exchange = self._exchange
        if exchange is not None:
            data = exchange.request_data(data)
            if data and not self._lingering:
                self._buffer += data
                if len(self._buffer) > MAX_WAITING:
                    self.hold()
        elif not self._lingering:
            if self._buffer:
                data = self._buffer + data
            self._read(data)

    def eof_received(self) -> bool:
        self._ended = True
        if self._exchange is None:
            return self._continuing  # with a request that came before the end
        return self._exchange.client_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self.wheel.disarm(self)
        self.port.closed(self)
        exchange = self._exchange
        if exchange is not None:
            self._release_exchange()
            exchange.client_lost()

    def pause_writing(self) -> None:
        self.write_paused = True
        if self._exchange is not None:
            self._exchange.hold()

    def resume_writing(self) -> None:
        self.write_paused = False
        if self._exchange is not None:
            self._exchange.release()

    def expire(self) -> None:
        """The wheel: a deadline was reached."""
        if self._exchange is not None:
            self._exchange.expired()
        elif self._lingering:
            self.transport.abort()
        elif self._buffer:
            self._reject(408, "the head was not whole in time")
        else:
            self.transport.close()

    # --- what an exchange calls

    def hold(self) -> None:
        """Read no more: what came is not taken."""
        self._held = True
        pause(self.transport)

    def release(self) -> None:
        if self._held and len(self._buffer) <= MAX_WAITING:
            self._held = False
            resume(self.transport)

    def open_tunnel(self, tunnel: Tunnel) -> None:
        """The exchange became a tunnel: it takes what comes from now on, and the bytes that waited."""
        self._exchange = tunnel
        data, self._buffer = self._buffer, b""
        if data:
            tunnel.request_data(data)
        self.release()

    def hold_exchange(self, holding: Holding) -> None:
        """The exchange begins later: until then this stands in its place."""
        self._exchange = holding

    def begin_exchange(self, exchange: Exchange, data: bytes, way: Way) -> None:
        """Begin the exchange that was held, with all that came of it."""
        self._exchange = exchange
        left = exchange.begin(data, way)
        if left and not self._lingering:
            self._buffer = left
            if self._is_free():
                self._continue_soon()
        if self._is_in(exchange):
            self.release()
            if self._ended and not exchange.client_eof():
                self.transport.close()

    def finished(self, *, close: bool) -> None:
        """The response is written; go on with the next request, or end."""
        self._release_exchange()
        if close or self.draining or (self._ended and not self._buffer):
            self._linger()
            return
        self.wheel.arm(self, self.wheel.now + IDLE_TIMEOUT_S)
        if self._held:
            self.release()
        if self._buffer:
            self._continue_soon()

    def cut(self, *, hard: bool) -> None:
        """End a response that cannot be finished, so that the client notices. ``hard`` where an orderly end of the
        connection would look like the end of the body."""
        self._release_exchange()
        if hard:
            self.transport.abort()
        else:
            self.transport.close()

    # --- what the listener calls

    def drain(self) -> None:
        """Finish what runs, then close. A request may be on its way even where nothing runs."""
        self.draining = True
        if self._exchange is None and not self._buffer and not self._lingering:
            self.wheel.arm(self, self.wheel.now + DRAIN_IDLE_S)

    # --- inside

    def _read(self, data: bytes) -> None:
        """Start the exchange whose head is whole, or keep what came of it."""
        if data[:1] == b"\r" and data[:2] == b"\r\n":  # RFC 9112 section 2.2 forgives an empty line before a request
            data = data[2:]
        lines, end, rest = data.partition(b"\r\n\r\n")
        if not end or len(lines) > MAX_HEAD:
            self._wait(data)
            return
        self._buffer = b""
        listener = self.port.listener
        try:
            head = read_request(lines, edge=listener.edge, loop_mark=listener.mark)
            listener.check(self, head)
        except BadMessage as error:
            self._reject(error.status, error.reason)
            return
        self._exchange = exchange = Exchange(self, listener, head)
        self.metrics.active_requests += 1
        left = exchange.begin(rest)
        if left and not self._lingering:
            self._buffer = left
            if self._is_free():
                self._continue_soon()

    def _wait(self, data: bytes) -> None:
        if len(data) > MAX_HEAD:
            self._reject(431, "the head is too long")
        elif self._ended:
            self.transport.close()
        elif data.count(b"\n") != data.count(b"\r\n") or data[:1].translate(None, TCHAR + b"\r"):
            # A head that can never become good is answered now, not when its time is over.
            self._reject(400, "malformed head")
        else:
            if not self._buffer:
                self.wheel.arm(self, self.wheel.now + HEADER_TIMEOUT_S)
            self._buffer = data

    def _continue_soon(self) -> None:
        """Pipelined requests start from the loop, not from the end of the one before: no recursion however many."""
        self._continuing = True
        asyncio.get_running_loop().call_soon(self._continue)

    def _continue(self) -> None:
        self._continuing = False
        if self._exchange is not None or self._lingering or self.transport.is_closing():
            return
        data, self._buffer = self._buffer, b""
        self._read(data)
        self.release()

    # Asked by calls: what an attribute was set to may be different after another call, and a compiled attribute is not
    # looked at again where its type seems to be known.

    def _is_free(self) -> bool:
        return self._exchange is None

    def _is_in(self, exchange: Exchange) -> bool:
        return self._exchange is exchange

    def _release_exchange(self) -> None:
        self._exchange = None
        self.metrics.active_requests -= 1

    def _reject(self, status: int, reason: str) -> None:
        """Answer bytes that are no request, and close."""
        self.port.listener.unrouted.count(status, flags.DOWNSTREAM_PROTOCOL_ERROR, 0, 0, 0)
        recorder = self.port.recorder
        if recorder is not None:
            recorder.malformed(self, status, flags.DOWNSTREAM_PROTOCOL_ERROR, reason)
        self.transport.write(reply(status, close=True))
        self._linger()

    def _linger(self) -> None:
        """Close so that what was written arrives: first our direction, then, when the client is done, the rest."""
        self._buffer = b""
        if self._ended or not self.transport.can_write_eof():
            self.transport.close()
        elif not self._lingering and not self.transport.is_closing():
            self._lingering = True
            self.transport.write_eof()
            self.release()
            self.wheel.arm(self, self.wheel.now + LINGER_S)
