"""The graph step by step through a time: each step is what the graph shows of it, without what a picture does not need.

An answer holds a row for each node and edge, so that a name stands once.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Generic, Literal, TypeVar

from msgspec import Struct

from meshui.core.actors import Actor
from meshui.core.api.bodies import View as Answer
from meshui.core.errors import InvalidInput
from meshui.core.models import Change
from meshui.core.selectors import changes
from meshui.telemetry import levels, past, registry, selectors
from meshui.telemetry.edges import Edge, Summed
from meshui.telemetry.frames import SPAN_S
from meshui.telemetry.graph import Graph, Kind, Node, Scope, build, scoped
from meshui.telemetry.health import LETTERS

MAX_STEPS = 180
MAX_CELLS = 150_000
"""Steps by edges of one answer: about two seconds of work."""
MAX_CHANGES = 200


class ReplayNode(Answer, frozen=True):
    """``rps`` is what it received in each step; of who receives nothing, what it sent. ``health`` is a letter for each
    step: h(ealthy), d(egraded), f(ailing), u(nknown), - (idle)."""

    id: str
    namespace: str | None
    name: str
    version: str | None
    kind: Kind
    health: str
    rps: list[float]


class ReplayEdge(Answer, frozen=True):
    """By step: its health as a letter, rates, and p95 in milliseconds; null where there was nothing to measure."""

    id: str
    source: str
    target: str
    protocol: str
    health: str
    rps: list[float]
    error_rate: list[float | None]
    p95_ms: list[float | None]


class ReplayChange(Answer, frozen=True):
    """A line of the change log, to mark on the time line."""

    id: int
    at_unix: float
    revision: int
    actor: str
    action: str
    object: str
    namespace: str
    summary: str


class Replay(Answer, frozen=True):
    """``times`` are the ends of the steps in Unix seconds; ``observed`` tells which of them anybody saw. ``changes``
    are those made meanwhile, the oldest first, the newest MAX_CHANGES of them."""

    start: int
    end: int
    step_s: int
    by: Summed
    source: Literal["frames", "rollups"]
    resolution_s: int
    times: list[int]
    observed: list[bool]
    nodes: list[ReplayNode]
    edges: list[ReplayEdge]
    changes: list[ReplayChange]


def replay(*, actor: Actor, since: float, until: float, step_s: int | None, by: Summed, scope: Scope) -> Replay:
    """The graph from ``since`` to ``until`` (Unix seconds), widened to whole steps. Raises InvalidInput for a step that
    is not kept or makes too many of them, or where that is too much to read."""
    step_s = step_of(since, until, step_s, _usual_edges(by))
    start = int(since // step_s) * step_s
    steps = max(1, math.ceil((until - start) / step_s))
    times: list[int] = []
    graphs: list[Graph | None] = []
    services = registry.services.get()
    source: Literal["frames", "rollups"] = "frames"
    resolution_s = 1
    for end, view in past.views(start, step_s, steps):
        times.append(end)
        graphs.append(scoped(build(view, step_s, by, services), scope) if view else None)
        if view:
            source, resolution_s = view.source, view.resolution_s
    rows = _Rows(steps)
    for step, graph in enumerate(graphs):
        if graph is not None:
            rows.add(step, graph)
    return Replay(
        start=start,
        end=times[-1],
        step_s=step_s,
        by=by,
        source=source,
        resolution_s=resolution_s,
        times=times,
        observed=[graph is not None for graph in graphs],
        nodes=rows.nodes(),
        edges=rows.edges(),
        changes=changes_between(actor, start, times[-1]),
    )


def step_of(since: float, until: float, asked_s: int | None, edges: int) -> int:
    """The step that is asked for, or about ninety of them and no more than a mesh of so many edges bears. Raises
    InvalidInput."""
    if until <= since:
        raise InvalidInput.field("start", "invalid", "expected a time before `end`")
    least = levels.FINE if past.reaches(since) else past.finest_level(since)
    most = max(1, min(MAX_STEPS, MAX_CELLS // max(1, edges)))
    if asked_s is None:
        usual = levels.step_for(until - since, least)
        return max(usual, math.ceil((until - since) / most / usual) * usual)
    if asked_s % least and not (asked_s < SPAN_S and past.reaches(since // asked_s * asked_s)):
        raise InvalidInput.field("step", "invalid", f"expected a multiple of {least} s, so long ago")
    if (until - since) / asked_s > most:
        raise InvalidInput.field("step", "too_many_points", f"at most {most} steps of a mesh of this size")
    return asked_s


def _usual_edges(by: Summed) -> int:
    """How many edges the mesh has now, by which it is known what a step costs."""
    return len(selectors.graph_get(window_s=60, by=by, scope=Scope()).edges)


def changes_between(actor: Actor, since: float, until: float) -> list[ReplayChange]:
    """Those that the actor may view."""
    span = datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC)
    newest = changes(actor, since=span[0], until=span[1]).order_by("-id")[:MAX_CHANGES]
    return [_change(row) for row in reversed(newest)]


def _change(row: Change) -> ReplayChange:
    return ReplayChange(
        id=row.pk,
        at_unix=row.at.timestamp(),
        revision=row.revision_id,
        actor=row.actor,
        action=row.action,
        object=row.object,
        namespace=row.namespace,
        summary=row.summary,
    )


T = TypeVar("T")


class _Row(Struct, Generic[T]):
    """What one node or edge had by step, and how it was seen first."""

    first: T
    health: list[str]
    rps: list[float]
    error_rate: list[float | None]
    p95_ms: list[float | None]


class _Rows:
    """Graphs of steps, turned into rows by node and edge."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._nodes: dict[str, _Row[Node]] = {}
        self._edges: dict[str, _Row[Edge]] = {}

    def add(self, step: int, graph: Graph) -> None:
        for node in graph.nodes:
            row = self._nodes.get(node.id) or self._nodes.setdefault(node.id, self._row(node))
            row.health[step] = LETTERS[node.health]
            row.rps[step] = node.rps_in or node.rps_out
        for edge in graph.edges:
            passed = self._edges.get(edge.id) or self._edges.setdefault(edge.id, self._row(edge))
            passed.health[step] = LETTERS[edge.health]
            passed.rps[step] = edge.rps
            passed.error_rate[step] = round(edge.error_rate, 4) if edge.requests else None
            passed.p95_ms[step] = edge.p95_ms

    def nodes(self) -> list[ReplayNode]:
        return [
            ReplayNode(
                id=node.id,
                namespace=node.namespace,
                name=node.name,
                version=node.version,
                kind=node.kind,
                health="".join(row.health),
                rps=row.rps,
            )
            for row in self._nodes.values()
            for node in [row.first]
        ]

    def edges(self) -> list[ReplayEdge]:
        return [
            ReplayEdge(
                id=edge.id,
                source=edge.source,
                target=edge.target,
                protocol=edge.protocol,
                health="".join(row.health),
                rps=row.rps,
                error_rate=row.error_rate,
                p95_ms=row.p95_ms,
            )
            for row in self._edges.values()
            for edge in [row.first]
        ]

    def _row(self, first: T) -> _Row[T]:
        size = self._steps
        return _Row(first, [LETTERS["idle"]] * size, [0.0] * size, [None] * size, [None] * size)
