"""The three kinds of listener: what each makes of a connection and of a request.

``select`` decides where a request goes, ``request_head`` what of its head goes on. Everything else about serving is
the same for all and lives in ``proxies.net.server``.
"""

from __future__ import annotations

from functools import partial
from random import randbytes
from typing import TYPE_CHECKING, Final, Literal

from proxies.core import flags
from proxies.core.actions import Answer, settle, too_many
from proxies.core.errors import BadMessage
from proxies.core.head import RequestHead
from proxies.core.hosts import HostTable
from proxies.core.limits import OPEN, Gate
from proxies.core.shared import Question, Verdict
from proxies.core.trace import Ids
from proxies.net.access import Access, Inquiry
from proxies.net.catalog import Catalog, Passthrough
from proxies.net.cluster import Cluster, Source
from proxies.net.flow import Transport
from proxies.net.holding import Held
from proxies.net.lane import Lane
from proxies.net.members import Group
from proxies.net.metrics import Edge, Metrics, Row
from proxies.net.replies import Refused
from proxies.net.tls import ServerTls, TlsProtocol
from proxies.net.tracing import Tracer
from proxies.net.upstream import Endpoint
from proxies.net.wheel import NEVER

if TYPE_CHECKING:
    from proxies.net.server import ServerConnection

INBOUND_IDLE_S = 300.0
_IDS: Final = Ids(randbytes)


class Listener:
    """Common to all kinds. ``mark`` names this hop in ``Via``; ``unrouted`` counts what reached no service."""

    edge = False
    kind: Literal["server", "client"] = "client"
    """Of its spans."""

    def __init__(self, mark: str, unrouted: Row) -> None:
        self.mark = mark.encode()
        self.unrouted = unrouted
        self.tracer: Tracer | None = None
        """Of all listeners; None while tracing is off. Replaced when its settings change."""
        self._via = b"via: 1.1 " + self.mark

    def check(self, connection: ServerConnection, head: RequestHead) -> None:
        """Raises BadMessage for a request that may not be asked on this connection."""

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        """Raises Refused."""
        raise NotImplementedError

    def request_head(self, connection: ServerConnection, head: RequestHead) -> bytes:
        """The head to forward."""
        lines = head.lines
        lines.append(self._via)
        if not head.identified:
            lines.append(b"x-request-id: " + _IDS.request_id())
        if self.tracer is not None:
            self.tracer.carry(head)
        elif not head.traced:
            lines.append(b"traceparent: " + _IDS.traceparent())
        lines.append(b"\r\n")
        return b"\r\n".join(lines)


class Outbound(Listener):
    """The app's way out: a service by its host; any other host by the mesh's egress setting."""

    def __init__(self, mark: str, unrouted: Row, catalog: Catalog, passthrough: Passthrough | None) -> None:
        super().__init__(mark, unrouted)
        self._catalog = catalog
        self._passthrough = passthrough

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        cluster = self._catalog.by_host(head.host)
        if cluster is not None:
            return cluster.select(connection, head)
        if self._passthrough is None:
            raise Refused(502, flags.NO_ROUTE, self.unrouted)
        return self._passthrough.select(head)


