"""Copies of requests to another version, whose answers nobody waits for.

Bounded in number, in size and in time: what is beyond is not copied, and counted as overflow. A copy is sent once the
request is whole, so that a slow client holds no connection of the mirror. Its failures are nobody's but the counters'.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.errors import BadMessage
from proxies.core.framing import BodyReader, CloseReader, body_reader
from proxies.core.head import RequestHead, ResponseHead
from proxies.net.wheel import Timer, Wheel

if TYPE_CHECKING:
    from proxies.core.retry import Failure
    from proxies.net.connection import UpstreamConnection
    from proxies.net.members import Group
    from proxies.net.metrics import Row
    from proxies.net.upstream import Dial, Endpoint

MAX_COPIES = 100
"""Copies of one route under way at a time."""
MAX_BODY = 64 * 1024
"""Of a longer body no copy is made."""


class Mirror:
    """One route's copies: where they go and where they are counted."""

    __slots__ = ("_group", "_plain_row", "_secured_row", "deadline_s", "under_way", "wheel")

    def __init__(self, wheel: Wheel, group: Group, plain_row: Row, secured_row: Row, deadline_s: float) -> None:
        self.wheel = wheel
        self.deadline_s = deadline_s
        self.under_way = 0
        self._group = group
        self._plain_row = plain_row
        self._secured_row = secured_row

    def copy(self, head: RequestHead) -> Copy:
        """The copy of a request whose head is ready to be forwarded, marked as one by its host."""
        lines = [b"host: " + _marked(line) if line[:5].lower() == b"host:" else line for line in head.lines]
        return Copy(self, head.method, b"\r\n".join(lines))

    def start(self, copy: Copy, size: int) -> Endpoint | None:
        """An endpoint for a copy, or None: it is not sent."""
        if self.under_way >= MAX_COPIES or size > MAX_BODY:
            self._plain_row.count(0, flags.UPSTREAM_OVERFLOW, 0, 0, 0)
            return None
        endpoint = self._group.choose()
        if endpoint is None:
            self._plain_row.count(503, flags.NO_HEALTHY_UPSTREAM, 0, 0, 0)
            return None
        self.under_way += 1
        return endpoint

    def row(self, endpoint: Endpoint) -> Row:
        return self._secured_row if endpoint.secured else self._plain_row


class Copy(Timer):
    """``feed`` it the body as it is forwarded, then ``send`` it. Dropped unsent, it leaves no trace."""

    __slots__ = (
        "_dial",
        "_endpoint",
        "_message",
        "_mirror",
        "_reader",
        "_received",
        "_size",
        "_started",
        "_status",
        "_upstream",
        "method",
        "upgrade",
    )

    def __init__(self, mirror: Mirror, method: bytes, head: bytes) -> None:
        super().__init__()
        self.method = method
        self.upgrade = b""
        self._mirror = mirror
        self._message = [head]
        self._size = 0
        self._received = 0
        self._status = 0
        self._started = 0.0
        self._endpoint: Endpoint
        self._dial: Dial | None = None
        self._upstream: UpstreamConnection | None = None
        self._reader: BodyReader

    def feed(self, payload: bytes) -> None:
        self._size += len(payload)
        if self._size <= MAX_BODY:
            self._message.append(payload)
        else:
            self._message.clear()

    def send(self) -> None:
        """The request is whole."""
        endpoint = self._mirror.start(self, self._size)
        if endpoint is None:
            return
        self._endpoint = endpoint
        endpoint.active += 1
        self._started = monotonic()
        self._mirror.wheel.arm(self, self._started + self._mirror.deadline_s)
        upstream = endpoint.take()
        if upstream is not None:
            self.upstream_ready(upstream)
            return
        self._dial = endpoint.dial(self)
        if self._dial is None:
            self._end(0, flags.UPSTREAM_OVERFLOW)

    # --- what the endpoint's side calls

    def upstream_ready(self, connection: UpstreamConnection) -> bool:
        self._dial = None
        self._upstream = connection
        connection.start(self, b"".join(self._message))
        self._message.clear()
        return True

    def upstream_failed(self, failure: Failure) -> None:
        self._dial = None
        self._end(503, flags.UPSTREAM_CONNECT_FAILURE)

    def response_interim(self, head: ResponseHead) -> None:
        """Not waited for, and not passed on."""

    def response_head(self, head: ResponseHead, rest: bytes) -> None:
        assert self._upstream is not None
        self._status = head.status
        self._upstream.keep = self._upstream.keep and not head.close
        self._reader = body_reader(head.body)
        self._read(rest)

    def response_data(self, data: bytes) -> None:
        try:
            self._read(data)
        except BadMessage:
            self.response_malformed()

    def response_malformed(self) -> None:
        self._end(502, flags.UPSTREAM_PROTOCOL_ERROR)

    def upstream_eof(self) -> bool:
        return False

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        self._upstream = None
        if clean and self._status and isinstance(self._reader, CloseReader):
            self._end(self._status, "")
        else:
            self._end(503, flags.UPSTREAM_CONNECTION_CLOSED)

    def hold_request(self) -> None:
        """It is written whole; there is nothing to hold."""

    def release_request(self) -> None:
        """As ``hold_request``."""

    def expire(self) -> None:
        self._end(504, flags.UPSTREAM_TIMEOUT)

    # --- inside

    def _read(self, data: bytes) -> None:
        payload, left = self._reader.feed(data)
        self._received += len(payload)
        if self._reader.done:
            upstream, self._upstream = self._upstream, None
            assert upstream is not None
            if upstream.keep and not left:
                upstream.endpoint.give_back(upstream)
            else:
                upstream.endpoint.drop(upstream)
            self._end(self._status, "")

    def _end(self, status: int, why: str) -> None:
        """Count, and let go of whatever is still held."""
        self._mirror.wheel.disarm(self)
        self._mirror.under_way -= 1
        self._endpoint.active -= 1
        if self._upstream is not None:
            self._upstream.endpoint.drop(self._upstream)
            self._upstream = None
        if self._dial is not None:
            self._dial.abandon()
            self._dial = None
        microseconds = int((monotonic() - self._started) * 1_000_000)
        self._mirror.row(self._endpoint).count(status, why, self._size, self._received, microseconds)


def _marked(line: bytes) -> bytes:
    host = line[5:].strip(b" \t")
    name, colon, port = host.rpartition(b":")
    if colon and port.isdigit():
        return b"%b-shadow:%b" % (name, port)
    return host + b"-shadow"
