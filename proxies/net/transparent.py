"""The listener to which an app's connections are redirected: what each of them speaks, and where it goes.

HTTP is routed by its Host, as on any outbound listener; a host of no service goes to where the app meant to connect.
Anything else goes there too, or to the TCP service that is meant by that address. Without egress, nothing leaves the
mesh. An app that connects here itself uses the listener as a proxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.head import RequestHead
from proxies.core.sniff import speaks_http
from proxies.net.catalog import Catalog, Passthrough
from proxies.net.flow import Receiver, Transport, as_protocol
from proxies.net.lane import Lane
from proxies.net.listeners import Outbound
from proxies.net.members import Group
from proxies.net.metrics import Metrics, Row
from proxies.net.original import original_destination
from proxies.net.ports import Port
from proxies.net.relay import NoWay, TcpConnection
from proxies.net.replies import Refused
from proxies.net.server import ServerConnection
from proxies.net.tcp import Path, Way
from proxies.net.tls import ServerTls
from proxies.net.upstream import Endpoint
from proxies.net.wheel import Timer, Wheel
from proxies.wire.resources import TCP_IDLE_MS

if TYPE_CHECKING:
    from proxies.net.cluster import Source

SILENT_S = 1.0
"""A client that says nothing for so long waits for the server to speak first: that is not HTTP."""


class TransparentOutbound(Outbound):
    """As ``Outbound``; a host outside the mesh is where the app meant to connect, whatever its name."""

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        cluster = self._catalog.by_host(head.host)
        if cluster is not None:
            return cluster.select(connection, head)
        if self._passthrough is None:
            raise Refused(502, flags.NO_ROUTE, self.unrouted)
        meant = original_destination(connection.transport)
        return self._passthrough.select(head) if meant is None else self._passthrough.to(*meant)


class ToOriginal:
    """Where a connection that is not HTTP goes."""

    def __init__(self, catalog: Catalog, passthrough: Passthrough | None, source: Source, row: Row) -> None:
        """Without ``passthrough`` nothing leaves the mesh; ``row`` counts what does, or would."""
        self._catalog = catalog
        self._passthrough = passthrough
        self._source = source
        self._row = row

    def path(self, connection: TcpConnection) -> Path:
        meant = original_destination(connection.transport)
        if meant is None:  # somebody speaks something else to the proxy itself
            raise NoWay(flags.NO_ROUTE, self._row)
        cluster = self._catalog.tcp_cluster_for(*meant)
        if cluster is not None and cluster.forwarding is not None:
            return cluster.forwarding.path()
        if self._passthrough is None:
            raise NoWay(flags.NO_ROUTE, self._row)
        _, endpoint = self._passthrough.to(*meant)
        group = Group()
        group.choose = lambda: endpoint
        return Path(group, self._source.service, self._row, self._row, tries=1, idle_s=TCP_IDLE_MS / 1000)


class TransparentPort(Port):
    """A port for both: ``listener`` takes the requests, ``way`` the other connections."""

    way: Way
    catalog: Catalog

    def __init__(
        self, address: str, port: int, wheel: Wheel, metrics: Metrics, tls: ServerTls, *, shared: bool = False
    ) -> None:
        super().__init__(address, port, wheel, metrics, tls, shared=shared)
        self._parts = (wheel, metrics)

    def speak_http(self) -> ServerConnection:
        return ServerConnection(self, *self._parts)

    def speak_tcp(self) -> TcpConnection:
        return TcpConnection(self, self._parts[0])

    def _receiver(self) -> Receiver:
        return Unread(self, self._parts[0])


class Unread(Timer):
    """A connection of which is not known yet what it speaks."""

    __slots__ = ("_buffer", "_port", "_wheel", "secured", "source", "transport")

    transport: Transport

    def __init__(self, port: TransparentPort, wheel: Wheel) -> None:
        super().__init__()
        self.source = ""
        self.secured = False
        self._port = port
        self._wheel = wheel
        self._buffer = b""

    def drain(self) -> None:
        """What it is about to say is heard first; the port cuts it off when the time is over."""

    def connection_made(self, transport: Transport) -> None:
        self.transport = transport
        self._port.opened(self)
        meant = original_destination(transport)
        if meant is None:
            self._become(self._port.speak_http())
        elif self._port.catalog.tcp_cluster_for(*meant) is not None:
            self._become(self._port.speak_tcp())
        else:
            self._wheel.arm(self, self._wheel.now + SILENT_S)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        http = speaks_http(self._buffer)
        if http is not None:
            self._become(self._port.speak_http() if http else self._port.speak_tcp())

    def eof_received(self) -> bool:
        other = self._port.speak_tcp()
        self._become(other)
        return other.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        self._wheel.disarm(self)
        self._port.closed(self)

    def pause_writing(self) -> None:
        """Nothing is written yet."""

    def resume_writing(self) -> None:
        """As ``pause_writing``."""

    def expire(self) -> None:
        """The wheel: it said nothing, or not enough to be told apart."""
        self._become(self._port.speak_tcp())

    def _become(self, other: ServerConnection | TcpConnection) -> None:
        self._wheel.disarm(self)
        self._port.closed(self)
        self.transport.set_protocol(as_protocol(other))  # type: ignore[attr-defined]  # plain TCP's has it
        other.connection_made(self.transport)
        if self._buffer and not self.transport.is_closing():
            other.data_received(self._buffer)
