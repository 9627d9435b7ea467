"""The services that this proxy can call: clusters by name and by host, and the ways to hosts outside the mesh."""

from __future__ import annotations

from collections.abc import Iterator

from proxies.core.breaker import Load
from proxies.core.head import RequestHead
from proxies.core.hosts import HostTable
from proxies.core.limits import Gates
from proxies.net.cluster import Cluster, Source
from proxies.net.lane import Lane
from proxies.net.members import Group
from proxies.net.metrics import UNKNOWN, Edge, Metrics
from proxies.net.tls import ClientTls
from proxies.net.upstream import Endpoint
from proxies.net.wheel import Wheel
from proxies.wire.reports import ServiceState
from proxies.wire.resources import EndpointsBody, ServiceBody
from proxies.wire.routing import Timeouts

MAX_PASSTHROUGH = 256


class Catalog:
    """Clusters are made when they are first named, by whichever resource comes first, and filled as others arrive."""

    def __init__(self, wheel: Wheel, metrics: Metrics, tls: ClientTls, gates: Gates) -> None:
        self._wheel = wheel
        self._metrics = metrics
        self._tls = tls
        self._gates = gates
        self._clusters: dict[str, Cluster] = {}
        self._source = Source()
        self._locality = ""
        self.by_host = HostTable[Cluster](()).find
        """The cluster for a host in lower case without port, or None. Replaced whole when services change."""

    def cluster(self, name: str) -> Cluster:
        found = self._clusters.get(name)
        if found is None:
            found = self._clusters[name] = Cluster(name, self._wheel, self._metrics, self._tls, self._gates)
        return found

    def tcp_cluster_for(self, address: str, port: int) -> Cluster | None:
        """The TCP service that a connection to this IP address and port means: one of its endpoints', or an endpoint's
        address at the service's own port. None where there is none, or more than one by the latter."""
        by_port = []
        for cluster in self._clusters.values():
            if cluster.forwarding is not None and cluster.body is not None:
                here = [endpoint.port for endpoint in cluster.members if endpoint.address == address]
                if port in here:
                    return cluster
                if here and port == cluster.body.port:
                    by_port.append(cluster)
        return by_port[0] if len(by_port) == 1 else None

    def update_service(self, name: str, body: ServiceBody) -> None:
        self.cluster(name).update(body, self._source, self._locality)
        self._rebuild_hosts()

    def update_endpoints(self, name: str, body: EndpointsBody) -> None:
        self.cluster(name).members.update_endpoints(body.endpoints)

    def remove_service(self, name: str) -> None:
        self.cluster(name).remove()
        self._rebuild_hosts()

    def set_source(self, source: Source, locality: str) -> None:
        """Count as this source, and be in this place, from now on."""
        if (source, locality) != (self._source, self._locality):
            self._source = source
            self._locality = locality
            for cluster in self._clusters.values():
                if cluster.body is not None:
                    cluster.update(cluster.body, source, locality)

    def loads(self) -> Iterator[tuple[str, Load]]:
        """The services, and the work under way for each."""
        return ((name, cluster.load) for name, cluster in self._clusters.items())

    def states(self) -> list[ServiceState]:
        """Those of services that something is open with, or that have an endpoint left out."""
        found = (cluster.state() for cluster in self._clusters.values())
        return [state for state in found if state != ServiceState(state.service)]

    def sweep(self) -> None:
        """Close connections that idled out."""
        for cluster in self._clusters.values():
            for endpoint in cluster.members:
                endpoint.sweep()

    def close(self) -> None:
        for cluster in self._clusters.values():
            cluster.members.close()

    def _rebuild_hosts(self) -> None:
        self.by_host = HostTable(
            (host, cluster)
            for _, cluster in sorted(self._clusters.items())
            if cluster.body is not None
            for host in cluster.body.hosts
        ).find


class Passthrough:
    """Requests to hosts outside the mesh, sent where their Host says. Keeps connections for the most recent hosts."""

    def __init__(self, wheel: Wheel, metrics: Metrics, source: Source) -> None:
        self._wheel = wheel
        row = metrics.row(Edge("source", *source, UNKNOWN, "", "", "http", False))
        timeouts = Timeouts()
        self._load = Load()
        self._lane = Lane(
            Group(), row, row, self._load, request_s=timeouts.request_ms / 1000, idle_s=timeouts.idle_ms / 1000
        )
        self._endpoints: dict[tuple[str, int], Endpoint] = {}

    def select(self, head: RequestHead) -> tuple[Lane, Endpoint]:
        return self.to(head.host.decode().strip("[]"), head.port or 80)

    def to(self, host: str, port: int) -> tuple[Lane, Endpoint]:
        """The way to a name or address."""
        key = (host, port)
        endpoint = self._endpoints.pop(key, None)
        if endpoint is None:
            if len(self._endpoints) >= MAX_PASSTHROUGH:
                self._endpoints.pop(next(iter(self._endpoints))).retire()
            endpoint = Endpoint(self._wheel, host, port, load=self._load, connect_timeout_s=5.0)
        self._endpoints[key] = endpoint
        return self._lane, endpoint

    def sweep(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.sweep()

    def close(self) -> None:
        for endpoint in self._endpoints.values():
            endpoint.retire()
