"""The graph: sums of a window become nodes and edges with rates, percentiles and health. Pure.

Node ids are ``namespace/name``, with ``@version`` where the graph is by version; ``unknown`` are callers outside the
mesh, ``external`` is whatever is called outside it. Edges are named by their ends.

By instance every version is a node that its callers' instances call (``namespace/name@version#id``), and that passes
on to its own: so there are as many edges as proxies tell of, never one for each pair of instances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal, NamedTuple

import numpy as np
from msgspec import Struct, field

from meshui.core.api.bodies import View as Answer
from meshui.telemetry.edges import (
    EXTERNAL,
    By,
    Edge,
    Summed,
    edges_of,
    ends_of,
    instance_id,
    is_share,
    requests_of,
    service_of,
    slow_of,
    verdict,
)
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.frames import TCP, edge_key
from meshui.telemetry.health import Health, Slow, Troubled, headline
from meshui.telemetry.registry import Instances, Services, ServiceState, VersionState
from meshui.telemetry.window import View

Kind = Literal["service", "gateway", "instance", "unknown", "external"]


class Node(Answer, frozen=True, gc=False):
    """A service, a version, an instance (named by its proxy's id), a gateway, or what is outside. Percentiles, errors
    and health are of what it answered; of a gateway, which nobody calls, of what it was answered. Rates are requests,
    or TCP connections, a second; percentiles are of requests alone, in milliseconds."""

    id: str
    namespace: str | None
    name: str
    version: str | None
    instance: str | None
    kind: Kind
    health: Health
    reason: str
    rps_in: float
    rps_out: float
    error_rate: float | None
    instances: int
    healthy_instances: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class Summary(Answer, frozen=True):
    """The graph in one line. ``rps`` counts requests on edges, so a request that causes three others counts four; an
    instance's part of what its version received does not count again."""

    rps: float
    error_rate: float | None
    edges: int
    failing: int
    degraded: int
    headline: str


class Graph(Answer, frozen=True):
    """``as_of`` is the end of the newest second in it, null before the first; ``age_s`` how long ago that was.
    ``covered_s`` of the window were observed. What is made from rollups has its ends rounded to ``resolution_s``."""

    as_of: datetime | None
    as_of_unix: float | None
    age_s: float | None
    window_s: int
    covered_s: float
    source: Literal["frames", "rollups"]
    resolution_s: int
    by: By
    nodes: list[Node]
    edges: list[Edge]
    summary: Summary


class Scope(Struct, frozen=True):
    """What part of the graph is asked for. ``visible`` are the namespaces that may be seen, None for all;
    ``namespace`` keeps its nodes and their neighbours; ``focus`` keeps what is within ``hops`` edges of a node."""

    visible: frozenset[str] | None = None
    namespace: str = ""
    focus: str = ""
    hops: int = 1


class Whole(Struct, frozen=True):
    """Everything that a window shows, before anybody's scope."""

    as_of: float | None
    window_s: int
    covered_s: float
    source: Literal["frames", "rollups"]
    resolution_s: int
    by: By
    nodes: dict[str, Node]
    edges: list[Edge]


def build(view: View | None, window_s: int, by: Summed, services: Services) -> Whole:
    """The whole graph; services without traffic are in it as idle nodes."""
    edges = edges_of(view, by, services) if view else []
    return _whole(view, window_s, by, edges, services, _known(by, services))


def build_instances(
    own: View | None, counted: View | None, window_s: int, services: Services, instances: Instances
) -> Whole:
    """The graph by instance: of what instances counted by themselves, and for callers outside the mesh, who count
    nothing, of the account that counts."""
    edges = edges_of(own, "instance", services) if own else []
    if counted:
        edges += [edge for edge in edges_of(counted, "version", services) if edge.source == UNKNOWN]
    known = {key: state for key, state in _known("version", services).items() if not services[service_of(key)].gateway}
    for version, of_version in instances.items():
        known |= {instance_id(version, name): VersionState(1, int(well)) for name, well in of_version.items()}
    return _whole(own, window_s, "instance", edges, services, known)


def _whole(
    view: View | None,
    window_s: int,
    by: By,
    edges: list[Edge],
    services: Services,
    known: Mapping[str, VersionState],
) -> Whole:
    nodes = _nodes(view, by, edges, services, known)
    return Whole(
        as_of=view.as_of if view else None,
        window_s=window_s,
        covered_s=view.covered_s if view else 0.0,
        source=view.source if view else "frames",
        resolution_s=view.resolution_s if view else 1,
        by=by,
        nodes=nodes,
        edges=edges,
    )


def scoped(whole: Whole, scope: Scope) -> Graph:
    """The part of the graph that the scope keeps, and its summary. ``age_s`` is filled in when it is sent."""
    nodes, edges = whole.nodes, whole.edges
    if scope.visible is not None:
        nodes = {key: node for key, node in nodes.items() if is_visible(key, scope.visible)}
        edges = [edge for edge in edges if edge.source in nodes and edge.target in nodes]
    if scope.namespace:
        inside = {key for key, node in nodes.items() if node.namespace == scope.namespace}
        edges = [edge for edge in edges if edge.source in inside or edge.target in inside]
        nodes = _kept(nodes, inside | _ends(edges))
    if scope.focus:
        near = _near(scope.focus, edges, scope.hops)
        edges = [edge for edge in edges if edge.source in near and edge.target in near]
        nodes = _kept(nodes, near)
    nodes = _outside(nodes, edges)
    return Graph(
        as_of=datetime.fromtimestamp(whole.as_of, UTC) if whole.as_of is not None else None,
        as_of_unix=whole.as_of,
        age_s=None,
        window_s=whole.window_s,
        covered_s=whole.covered_s,
        source=whole.source,
        resolution_s=whole.resolution_s,
        by=whole.by,
        nodes=list(nodes.values()),
        edges=edges,
        summary=summary(edges),
    )


def is_visible(node: str, visible: frozenset[str] | None) -> bool:
    """Whether a node or service may be seen; what is outside the mesh always may."""
    namespace, slash, _ = node.partition("/")
    return visible is None or not slash or namespace in visible


def summary(edges: Iterable[Edge]) -> Summary:
    """Counts and the headline over the edges."""
    edges = list(edges)
    calls = [edge for edge in edges if not is_share(edge)]
    requests = sum(edge.requests for edge in calls)
    troubled = [
        Troubled(edge.source, edge.target, edge.health, edge.reason, _trouble(edge))
        for edge in edges
        if edge.health in ("failing", "degraded")
    ]
    failing = sum(edge.health == "failing" for edge in troubled)
    return Summary(
        rps=round(sum(edge.rps for edge in calls), 3),
        error_rate=round(sum(edge.errors for edge in calls) / requests, 6) if requests else None,
        edges=len(edges),
        failing=failing,
        degraded=len(troubled) - failing,
        headline=headline(len(edges), troubled),
    )


def _trouble(edge: Edge) -> float:
    return edge.error_rate + edge.codes.get("4xx", 0) / edge.requests


# --- nodes ------------------------------------------------------------------------------------------------------


class _Traffic(Struct):
    """What a node received and sent, in requests of the window."""

    rps_in: float = 0.0
    rps_out: float = 0.0
    received: tuple[int, int, int] = (0, 0, 0)
    sent: tuple[int, int, int] = (0, 0, 0)
    """Requests, errors, responses 4xx."""
    protocols: set[str] = field(default_factory=set)

    @property
    def protocol(self) -> str:
        return TCP if self.protocols == {TCP} else ""

    def received_over(self, edge: Edge) -> None:
        self.rps_in += edge.rps
        self.received = _plus(self.received, _counted(edge))
        self.protocols.add(edge.protocol)

    def sent_over(self, edge: Edge) -> None:
        self.rps_out += edge.rps
        self.sent = _plus(self.sent, _counted(edge))
        self.protocols.add(edge.protocol)


def _nodes(
    view: View | None, by: By, edges: list[Edge], services: Services, known: Mapping[str, VersionState]
) -> dict[str, Node]:
    traffic: dict[str, _Traffic] = {}
    for edge in edges:
        traffic.setdefault(edge.source, _Traffic()).sent_over(edge)
        traffic.setdefault(edge.target, _Traffic()).received_over(edge)
    timings = _timings(view, by, traffic, services) if view else {}
    ids = sorted(known.keys() | traffic.keys())
    return {key: _node(key, traffic.get(key) or _Traffic(), timings.get(key), services, known.get(key)) for key in ids}


def _known(by: Summed, services: Services) -> dict[str, VersionState]:
    """The instances of every node of the registry."""
    if by == "service":
        return {name: VersionState(state.instances, state.healthy) for name, state in services.items()}
    return {f"{name}@{version}": each for name, state in services.items() for version, each in state.versions.items()}


def _node(
    key: str,
    traffic: _Traffic,
    timing: _Timing | None,
    services: Services,
    instances: VersionState | None,
) -> Node:
    service_version, _, instance = key.partition("#")
    service, _, version = service_version.partition("@")
    namespace, slash, name = service.partition("/")
    judged = traffic.received if traffic.received[0] else traffic.sent
    percentiles, slow = timing or _Timing((None, None, None), None)
    health, reason = verdict(traffic.protocol, *judged, slow)
    p50, p95, p99 = percentiles
    instances = instances or VersionState()
    return Node(
        id=key,
        namespace=namespace if slash else None,
        name=name if slash else service,
        version=version or None,
        instance=instance or None,
        kind="instance" if instance else _kind(service, services.get(service)),
        health=health,
        reason=reason,
        rps_in=round(traffic.rps_in, 3),
        rps_out=round(traffic.rps_out, 3),
        error_rate=round(judged[1] / judged[0], 6) if judged[0] else None,
        instances=instances.instances,
        healthy_instances=instances.healthy,
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99,
    )


def _kind(service: str, state: ServiceState | None) -> Kind:
    if service == UNKNOWN:
        return "unknown"
    if service == EXTERNAL:
        return "external"
    return "gateway" if state and state.gateway else "service"


class _Timing(NamedTuple):
    """A node's p50, p95 and p99, and its requests against its latency objective."""

    percentiles: Sequence[float | None]
    slow: Slow | None


def _timings(view: View, by: By, traffic: Mapping[str, _Traffic], services: Services) -> dict[str, _Timing]:
    """By node, of what it answered; of one that answered nothing, of what it was answered."""
    order = {key: group for group, key in enumerate(traffic)}
    groups = np.full((2, len(view.keys)), -1, np.int64)
    for row in np.flatnonzero(requests_of(view.totals)).tolist():
        key = edge_key(view.keys[row])
        if key.protocol == TCP:
            continue
        source, target = ends_of(key, by)
        groups[0, row] = order[target]
        if not traffic[source].received[0]:
            groups[1, row] = order[source]
    answered, was_answered = (view.totals.grouped(each, len(order)) for each in groups)
    percentiles = answered.percentiles(), was_answered.percentiles()
    timings = {}
    for node, group in order.items():
        outgoing = not traffic[node].received[0]
        slow = slow_of(was_answered if outgoing else answered, group, node, services)
        timings[node] = _Timing(percentiles[outgoing][group], slow)
    return timings


def _counted(edge: Edge) -> tuple[int, int, int]:
    return edge.requests, edge.errors, edge.codes.get("4xx", 0)


def _plus(a: tuple[int, int, int], b: tuple[int, int, int]) -> tuple[int, int, int]:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2]