class Gateway(Listener):
    """The edge: a service by the host that a stranger asks for. What strangers claim about themselves is dropped."""

    edge = True
    kind = "server"

    def __init__(self, mark: str, unrouted: Row, hosts: HostTable[Cluster]) -> None:
        super().__init__(mark, unrouted)
        self._hosts = hosts
        self.access: Access | None = None
        """By the gateway's policies; None where there are none. Replaced when they change."""

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        cluster = self._hosts.find(head.host)
        if self.access is not None:
            row = self.unrouted if cluster is None else cluster.unrouted
            inquiry = self.access.admit(connection, head, row)
            if inquiry is not None:
                raise Held(row, inquiry.ask, partial(self._admitted, inquiry, cluster, connection, head))
        return self._route(cluster, connection, head)

    def _admitted(
        self,
        inquiry: Inquiry,
        cluster: Cluster | None,
        connection: ServerConnection,
        head: RequestHead,
        refusal: Refused | None,
    ) -> tuple[Lane, Endpoint]:
        inquiry.settle(refusal)
        return self._route(cluster, connection, head)

    def _route(self, cluster: Cluster | None, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        if cluster is None:
            raise Refused(404, flags.NO_ROUTE, self.unrouted)
        return cluster.select(connection, head)

    def check(self, connection: ServerConnection, head: RequestHead) -> None:
        _check_name(connection.transport, head)

    def request_head(self, connection: ServerConnection, head: RequestHead) -> bytes:
        head.lines.append(connection.forwarded(head.host, head.port))
        return super().request_head(connection, head)


class Inbound(Listener):
    """In front of the app: everything goes to it, counted by who asks."""

    kind = "server"

    def __init__(
        self, mark: str, unrouted: Row, *, destination: Source, app: Endpoint, tls: ServerTls, metrics: Metrics
    ) -> None:
        super().__init__(mark, unrouted)
        self._destination = destination
        self._tls = tls
        self._metrics = metrics
        self._group = Group()
        self._app = app
        self._lanes: dict[tuple[str, bool], Lane] = {}
        self.gate = OPEN
        """Of the service's limits. Replaced when they change."""
        self.access: Access | None = None
        """By the service's policies; None where all may call. Replaced when they change."""

    def check(self, connection: ServerConnection, head: RequestHead) -> None:
        transport = connection.transport
        if isinstance(transport, TlsProtocol):
            _check_name(transport, head)
            if transport.session.context is not self._tls.context:
                connection.draining = True  # made under replaced credentials: the next one is under the new

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        lane = self._lanes.get((connection.source, connection.secured))
        if lane is None:
            lane = self._open_lane(connection.source, connection.secured)
        if self.access is not None:
            inquiry = self.access.admit(connection, head, lane.plain_row)
            if inquiry is not None:
                raise Held(lane.plain_row, inquiry.ask, partial(self._admitted, inquiry, lane, connection, head))
        if self.gate is not OPEN:
            self._pass(self.gate, lane, connection, head)
        return lane, self._app

    def _admitted(
        self,
        inquiry: Inquiry,
        lane: Lane,
        connection: ServerConnection,
        head: RequestHead,
        refusal: Refused | None,
    ) -> tuple[Lane, Endpoint]:
        inquiry.settle(refusal)
        if self.gate is not OPEN:
            self._pass(self.gate, lane, connection, head)
        return lane, self._app

    def _pass(self, gate: Gate, lane: Lane, connection: ServerConnection, head: RequestHead) -> None:
        """Raises Refused, Held."""
        over = gate.judge(head, connection) if gate.judge is not None else None
        if over is not None:
            answer = too_many(over)
            raise Refused(answer.status, answer.flag, lane.plain_row, answer)
        if gate.ask is not None:
            question, put = gate.ask(head, connection)
            raise Held(lane.plain_row, put, partial(self._decided, lane, question))

    def _decided(self, lane: Lane, question: Question, verdict: Verdict | None) -> tuple[Lane, Endpoint]:
        try:
            settle(question, verdict)
        except Answer as answer:
            raise Refused(answer.status, answer.flag, lane.plain_row, answer) from None
        return lane, self._app

    def _open_lane(self, source: str, secured: bool) -> Lane:
        row = self._metrics.row(Edge("destination", source, "", *self._destination, "", "http", secured))
        # No request timeout here: it is the caller's route that says how long a request may take.
        lane = Lane(self._group, row, row, self._app.load, request_s=NEVER, idle_s=INBOUND_IDLE_S)
        self._lanes[source, secured] = lane
        return lane


def _check_name(transport: Transport, head: RequestHead) -> None:
    """The name in the handshake chose a certificate, or a server: a request may not go elsewhere under it."""
    if isinstance(transport, TlsProtocol):
        name = transport.requested_name
        if name is not None and name.lower().encode() != head.host:
            raise BadMessage("server name and host differ", 421)
