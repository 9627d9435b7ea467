"""A service as this proxy calls it: compiled routes, groups of endpoints by version, and their counters' rows.

Resources arrive in any order and are swapped by reference: routes may name versions whose endpoints are not known
yet (no healthy upstream, until they are). Connections of endpoints that stay survive every change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import random
from secrets import token_urlsafe
from typing import TYPE_CHECKING, NamedTuple

from proxies.core import flags
from proxies.core.actions import Answer, Choice, Means, compile_choice, sticky_key
from proxies.core.breaker import Load
from proxies.core.head import RequestHead
from proxies.core.limits import Gates
from proxies.core.maglev import key_hash
from proxies.core.match import Matcher
from proxies.core.retry import compile_retry
from proxies.core.routes import compile_routes
from proxies.core.shared import Undecided, Verdict
from proxies.core.told import Compared, compared_by
from proxies.net.holding import Held
from proxies.net.lane import Lane
from proxies.net.members import Group, Members
from proxies.net.metrics import UNKNOWN, Edge, Metrics, Row
from proxies.net.mirror import Mirror
from proxies.net.replies import Refused
from proxies.net.special import Special
from proxies.net.tcp import Forwarding
from proxies.net.tls import ClientTls
from proxies.net.upstream import Endpoint
from proxies.net.wheel import NEVER, Wheel
from proxies.wire.reports import ServiceState
from proxies.wire.resources import ServiceBody
from proxies.wire.routing import Route, Sticky, WeightedVersion

if TYPE_CHECKING:
    from proxies.net.server import ServerConnection


_MEANS = Means(rng=random, new_id=lambda: token_urlsafe(18).encode())


class Source(NamedTuple):
    """Who this proxy is as a source of traffic."""

    service: str = UNKNOWN
    version: str = ""


class _Route(NamedTuple):
    matches: Matcher | None
    choose: Choice[Lane]
    row: Row


class Cluster:
    def __init__(self, name: str, wheel: Wheel, metrics: Metrics, tls: ClientTls, gates: Gates) -> None:
        self.name = name
        self.body: ServiceBody | None = None
        self.load = Load()
        self._wheel = wheel
        self._gates = gates
        self.members = Members(wheel, tls, self.load)
        self._metrics = metrics
        self._routes: list[_Route] = []
        self.forwarding: Forwarding | None = None
        """How its connections are carried on, where the service's protocol is tcp."""
        self._hash_on = Sticky(kind="source")
        self._compared = Compared()
        self.unrouted = self._row(Source(), "", "", secured=False)
        """Counts what gets as far as this service and no further."""

    def select(
        self, connection: ServerConnection, head: RequestHead, routes: Sequence[_Route] | None = None
    ) -> tuple[Lane, Endpoint]:
        """The lane and the endpoint for a request, by other ``routes`` where they are given. Raises Refused, Held."""
        for matches, choose, row in self._routes if routes is None else routes:
            if matches is None or matches(head):
                if row.due:
                    self._metrics.tell(row, head, self._compared)
                try:
                    lane = choose(head, connection)
                except Answer as answer:
                    raise Refused(answer.status, answer.flag, row, answer) from None
                except Undecided as asked:
                    raise Held(row, asked.ask, partial(self._decided, connection, head, row, asked.go)) from None
                if lane is None:
                    raise Refused(503, flags.NO_HEALTHY_UPSTREAM, row)
                group = lane.group
                endpoint = group.choose() if group.pick is None else self._pick(group, head, connection)
                if endpoint is None:
                    raise Refused(503, flags.NO_HEALTHY_UPSTREAM, lane.plain_row)
                return lane, endpoint
        if self.body is None:
            raise Refused(503, flags.NO_CLUSTER, self.unrouted)
        if self.unrouted.due:
            self._metrics.tell(self.unrouted, head, self._compared)
        raise Refused(404, flags.NO_ROUTE, self.unrouted)

    def update(self, body: ServiceBody, source: Source, locality: str) -> None:
        """Compile the client's view and swap it in, for a proxy that is this source in this place. Raises BadMessage
        for a route that cannot be compiled."""
        routes = [
            _Route(
                matches,
                self._choice(route, route.split or body.split, source),
                self._row(source, "", route.name, secured=False),
            )
            for matches, route in compile_routes(body.routes, source.service)
        ]
        self.unrouted = self._row(source, "", "", secured=False)
        for row in (*(route.row for route in routes), self.unrouted):
            self._metrics.ask(row)
        self._compared = compared_by(body.routes)
        self.forwarding = (
            Forwarding(self.name, body, source, self.members.group, self._metrics) if body.protocol == "tcp" else None
        )
        self.body = body
        self._routes = routes
        self._hash_on = Sticky(kind=body.balancer.hash.kind, name=body.balancer.hash.name)
        self._gates.keep(self.name, {route.name for route in body.routes})
        self.members.update(body, locality)

    def remove(self) -> None:
        """Forget the client's view; requests under way finish."""
        self.body = None
        self._routes = []
        self.forwarding = None

    def _decided(
        self,
        connection: ServerConnection,
        head: RequestHead,
        row: Row,
        go: Callable[[Verdict | None], Lane | None],
        verdict: Verdict | None,
    ) -> tuple[Lane, Endpoint]:
        """The rest of a selection that shared counts decided on."""
        return self.select(connection, head, [_Route(None, lambda *_: go(verdict), row)])

    def _pick(self, group: Group, head: RequestHead, connection: ServerConnection) -> Endpoint | None:
        """The endpoint by what the balancer hashes."""
        key = sticky_key(self._hash_on, head, connection)
        return group.choose() if key is None or group.pick is None else group.pick(key_hash(key))

    def state(self) -> ServiceState:
        """What is under way with the service now, and which endpoints are left out."""
        load = self.load
        return ServiceState(
            self.name,
            load.connections,
            load.pending,
            load.requests,
            load.retries,
            load.open(),
            self.members.ejected(),
            self.members.unhealthy(),
        )

    def _choice(self, route: Route, split: Sequence[WeightedVersion], source: Source) -> Choice[Lane]:
        lane = self._lanes(route, {weighted.version: weighted for weighted in split}, source)
        gate = self._gates.gate(self.name, route.name, route.limits)
        return compile_choice(route, split, lane, Lane.adding, _MEANS, gate)

    def _lanes(self, route: Route, weighted: Mapping[str, WeightedVersion], source: Source) -> Callable[[str], Lane]:
        """The lanes of a route, by version."""
        retry = compile_retry(route.retry)
        mirror = self._mirror(route, source)

        def lane(version: str) -> Lane:
            return Lane(
                self.members.group(version),
                self._row(source, version, route.name, secured=False),
                self._row(source, version, route.name, secured=True),
                self.load,
                request_s=route.timeouts.request_ms / 1000,
                idle_s=route.timeouts.idle_ms / 1000,
                try_s=route.retry.per_try_timeout_ms / 1000 or NEVER,
                retry=retry,
                special=Special.compile(route, weighted[version], mirror),
            )

        return lane

    def _mirror(self, route: Route, source: Source) -> Mirror | None:
        if route.mirror is None:
            return None
        version, name = route.mirror.version, f"{route.name}:mirror"
        return Mirror(
            self._wheel,
            self.members.group(version),
            self._row(source, version, name, secured=False),
            self._row(source, version, name, secured=True),
            route.timeouts.request_ms / 1000,
        )

    def _row(self, source: Source, version: str, route: str, *, secured: bool) -> Row:
        return self._metrics.row(Edge("source", *source, self.name, version, route, "http", secured))
