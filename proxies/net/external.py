"""Asking a service of the mesh whether a request may go on, as an external policy wants it.

The question has the request's head without its body, as in Envoy's ``ext_authz`` over HTTP. It is sent as any request
of this proxy is: to the service's endpoints, by its routes, over mTLS. Only listeners whose policies ask come here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from proxies.core import fields, flags
from proxies.core.actions import Answer
from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead, ResponseHead, read_request
from proxies.net.call import Call
from proxies.net.holding import Held
from proxies.net.metrics import UNKNOWN
from proxies.net.replies import Refused
from proxies.wire.policies import ExternalCheck, Policy

if TYPE_CHECKING:
    from proxies.net.cluster import Cluster
    from proxies.net.lane import Lane
    from proxies.net.server import ServerConnection
    from proxies.net.upstream import Endpoint
    from proxies.net.wheel import Wheel

MAX_BODY: Final = 64 * 1024
"""Of an answer's body; a longer answer is none."""
SOURCE: Final = b"x-meshui-source"
"""Who calls, as far as it is proved; the check's own word."""
_ALWAYS: Final = (b"via", b"x-request-id", b"traceparent", b"tracestate")
"""Fields of the request that a question has too: it belongs to the same trace, and may not go round in circles."""
_OWN: Final = {b"content-length", b"transfer-encoding", b"connection", b"server", SOURCE}


class Outcome(NamedTuple):
    """``lines`` are fields that the request goes on with. ``answer`` is what the client gets in its place, if it may
    not pass; ``failed`` says that nobody answered."""

    passed: bool
    lines: Sequence[bytes] = ()
    answer: Answer | None = None
    failed: bool = False


Then = Callable[[Outcome], None]


class External:
    """One policy's check, compiled."""

    def __init__(self, policy: Policy, check: ExternalCheck, cluster: Cluster, wheel: Wheel) -> None:
        self.policy = policy.name
        self.enforced = policy.mode == "enforce"
        self.wheel = wheel
        self.timeout_s = check.timeout_ms / 1000
        self._on_error = Outcome(check.on_error == "allow", failed=True)
        self._cluster = cluster
        self._prefix = check.path_prefix.encode()
        self._asked = frozenset((*_ALWAYS, *(name.encode() for name in check.request_headers)))
        self._added = frozenset(name.encode() for name in check.response_headers)

    def ask(self, connection: ServerConnection, head: RequestHead, then: Then) -> None:
        """Whether the request may go on; maybe at once."""
        try:
            question = read_request(b"\r\n".join(self._question(connection, head)))
            lane, endpoint = self._cluster.select(connection, question)
        except (BadMessage, Refused, Held):
            # A question that the mesh answers itself, or would have to hold, is not answered by whom it is for.
            then(self._on_error)
            return
        load = lane.load
        if load.requests >= load.max_requests:
            load.overflow("requests")
            then(self._on_error)
            return
        _Question(self, lane, question.method, then).start(
            endpoint, b"\r\n".join(question.lines) + b"\r\n\r\n", self.timeout_s
        )

    def judge(self, status: int, lines: Sequence[bytes], body: bytes | None) -> Outcome:
        """What an answer means; without a ``body`` there was none that counts."""
        if body is None or status < 200 or status >= 500:
            return self._on_error
        if status < 300:
            return Outcome(True, [line for line in lines if _name(line) in self._added])
        kept = [line for line in lines if _name(line) not in _OWN]
        return Outcome(False, answer=Answer(status, flags.ACCESS_DENIED, kept, body))

    def add(self, head: RequestHead, lines: Sequence[bytes]) -> None:
        """Have the request go on with what an answer added: no other word in these fields counts."""
        if self._added:
            head.lines[1:] = [*fields.without(head.lines[1:], set(self._added)), *lines]

    def _question(self, connection: ServerConnection, head: RequestHead) -> list[bytes]:
        method, target, _ = head.lines[0].split(b" ", 2)
        host = head.host if head.port is None else b"%b:%d" % (head.host, head.port)
        lines = [
            b"%b %b HTTP/1.1" % (method, self._prefix + (b"/" if target == b"*" else target)),
            b"host: " + host,
            b"x-forwarded-for: " + connection.peer_address(),
        ]
        if connection.source not in ("", UNKNOWN):
            lines.append(SOURCE + b": " + connection.source.encode())
        if method not in (b"GET", b"HEAD"):
            lines.append(b"content-length: 0")
        lines += [line for line in head.lines[1:] if _name(line) in self._asked and _name(line) not in _OWN]
        lines.append(b"via: 1.1 " + connection.port.listener.mark)  # a question that comes back here goes round
        return lines


class _Question(Call):
    """One check of one request."""

    __slots__ = ("_body", "_external", "_lane", "_lines", "_then")

    def __init__(self, external: External, lane: Lane, method: bytes, then: Then) -> None:
        super().__init__(external.wheel, method)
        self._external = external
        self._lane = lane
        self._then = then
        self._lines: Sequence[bytes] = ()
        self._body = b""

    def start(self, endpoint: Endpoint, message: bytes, deadline_s: float) -> None:
        self._lane.load.requests += 1
        super().start(endpoint, message, deadline_s)

    def answered(self, head: ResponseHead) -> None:
        self._lines = head.lines[1:]

    def received(self, payload: bytes) -> None:
        self._body += payload
        if len(self._body) > MAX_BODY:
            raise BadMessage("the answer to a check is too long")

    def ended(self, status: int, why: str, microseconds: int) -> None:
        lane, endpoint = self._lane, self._endpoint
        lane.load.requests -= 1
        row = lane.secured_row if endpoint.secured else lane.plain_row
        row.count(status, why, 0, len(self._body), microseconds)
        if endpoint.owner is not None and (status >= 500 or endpoint.watched):
            endpoint.owner.judge(status, microseconds / 1_000_000)
        self._then(self._external.judge(status, self._lines, None if why else self._body))


def _name(line: bytes) -> bytes:
    return line.partition(b":")[0].lower()
