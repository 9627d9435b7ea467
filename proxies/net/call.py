"""A request that a proxy makes of itself, whole and with a deadline, over a connection of an endpoint's pool: a copy, a
question."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.errors import BadMessage
from proxies.core.framing import BodyReader, CloseReader, body_reader
from proxies.core.head import ResponseHead
from proxies.net.connection import SILENT
from proxies.net.wheel import Timer, Wheel

if TYPE_CHECKING:
    from proxies.core.retry import Failure
    from proxies.net.connection import UpstreamConnection
    from proxies.net.upstream import Dial, Endpoint


class Call(Timer):
    """``start`` it once; ``ended`` comes once, after all else."""

    __slots__ = (
        "_dial",
        "_endpoint",
        "_message",
        "_reader",
        "_started",
        "_status",
        "_upstream",
        "_wheel",
        "method",
        "upgrade",
    )

    def __init__(self, wheel: Wheel, method: bytes) -> None:
        super().__init__()
        self.method = method
        self.upgrade = b""
        self._wheel = wheel
        self._message = b""
        self._status = 0
        self._started = 0.0
        self._endpoint: Endpoint
        self._dial: Dial | None = None
        self._upstream: UpstreamConnection | None = None
        self._reader: BodyReader

    def start(self, endpoint: Endpoint, message: bytes, deadline_s: float) -> None:
        """Send it; the answer must be whole within so many seconds."""
        self._endpoint = endpoint
        self._message = message
        endpoint.active += 1
        self._started = monotonic()
        self._wheel.arm(self, self._started + deadline_s)
        upstream = endpoint.take()
        if upstream is not None:
            self.upstream_ready(upstream)
        else:
            self._connect()

    # --- what subclasses hear

    def answered(self, head: ResponseHead) -> None:
        """The head of the response."""

    def received(self, payload: bytes) -> None:
        """Some of its body."""

    def ended(self, status: int, why: str, microseconds: int) -> None:
        """The response's status, or the one as if with which it failed, and then why."""
        raise NotImplementedError

    # --- what the endpoint's side calls

    def upstream_ready(self, connection: UpstreamConnection) -> bool:
        self._dial = None
        self._upstream = connection
        connection.start(self, self._message)
        return True

    def upstream_failed(self, failure: Failure) -> None:
        self._dial = None
        self.end(503, flags.UPSTREAM_CONNECT_FAILURE)

    def response_interim(self, head: ResponseHead) -> None:
        """Not waited for, and not passed on."""

    def response_head(self, head: ResponseHead, rest: bytes) -> None:
        assert self._upstream is not None
        self._status = head.status
        self._upstream.keep = self._upstream.keep and not head.close
        self._reader = body_reader(head.body)
        self.answered(head)
        self._read(rest)

    def response_data(self, data: bytes) -> None:
        try:
            self._read(data)
        except BadMessage:
            self.response_malformed()

    def response_malformed(self) -> None:
        self.end(502, flags.UPSTREAM_PROTOCOL_ERROR)

    def upstream_eof(self) -> bool:
        return False

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        self._upstream = None
        if clean and self._status and isinstance(self._reader, CloseReader):
            self.end(self._status, "")
        elif connection.reused and connection.progress == SILENT:  # it idled out as we wrote: nobody's fault
            self._connect()
        else:
            self.end(503, flags.UPSTREAM_CONNECTION_CLOSED)

    def hold_request(self) -> None:
        """It is written whole; there is nothing to hold."""

    def release_request(self) -> None:
        """As ``hold_request``."""

    def expire(self) -> None:
        self.end(504, flags.UPSTREAM_TIMEOUT)

    # --- inside

    def end(self, status: int, why: str) -> None:
        """Let go of whatever is still held."""
        self._wheel.disarm(self)
        self._endpoint.active -= 1
        if self._upstream is not None:
            self._upstream.endpoint.drop(self._upstream)
            self._upstream = None
        if self._dial is not None:
            self._dial.abandon()
            self._dial = None
        self.ended(status, why, int((monotonic() - self._started) * 1_000_000))

    def _connect(self) -> None:
        self._dial = self._endpoint.dial(self)
        if self._dial is None:
            self.end(0, flags.UPSTREAM_OVERFLOW)

    def _read(self, data: bytes) -> None:
        payload, left = self._reader.feed(data)
        self.received(payload)
        if self._reader.done and self._upstream is not None:
            upstream, self._upstream = self._upstream, None
            if upstream.keep and not left:
                upstream.endpoint.give_back(upstream)
            else:
                upstream.endpoint.drop(upstream)
            self.end(self._status, "")
