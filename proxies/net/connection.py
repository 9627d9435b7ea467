"""One connection to an endpoint: bytes into responses, handed to whoever uses the connection.

Knows nothing of clients, retries or pools: an exchange, a mirrored request and a health check are all callers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from proxies.core.errors import BadMessage
from proxies.core.head import MAX_HEAD, ResponseHead, read_response
from proxies.net.flow import Transport

if TYPE_CHECKING:
    from proxies.net.upstream import Endpoint

# How far the response to the request under way came.
SILENT = 0
HEARD = 1
ANSWERED = 2


class Stream(Protocol):
    """What uses an answered connection."""

    def response_data(self, data: bytes) -> None:
        """More bytes behind the head."""

    def upstream_eof(self) -> bool:
        """The endpoint sends no more. True keeps its connection open for what is still sent."""

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        """The connection is gone; ``clean`` if its end was in order."""

    def hold_request(self) -> None:
        """The endpoint takes no more for now."""

    def release_request(self) -> None:
        """It takes more again."""


class Caller(Stream, Protocol):
    """What sends one request over a connection. ``method`` and ``upgrade`` are what its response is read by."""

    method: bytes
    upgrade: bytes

    def response_interim(self, head: ResponseHead) -> None:
        """A 1xx other than 101."""

    def response_head(self, head: ResponseHead, rest: bytes) -> None:
        """The final head (or 101), and the first bytes behind it. May raise BadMessage for those."""

    def response_malformed(self) -> None:
        """What came is no response, or the first bytes of its body are none."""


class UpstreamConnection:
    """One HTTP/1.1 connection to an endpoint; idle, or owned by one caller."""

    __slots__ = (
        "_buffer",
        "caller",
        "counted",
        "ended",
        "endpoint",
        "idle_since",
        "keep",
        "lost",
        "progress",
        "reused",
        "tls",
        "transport",
    )

    transport: Transport

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.caller: Stream | None = None
        self.idle_since = 0.0
        self.reused = False
        self.keep = True
        """Whether another caller may use it."""
        self.counted = False
        """Whether it is one of the connections that its endpoint's load counts."""
        self.ended = False
        self.lost = False
        self.progress = SILENT
        self.tls: object = None
        self._buffer = b""

    def start(self, caller: Caller, message: bytes) -> None:
        """Send a request, or its beginning; its response goes to the caller."""
        self.caller = caller
        self.progress = SILENT
        self.transport.write(message)

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        caller = self.caller
        if caller is None:  # nobody asked: whatever it is, it must not become the next request's response
            self.transport.abort()
        elif self.progress == ANSWERED:
            caller.response_data(data)
        else:
            self._read(caller, data)  # type: ignore[arg-type]  # not answered: what started is the Caller

    def eof_received(self) -> bool:
        self.ended = True
        return self.caller is not None and self.caller.upstream_eof()

    def connection_lost(self, error: Exception | None) -> None:
        self.lost = True
        if self.counted:
            self.endpoint.load.connections -= 1
        self.endpoint.forget(self)
        caller, self.caller = self.caller, None
        if caller is not None:
            caller.upstream_lost(self, clean=self.ended and error is None)

    def pause_writing(self) -> None:
        if self.caller is not None:
            self.caller.hold_request()

    def resume_writing(self) -> None:
        if self.caller is not None:
            self.caller.release_request()

    def _read(self, caller: Caller, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        self.progress = HEARD
        try:
            while True:
                lines, end, rest = data.partition(b"\r\n\r\n")
                if not end or len(lines) > MAX_HEAD:
                    if len(data) > MAX_HEAD:
                        raise BadMessage("response head is too long")
                    self._buffer = data
                    return
                head = read_response(lines, method=caller.method, upgrade=caller.upgrade)
                data = rest
                if head.status >= 200 or head.status == 101:
                    break
                caller.response_interim(head)
            self.progress = ANSWERED
            caller.response_head(head, data)
        except BadMessage:
            caller.response_malformed()
