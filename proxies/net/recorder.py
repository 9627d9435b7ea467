"""What is told of a request when it is over, beside its counts: its span, its record in the log, its copy for a tap.

A port has a recorder only while somebody wants one of these: at other times requests do nothing for it.
"""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Literal

from proxies.core.redact import header_text, text
from proxies.core.trace import trace_of
from proxies.net.tls import STRANGER, TlsProtocol
from proxies.net.tracing import endpoint_name
from proxies.wire.logs import LogRecord

if TYPE_CHECKING:
    from proxies.core.head import RequestHead, ResponseHead
    from proxies.net.access_log import AccessLog
    from proxies.net.flow import Transport
    from proxies.net.metrics import Row
    from proxies.net.relay import TcpConnection
    from proxies.net.server import ServerConnection
    from proxies.net.taps import Taps
    from proxies.net.tracing import Tracer
    from proxies.net.tries import Tries
    from proxies.net.upstream import Endpoint

MAX_HOST = 128
MAX_PATH = 256
MAX_AGENT = 200
MAX_RULE = 160
_ESTABLISHED = 200


class Ended:
    """A request that is over. Times are by ``monotonic``; ``code`` is 0 where no response was sent. ``heard`` is the
    head of the response that the client got from upstream, None where it got none, and ``heard_at`` when it came."""

    __slots__ = (
        "at",
        "client",
        "code",
        "endpoint",
        "flags",
        "head",
        "heard",
        "heard_at",
        "kind",
        "request_bytes",
        "response_bytes",
        "row",
        "started",
        "tries",
    )

    def __init__(
        self,
        client: ServerConnection,
        head: RequestHead,
        row: Row,
        kind: Literal["server", "client"],
        code: int,
        flags: str,
        started: float,
        at: float,
        request_bytes: int,
        response_bytes: int,
        endpoint: Endpoint | None,
        tries: Tries | None,
        heard: ResponseHead | None,
        heard_at: float,
    ) -> None:
        self.client = client
        self.head = head
        self.row = row
        self.kind = kind
        self.code = code
        self.flags = flags
        self.started = started
        self.at = at
        self.request_bytes = request_bytes
        self.response_bytes = response_bytes
        self.endpoint = endpoint
        self.tries = tries
        self.heard = heard
        self.heard_at = heard_at

    def record(self) -> LogRecord:
        """For the log, and for taps."""
        head, lines, mark = self.head, self.head.lines, self.head.mark
        return LogRecord(
            _epoch_us(self.started),
            _us(self.at - self.started),
            self.kind,
            *self.row.edge,
            text(self.client.peer_address(), MAX_HOST),
            _identity(self.client.transport),
            self.code,
            self.flags,
            rule=head.ruling[:MAX_RULE],
            request_bytes=self.request_bytes,
            response_bytes=self.response_bytes,
            endpoint=endpoint_name(self.endpoint),
            tries=0 if self.endpoint is None else 1 + (len(self.tries.failed) if self.tries is not None else 0),
            first_byte_us=_us(self.heard_at - self.started) if self.heard is not None else -1,
            method=text(head.method, MAX_HOST),
            host=text(head.host, MAX_HOST),
            path=text(head.path, MAX_PATH),
            trace_id=mark.trace_id if mark is not None and mark.sampled else trace_of(lines),
            request_id=header_text(lines, b"x-request-id", MAX_HOST),
            user_agent=header_text(lines, b"user-agent", MAX_AGENT),
        )


class Recorder:
    """Tells those who want to be told."""

    def __init__(self, tracer: Tracer | None, log: AccessLog | None, taps: Taps | None) -> None:
        self._tracer = tracer
        self._log = log
        self._taps = taps

    def ended(self, request: Ended) -> None:
        """A request is over."""
        if self._tracer is not None:
            self._tracer.ended(request)
        log = self._log
        if log is not None and log.wants(request.code, request.flags, request.head.lines):
            log.write(request.record())
        if self._taps is not None:
            self._taps.ended(request)

    def malformed(self, client: ServerConnection, code: int, flags: str, reason: str) -> None:
        """Bytes that are no request were answered with this code."""
        if self._log is not None:
            listener = client.port.listener
            self._log.write(
                LogRecord(
                    _epoch_us(monotonic()),
                    0,
                    listener.kind,
                    *listener.unrouted.edge,
                    text(client.peer_address(), MAX_HOST),
                    _identity(client.transport),
                    code,
                    flags,
                    rule=f"malformed:{reason}"[:MAX_RULE],
                )
            )

    def connection_ended(self, connection: TcpConnection, row: Row, flags: str, endpoint: Endpoint | None) -> None:
        """A connection of a TCP service is over."""
        code = _ESTABLISHED if connection.established else 0
        if self._log is not None and self._log.wants(code, flags, []):
            self._log.write(
                LogRecord(
                    _epoch_us(connection.since),
                    _us(monotonic() - connection.since),
                    "server" if row.edge.reporter == "destination" else "client",
                    *row.edge,
                    text(connection.peer_address.encode(), MAX_HOST),
                    _identity(connection.transport),
                    code,
                    flags,
                    rule=connection.rule[:MAX_RULE],
                    request_bytes=connection.sent,
                    response_bytes=connection.received,
                    endpoint=endpoint_name(endpoint),
                    tries=len(connection.tried) + (endpoint is not None),
                )
            )


def _identity(transport: Transport) -> str:
    """The SPIFFE id that the peer proved; empty where it proved none."""
    if isinstance(transport, TlsProtocol) and transport.peer != STRANGER:
        return transport.peer
    return ""


def _epoch_us(at: float) -> int:
    """A time of ``monotonic`` as Unix microseconds."""
    return int((time() - monotonic() + at) * 1_000_000)


def _us(seconds: float) -> int:
    return max(0, int(seconds * 1_000_000))