# --- scope ------------------------------------------------------------------------------------------------------


def _ends(edges: Iterable[Edge]) -> set[str]:
    return {end for edge in edges for end in (edge.source, edge.target)}


def _kept(nodes: Mapping[str, Node], ids: set[str]) -> dict[str, Node]:
    return {key: node for key, node in nodes.items() if key in ids}


def _near(focus: str, edges: list[Edge], hops: int) -> set[str]:
    """Nodes within ``hops`` edges of ``focus``, against their direction too. A service's name finds its versions, and
    theirs their instances."""
    near = {end for end in _ends(edges) if focus in (end, service_of(end), end.partition("#")[0])} | {focus}
    for _ in range(hops):
        near |= _ends(edge for edge in edges if edge.source in near or edge.target in near)
    return near


def _outside(nodes: Mapping[str, Node], edges: list[Edge]) -> dict[str, Node]:
    """What is outside the mesh shows only what the edges in view say of it: its sums would tell of the others."""
    nodes = dict(nodes)
    for key in [key for key, node in nodes.items() if node.namespace is None]:
        node = nodes.pop(key)
        into = [edge for edge in edges if edge.target == key]
        out = [edge for edge in edges if edge.source == key]
        if into or out:
            traffic = _Traffic()
            for edge in into:
                traffic.received_over(edge)
            for edge in out:
                traffic.sent_over(edge)
            nodes[key] = _node(node.id, traffic, None, {}, None)
    return nodes
