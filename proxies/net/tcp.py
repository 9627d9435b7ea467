"""Where the connections of TCP services go: from the app to one of a service's endpoints, and from others to the app.

Owns the choice and the rows it is counted in; ``proxies.net.relay`` carries the bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import random
from typing import TYPE_CHECKING, Protocol

from proxies.core import flags
from proxies.core.maglev import key_hash
from proxies.core.tcp import CONNECT_TRIES, compile_shares
from proxies.net.access import Access
from proxies.net.members import Group
from proxies.net.metrics import UNKNOWN, Edge, Metrics, Row
from proxies.net.relay import NoWay, TcpConnection
from proxies.net.upstream import Endpoint
from proxies.wire.resources import TCP_IDLE_MS, ServiceBody

if TYPE_CHECKING:
    from proxies.net.cluster import Cluster, Source


class Path:
    """A group of endpoints for connections, and where those are counted. ``tries`` are the endpoints that one is tried
    at, ``idle_s`` the silence that ends it."""

    __slots__ = ("_group", "_source", "idle_s", "plain_row", "secured_row", "tries")

    def __init__(
        self, group: Group, source: str, plain_row: Row, secured_row: Row, *, tries: int, idle_s: float
    ) -> None:
        self._group = group
        self._source = source
        self.plain_row = plain_row
        self.secured_row = secured_row
        self.tries = tries
        self.idle_s = idle_s

    def endpoint(self, connection: TcpConnection, tried: Sequence[Endpoint]) -> Endpoint:
        """One that was not tried yet. Raises NoWay where there is none."""
        group = self._group
        if tried:
            found = group.another(tried)
        elif group.pick is not None:
            # The address alone would be the same for every app that calls over loopback.
            found = group.pick(key_hash(f"{self._source} {connection.peer_address}".encode()))
        else:
            found = group.choose()
        if found is None or found in tried:
            raise NoWay(flags.NO_HEALTHY_UPSTREAM, self.plain_row)
        return found


class Way(Protocol):
    """What a port asks for each connection."""

    def path(self, connection: TcpConnection) -> Path:
        """Raises NoWay."""


class Forwarding:
    """A TCP service compiled: a path for each version, and the choice among them."""

    def __init__(self, name: str, body: ServiceBody, source: Source, group_of: GroupOf, metrics: Metrics) -> None:
        def row(version: str, *, secured: bool) -> Row:
            return metrics.row(Edge("source", *source, name, version, "", "tcp", secured))

        def path(version: str) -> Path:
            rows = row(version, secured=False), row(version, secured=True)
            idle_s = body.idle_timeout_ms / 1000
            return Path(group_of(version), source.service, *rows, tries=CONNECT_TRIES, idle_s=idle_s)

        self._choose = compile_shares(body.split, path, random)
        self._unrouted = row("", secured=False)

    def path(self) -> Path:
        """Raises NoWay."""
        path = self._choose()
        if path is None:
            raise NoWay(flags.NO_HEALTHY_UPSTREAM, self._unrouted)
        return path


class GroupOf(Protocol):
    def __call__(self, version: str, /) -> Group: ...


class ToService:
    """The app's way out to one service, as that is at the time of each connection."""

    def __init__(self, cluster: Cluster, source: Source, metrics: Metrics) -> None:
        self._cluster = cluster
        self._unknown = metrics.row(Edge("source", *source, cluster.name, "", "", "tcp", False))

    def path(self, connection: TcpConnection) -> Path:
        forwarding = self._cluster.forwarding
        if forwarding is None:  # not known yet, or no tcp service
            raise NoWay(flags.NO_CLUSTER, self._unknown)
        return forwarding.path()


class ToApp:
    """In front of the app: what may come goes to it, counted by who connects. ``idle_s`` and ``access`` may be
    replaced at any time."""

    def __init__(self, destination: Source, app: Endpoint, metrics: Metrics) -> None:
        self.idle_s = TCP_IDLE_MS / 1000
        self.access: Access | None = None
        self._destination = destination
        self._metrics = metrics
        self._group = Group()
        self._group.choose = lambda: app

    def path(self, connection: TcpConnection) -> Path:
        source = connection.source or UNKNOWN
        edge = Edge("destination", source, "", *self._destination, "", "tcp", connection.secured)
        row = self._metrics.row(edge)
        if self.access is not None and not self.access.admits_connection(connection):
            raise NoWay(flags.ACCESS_DENIED, row)
        return Path(self._group, source, row, row, tries=1, idle_s=self.idle_s)
