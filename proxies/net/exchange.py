"""One request and its response, from the client's connection to an endpoint's and back.

Owns what happens between two connections: sending, streaming both bodies with back-pressure, what goes wrong on
either side, and the count at the end. Connections and their reuse are ``proxies.net.server``,
``proxies.net.connection`` and ``proxies.net.upstream``; after a 101 ``proxies.net.tunnel`` takes over.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.errors import BadMessage
from proxies.core.framing import BodyReader, CloseReader, body_reader, chunk, last_chunk
from proxies.core.head import CHUNKED, RequestHead, ResponseHead
from proxies.net.attempts import Attempts
from proxies.net.connection import SILENT
from proxies.net.flow import pause, resume
from proxies.net.holding import Held, Holding
from proxies.net.recorder import Ended
from proxies.net.replies import Refused, reply
from proxies.net.tries import Tries
from proxies.net.tunnel import Tunnel

if TYPE_CHECKING:
    from collections.abc import Callable

    from proxies.core.actions import Answer
    from proxies.net.connection import UpstreamConnection
    from proxies.net.lane import Lane
    from proxies.net.listeners import Listener
    from proxies.net.mirror import Copy
    from proxies.net.recorder import Recorder
    from proxies.net.server import ServerConnection
    from proxies.net.special import Special
    from proxies.net.upstream import Endpoint

    Way = Callable[[], tuple[Lane, Endpoint]]


class Exchange(Attempts):
    __slots__ = (
        "_chunk_response",
        "_client_close",
        "_copy",
        "_heard",
        "_heard_at",
        "_listener",
        "_response",
        "over",
        "request_bytes",
        "response_bytes",
    )

    def __init__(self, client: ServerConnection, listener: Listener, head: RequestHead) -> None:
        super().__init__(client, head)
        self.over = False
        self.request_bytes = self.response_bytes = 0
        self._listener = listener
        self._response: BodyReader | None = None  # what is still to come of the response's body, once its head came
        self._client_close = head.close
        self._chunk_response = False
        self._copy: Copy | None = None  # of the request, while it is not whole
        self._heard: ResponseHead | None = None  # where it will be told of
        self._heard_at = 0.0

    # --- the request

    def begin(self, rest: bytes, way: Way | None = None) -> bytes:
        """Choose an endpoint, by the listener or by the ``way`` that is given, and send what came of the request.
        Returns what came after it."""
        head = self._head
        client = self.client
        listener = self._listener
        payload = b""
        body = head.body
        try:
            if body == 0:
                left = rest
            else:
                payload, left = self._read_request(body_reader(body), rest)
            self._lane, endpoint = lane, endpoint = listener.select(client, head) if way is None else way()
            load = lane.load
            if load.requests >= load.max_requests:
                load.overflow("requests")
                head.rule = "breaker:requests"
                raise Refused(503, flags.UPSTREAM_OVERFLOW, lane.secured_row if endpoint.secured else lane.plain_row)
        except BadMessage as error:
            self._row = listener.unrouted
            head.rule = f"malformed:{error.reason}"
            self.refuse(error.status, flags.DOWNSTREAM_PROTOCOL_ERROR)
            return b""
        except Refused as refusal:
            self._row = refusal.row
            if refusal.answer is not None and refusal.answer.rule:
                head.rule = refusal.answer.rule
            self.refuse(refusal.status, refusal.flags, refusal.answer)
            return left
        except Held as held:
            self._row = held.row
            self._request = None
            self.request_bytes = 0
            Holding(self, held, rest).start()
            return b""
        self._row = lane.secured_row if endpoint.secured else lane.plain_row
        self._endpoint = endpoint
        endpoint.active += 1
        self._load = load
        load.requests += 1
        client.wheel.arm(client, self._started + lane.first_s)
        special = lane.special
        if special is not None:
            special.prepare(head)
        message = listener.request_head(client, head)
        if body:
            message += payload
            self._kept_size = len(payload)
        self._kept = [message]
        if special is not None:
            self._start_copy(special, payload)
            delay = special.delay_s(head)
            if delay:
                self._tries = Tries(lane, self._started + delay)
                asyncio.get_running_loop().call_later(delay, self._send_late)
                return left
        upstream = endpoint.take()
        if upstream is None:
            self._connect(endpoint)
        else:
            self._send(upstream, message)
        return left

    def request_data(self, data: bytes) -> bytes:
        """More from the client. Returns what is not this request's."""
        reader = self._request
        if reader is None:
            return data
        self._touched = self.client.wheel.now
        try:
            payload, left = self._read_request(reader, data)
        except BadMessage as error:
            self._head.rule = f"malformed:{error.reason}"
            self.fail(error.status, flags.DOWNSTREAM_PROTOCOL_ERROR)
            return b""
        if self._copy is not None:
            self._feed_copy(payload)
        if payload:
            self._upstream_write(payload)
        return left

    def _send_late(self) -> None:
        """After a delay that a fault put in."""
        endpoint = self._endpoint
        if self.over or endpoint is None:
            return
        upstream = endpoint.take()
        if upstream is None:
            self._connect(endpoint)
        else:
            self._resend(upstream)

    def _start_copy(self, special: Special, payload: bytes) -> None:
        self._copy = special.copied(self._head)
        if self._copy is not None:
            self._feed_copy(payload)

    def _feed_copy(self, payload: bytes) -> None:
        copy = self._copy
        assert copy is not None
        copy.feed(payload)
        if self._request is None:
            self._copy = None
            copy.send()

    def _read_request(self, reader: BodyReader, data: bytes) -> tuple[bytes, bytes]:
        """What to send of the body's next bytes, and what follows the body."""
        payload, left = reader.feed(data)
        self.request_bytes += len(payload)
        self._request = None if reader.done else reader
        if self._head.body == CHUNKED:
            payload = chunk(payload)
            if reader.done:
                payload += last_chunk(reader.trailers)
        return payload, left

    # --- the endpoint

    def upstream_eof(self) -> bool:
        return False

    def upstream_lost(self, connection: UpstreamConnection, *, clean: bool) -> None:
        """The connection is gone. Where the protocol allows, that is the response's end; else it is a failure."""
        self._upstream = None
        if clean and isinstance(self._response, CloseReader):
            self._response = None
            if self._chunk_response:
                self.client.transport.write(last_chunk(()))
            self._finish()
        elif self._code:
            self._judge(503)
            self.fail(503, flags.UPSTREAM_CONNECTION_CLOSED)
        elif connection.reused and connection.progress == SILENT:  # it idled out as we wrote: nobody's fault
            self._try_failed("reset-before-request", 503, flags.UPSTREAM_CONNECTION_CLOSED)
        else:
            self._try_failed("reset", 503, flags.UPSTREAM_CONNECTION_CLOSED)

    def hold_request(self) -> None:
        self.client.hold()

    def release_request(self) -> None:
        self.client.release()

    # --- the response

    def response_interim(self, head: ResponseHead) -> None:
        if self._head.minor == 1:
            self.client.transport.write(b"\r\n".join(head.lines) + b"\r\n\r\n")

    def response_head(self, head: ResponseHead, rest: bytes) -> None:
        status = head.status
        if status >= 500 or self._endpoint.watched:  # type: ignore[union-attr]  # it just answered
            self._judge(status)
        if status == 101:
            self._open_tunnel(head, rest)
            return
        if status >= 400 and status in self._lane.retry.sent and self._granted(status):
            self._leave(head, rest)
            self._retry(status)
            return
        self._kept = None
        self._code = status
        if self.client.port.recorder is not None:
            self._heard = head
            self._heard_at = monotonic()
        lines = head.lines
        special = self._lane.special
        if special is not None and special.edit_response is not None:
            special.edit_response(lines)
        body = head.body
        client = self.client
        if head.close:
            self._spend()
        if client.draining:
            self._client_close = True
        if body < 0:
            if self._head.minor == 0:
                self._client_close = True
            else:
                self._chunk_response = True
                lines.append(b"transfer-encoding: chunked")
        if self._client_close:
            lines.append(b"connection: close")
        elif self._head.minor == 0:
            lines.append(b"connection: keep-alive")
        lines.append(b"")
        if body >= 0 and len(rest) == body:  # all of it is here, as most are
            self.response_bytes = body
            lines.append(rest)
            client.transport.write(b"\r\n".join(lines))
            self._finish()
            return
        lines.append(b"")
        self._response = reader = body_reader(body)
        self._forward(reader, rest, b"\r\n".join(lines))

    def response_data(self, data: bytes) -> None:
        reader = self._response
        assert reader is not None
        self._touched = self.client.wheel.now
        try:
            self._forward(reader, data, b"")
        except BadMessage:
            self.fail(502, flags.UPSTREAM_PROTOCOL_ERROR)

    def response_malformed(self) -> None:
        self._code = 0  # a head is written only with the first of its body: the client saw nothing yet
        self._response = None
        self._try_failed("reset", 502, flags.UPSTREAM_PROTOCOL_ERROR)

    def _forward(self, reader: BodyReader, data: bytes, before: bytes) -> None:
        payload, left = reader.feed(data)
        self.response_bytes += len(payload)
        if self._chunk_response:
            payload = chunk(payload)
            if reader.done:
                payload += last_chunk(reader.trailers)
        if before or payload:
            self.client.transport.write(before + payload)
        if reader.done:
            self._response = None
            if left:  # bytes that nobody asked for: the connection cannot be trusted with another request
                self._spend()
            self._finish()

    def _spend(self) -> None:
        """This exchange is the last one on its upstream connection."""
        if self._upstream is not None:
            self._upstream.keep = False

    # --- the tunnel that it may become

    def _open_tunnel(self, head: ResponseHead, rest: bytes) -> None:
        upstream = self._upstream
        assert upstream is not None
        self.response_interim(head)
        self._kept = None
        self._code = 101
        self._client_close = True
        self._spend()
        tunnel = Tunnel(self, upstream, self._lane.idle_s)
        if rest:
            tunnel.response_data(rest)
        self.client.open_tunnel(tunnel)

    def tunnel_ended(self) -> None:
        """The endpoint's side is gone: so is the client's, when it has what was sent."""
        self._upstream = None
        self._finish()

    def tunnel_lost(self, why: str) -> None:
        """The client is gone, or kept silent for too long."""
        self._end(why)

    # --- the client, and time

    def client_eof(self) -> bool:
        """The client sends no more. True keeps its connection open for what it still receives."""
        return self._request is None

    def client_lost(self) -> None:
        if not self.over:
            self._end(flags.DOWNSTREAM_CLOSED)

    def expired(self) -> None:
        """The client's deadline came up; traffic may have put it off meanwhile."""
        now = monotonic()
        lane = self._lane
        if now >= self._started + lane.request_s:
            self._judge(504)
            self.fail(504, flags.UPSTREAM_TIMEOUT)
        elif now >= self._touched + lane.idle_s:
            self._judge(504)
            self.fail(504, flags.STREAM_IDLE_TIMEOUT)
        elif now >= self._try_deadline() and self._dial is None and self._request is not None:
            # It is the client that takes its time: the try counts from when its request is whole.
            self._tries = self._tries or Tries(lane, now)
            self._tries.since = now
            self._arm()
        elif now >= self._try_deadline():
            self._try_failed("try-timeout", 504, flags.UPSTREAM_TIMEOUT)
        else:
            self._arm()

    def hold(self) -> None:
        """Read no more of the response: the client takes no more."""
        if self._upstream is not None:
            pause(self._upstream.transport)

    def release(self) -> None:
        if self._upstream is not None:
            resume(self._upstream.transport)

    # --- the end

    def refuse(self, status: int, why: str, answer: Answer | None = None) -> None:
        """Answer without an endpoint. A client in the middle of a body, or of nonsense, is closed after it."""
        self._code = status
        nonsense = answer is None and status in (400, 431, 501)
        if self._request is not None or nonsense or self.client.draining:
            self._client_close = True
        head_only = self._head.method == b"HEAD"
        self.client.transport.write(reply(status, close=self._client_close, head_only=head_only, answer=answer))
        self._finish(why)

    def fail(self, status: int, why: str) -> None:
        """Give up on the endpoint: answer in its place, or cut the client off where it already answered in part."""
        self._drop_try()
        if self._code == 0:
            self.refuse(status, why)
            return
        self._end(why)
        self.client.cut(hard=isinstance(self._response, CloseReader) and not self._chunk_response)

    def _finish(self, why: str = "") -> None:
        """The response is whole."""
        self._end(why)
        self.client.finished(close=self._client_close or self._request is not None)

    def _end(self, why: str) -> None:
        """Count, and part with the endpoint."""
        self.over = True
        upstream, self._upstream = self._upstream, None
        endpoint = self._endpoint
        if endpoint is not None:
            endpoint.active -= 1
            if upstream is not None:
                self._part(endpoint, upstream, whole=not why)
            else:
                self._drop_try()
        if self._load is not None:
            self._load.requests -= 1
        if self._tries is not None:
            why = self._tries.end(why)
        now = monotonic()
        self._row.count(
            self._code,
            why,
            self.request_bytes,
            self.response_bytes,
            int((now - self._started) * 1_000_000),
        )
        recorder = self.client.port.recorder
        if recorder is not None:
            self._tell(recorder, why, now)

    def _tell(self, recorder: Recorder, why: str, now: float) -> None:
        recorder.ended(
            Ended(
                self.client,
                self._head,
                self._row,
                self._listener.kind,
                self._code,
                why,
                self._started,
                now,
                self.request_bytes,
                self.response_bytes,
                self._endpoint,
                self._tries,
                self._heard,
                self._heard_at,
            )
        )
