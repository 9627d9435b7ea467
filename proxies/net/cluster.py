"""A service as this proxy calls it: compiled routes, groups of endpoints by version, and their counters' rows.

Resources arrive in any order and are swapped by reference: routes may name versions whose endpoints are not known
yet (no healthy upstream, until they are). Connections of endpoints that stay survive every change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import random
from typing import TYPE_CHECKING, NamedTuple

from proxies.core import flags
from proxies.core.balance import least_request
from proxies.core.head import RequestHead
from proxies.core.match import Matcher
from proxies.core.routes import compile_routes
from proxies.core.split import compile_split
from proxies.net.metrics import UNKNOWN, Edge, Metrics, Row
from proxies.net.replies import Refused
from proxies.net.tls import ClientTls
from proxies.net.upstream import Endpoint
from proxies.net.wheel import NEVER, Wheel
from proxies.wire.resources import Endpoint as EndpointSpec
from proxies.wire.resources import EndpointsBody, ServiceBody, WeightedVersion

if TYPE_CHECKING:
    from proxies.net.server import ServerConnection


class Source(NamedTuple):
    """Who this proxy is as a source of traffic."""

    service: str = UNKNOWN
    version: str = ""


class Group:
    """The usable endpoints of one version. ``choose`` is replaced whole when they change."""

    __slots__ = ("choose",)

    def __init__(self) -> None:
        self.choose: Callable[[], Endpoint | None] = least_request((), random)


class Lane:
    """A way that a request can take: a group of endpoints under one route's timeouts, and where it is counted."""

    __slots__ = ("group", "idle_s", "plain_row", "request_s", "secured_row")

    def __init__(
        self, group: Group, plain_row: Row, secured_row: Row, *, request_s: float = NEVER, idle_s: float
    ) -> None:
        self.group = group
        self.plain_row = plain_row
        self.secured_row = secured_row
        self.request_s = request_s
        self.idle_s = idle_s


class _Route(NamedTuple):
    matches: Matcher | None
    choose: Callable[[float], Lane | None]
    row: Row


class Cluster:
    def __init__(self, name: str, wheel: Wheel, metrics: Metrics, tls: ClientTls) -> None:
        self.name = name
        self.body: ServiceBody | None = None
        self._wheel = wheel
        self._metrics = metrics
        self._tls = tls
        self._routes: list[_Route] = []
        self._groups: dict[str, Group] = {}
        self._specs: list[EndpointSpec] = []
        self._endpoints: dict[tuple[str, str, int, bool], Endpoint] = {}
        self._unrouted = self._row(Source(), "", "", secured=False)

    def select(self, connection: ServerConnection, head: RequestHead) -> tuple[Lane, Endpoint]:
        """The lane and the endpoint for a request. Raises Refused."""
        for matches, choose, row in self._routes:
            if matches is None or matches(head):
                lane = choose(random())  # noqa: S311
                if lane is None:
                    raise Refused(503, flags.NO_HEALTHY_UPSTREAM, row)
                endpoint = lane.group.choose()
                if endpoint is None:
                    raise Refused(503, flags.NO_HEALTHY_UPSTREAM, lane.plain_row)
                return lane, endpoint
        if self.body is None:
            raise Refused(503, flags.NO_CLUSTER, self._unrouted)
        raise Refused(404, flags.NO_ROUTE, self._unrouted)

    def update(self, body: ServiceBody, source: Source) -> None:
        """Compile the client's view and swap it in. Raises BadMessage for a route that cannot be compiled."""
        routes = [
            _Route(
                matches,
                self._split(
                    route.split or body.split,
                    source,
                    route.name,
                    route.timeouts.request_ms / 1000,
                    route.timeouts.idle_ms / 1000,
                ),
                self._row(source, "", route.name, secured=False),
            )
            for matches, route in compile_routes(body.routes, source.service)
        ]
        self._unrouted = self._row(source, "", "", secured=False)
        self.body = body
        self._routes = routes
        self._place()

    def update_endpoints(self, body: EndpointsBody) -> None:
        """Take a new list of instances. Exchanges on removed ones finish."""
        self._specs = body.endpoints
        self._place()

    def remove(self) -> None:
        """Forget the client's view; requests under way finish."""
        self.body = None
        self._routes = []

    def endpoints(self) -> Iterator[Endpoint]:
        return iter(self._endpoints.values())

    def _split(
        self, split: list[WeightedVersion], source: Source, route: str, request_s: float, idle_s: float
    ) -> Callable[[float], Lane | None]:
        def lane(version: str) -> Lane:
            return Lane(
                self._groups.setdefault(version, Group()),
                self._row(source, version, route, secured=False),
                self._row(source, version, route, secured=True),
                request_s=request_s,
                idle_s=idle_s,
            )

        return compile_split(split, lane)

    def _place(self) -> None:
        """Bring endpoints and groups in line with the bodies."""
        identity = self.body.identity if self.body is not None else ""
        timeout_s = (self.body.connect_timeout_ms if self.body is not None else 1_000) / 1000
        kept: dict[tuple[str, str, int, bool], Endpoint] = {}
        members: dict[str, list[Endpoint]] = {}
        for spec in self._specs:
            key = (spec.id, spec.address, spec.port, spec.tls)
            endpoint = self._endpoints.pop(key, None)
            if endpoint is not None and endpoint.identity != identity and spec.tls:
                endpoint.retire()
                endpoint = None
            if endpoint is None:
                endpoint = Endpoint(
                    self._wheel, spec.address, spec.port, tls=self._tls if spec.tls else None, identity=identity
                )
            endpoint.weight = spec.weight
            endpoint.connect_timeout_s = timeout_s
            endpoint.retired = spec.draining
            kept[key] = endpoint
            if spec.healthy and not spec.draining:
                members.setdefault(spec.version, []).append(endpoint)
        for version in {*members, *self._groups}:
            self._groups.setdefault(version, Group()).choose = least_request(members.get(version, ()), random)
        for endpoint in self._endpoints.values():
            endpoint.retire()
        self._endpoints = kept

    def _row(self, source: Source, version: str, route: str, *, secured: bool) -> Row:
        return self._metrics.row(Edge("source", *source, self.name, version, route, "http", secured))
