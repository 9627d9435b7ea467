"""The mesh in one answer, for whoever was just woken: what is wrong, what changed, what is under way.

The edges that are worst come first: by how fast they burn the error budget of the service they call, then by how much
slower they are than an hour ago.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from msgspec.structs import replace

from meshui.alerts.beginnings import Limit, began, causes
from meshui.alerts.selectors import AlertView, alert_views, alerts
from meshui.catalog.models import Proxy
from meshui.core.actors import Actor
from meshui.core.api.bodies import View
from meshui.core.api.changes import ChangeView, change_view
from meshui.core.selectors import changes
from meshui.delivery.shown import MeshSyncView, info
from meshui.rollouts.selectors import rollouts
from meshui.rollouts.shapes import RolloutView
from meshui.rollouts.shown import rollout_views, with_all
from meshui.security.models import Authority
from meshui.telemetry import coarse, levels, registry, selectors
from meshui.telemetry.edges import Edge, edges_of
from meshui.telemetry.graph import Scope
from meshui.telemetry.health import DEGRADED_4XX, DEGRADED_ERRORS, SAMPLE
from meshui.telemetry.objectives.selectors import ObjectiveView, objective_views, objectives
from meshui.telemetry.past import view_of
from meshui.telemetry.selectors import Remembered

WINDOW_S = 60
"""Over which edges are judged: what the graph shows where nobody says otherwise, so that both tell the same."""
EARLIER_S = 3600
USUAL = 99.9
"""The availability, in percent, of a service that promises none: where an edge begins to be degraded."""
SLOWER = 1.5
"""How many times an hour ago's p99 is worth looking at, if it is ``SLOWER_MS`` more, too."""
SLOWER_MS = 20.0
"""What a few milliseconds are several times of is noise."""
EXPLAINS = 0.5
"""The part of an edge's errors that, further behind, explains them."""
EDGES, ALERTS, CHANGES, CERTIFICATES = 8, 20, 10, 10
SOON = 0.25
"""The part of its lifetime in which a certificate ends soon."""


class WorstEdge(View, frozen=True, kw_only=True):
    """``burn`` is 1 where errors spend exactly the error budget of the called service, null below the sample;
    ``p99_change`` the ratio to ``p99_then_ms``, an hour ago. ``because`` is the edge behind it whose errors explain its
    own, null where there is none. ``since`` is when its errors began, or where it has none when it became slow, null
    where it is neither; ``change`` the newest change shortly before that may be why."""

    edge: Edge
    burn: float | None
    p99_then_ms: float | None
    p99_change: float | None
    because: str | None
    since: datetime | None = None
    change: ChangeView | None = None


class EndingCertificate(View, frozen=True, kw_only=True):
    """``kind`` is ``proxy``, or of the authority ``root`` or ``intermediate``: those have no ``proxy``, ``service`` and
    ``name``."""

    kind: Literal["proxy", "root", "intermediate"]
    proxy: str
    service: str
    name: str
    not_after: datetime


class OverviewView(View, frozen=True, kw_only=True):
    """``as_of_unix`` is the end of the newest second of traffic, null before the first; ``headline`` the mesh in a
    sentence. ``objectives`` are those that burn or are exhausted, ``rollouts`` those under way, ``certificates`` those
    in their last quarter, of the authority for whom sees the whole mesh."""

    as_of_unix: float | None
    headline: str
    worst_edges: list[WorstEdge]
    objectives: list[ObjectiveView]
    alerts: list[AlertView]
    changes: list[ChangeView]
    rollouts: list[RolloutView]
    certificates: list[EndingCertificate]
    sync: MeshSyncView


def overview(actor: Actor) -> OverviewView:
    """Of the namespaces that the actor may view; a fixed number of queries."""
    visible = actor.visible_namespaces()
    graph = selectors.graph_get(window_s=WINDOW_S, by="service", scope=Scope(visible=visible))
    promised = objective_views(objectives(visible).order_by("pk"))
    return OverviewView(
        as_of_unix=graph.as_of_unix,
        headline=graph.summary.headline,
        worst_edges=_with_causes(worst_edges(graph.edges, promised), actor),
        objectives=[view for view in promised if any(b.state in ("burning", "exhausted") for _, b in view.budgets)],
        alerts=alert_views(alerts(actor).order_by("-pk")[:ALERTS]),
        changes=[change_view(row) for row in changes(actor).order_by("-id")[:CHANGES]],
        rollouts=rollout_views(list(with_all(rollouts(actor, active=True)).order_by("-pk")), actor),
        certificates=_certificates(visible),
        sync=info().sync,
    )


def worst_edges(edges: list[Edge], promised: list[ObjectiveView]) -> list[WorstEdge]:
    """The edges that burn a budget, are slower than an hour ago or are not well, the worst first; after them those
    whose errors come from further behind."""
    goals = {view.service: view.availability.objective for view in promised if view.availability}
    before = _an_hour_ago()
    because = explained(edges)
    compared = [
        _compared(edge, goals.get(edge.target, USUAL), before.get(edge.id), because.get(edge.id)) for edge in edges
    ]
    bad = [each for each in compared if _is_bad(each)]
    bad.sort(key=lambda each: (each.because is not None, -(each.burn or 0.0), -(each.p99_change or 0.0), each.edge.id))
    return bad[:EDGES]


def explained(edges: list[Edge]) -> dict[str, str]:
    """By edge with errors, the one from its target that has at least half as many errors, the most of all."""
    behind: dict[str, Edge] = {}
    for edge in edges:
        if edge.error_rate >= DEGRADED_ERRORS and (
            edge.source not in behind or edge.errors > behind[edge.source].errors
        ):
            behind[edge.source] = edge
    return {
        edge.id: behind[edge.target].id
        for edge in edges
        if edge.errors and edge.target in behind and behind[edge.target].errors >= edge.errors * EXPLAINS
    }


def _compared(edge: Edge, goal: float, then_ms: float | None, because: str | None) -> WorstEdge:
    return WorstEdge(
        edge=edge,
        because=because,
        burn=round(edge.error_rate / (1 - goal / 100), 2) if edge.requests >= SAMPLE else None,
        p99_then_ms=then_ms,
        p99_change=round(edge.p99_ms / then_ms, 2) if then_ms and edge.p99_ms and edge.requests >= SAMPLE else None,
    )


def _is_bad(each: WorstEdge) -> bool:
    return (each.burn or 0.0) >= 1 or _is_slower(each) or each.edge.health in ("failing", "degraded")


def _is_slower(each: WorstEdge) -> bool:
    """Than an hour ago."""
    if each.p99_change is None:
        return False
    return each.p99_change >= SLOWER and (each.edge.p99_ms or 0.0) - (each.p99_then_ms or 0.0) >= SLOWER_MS


def _limit(each: WorstEdge) -> Limit | None:
    """What an edge is too slow for: the latency that its target promises, or that of an hour ago. None where it is
    not slow."""
    edge = each.edge
    state = registry.services.get().get(edge.target)
    well_but_slow = edge.error_rate < DEGRADED_ERRORS and edge.codes.get("4xx", 0) < edge.requests * DEGRADED_4XX
    if state is not None and state.latency is not None and edge.health == "degraded" and well_but_slow:
        percent, slow_ms = state.latency
        return Limit(slow_ms, 1 - percent / 100)
    if each.p99_then_ms is not None and _is_slower(each):
        return Limit(max(each.p99_then_ms * SLOWER, each.p99_then_ms + SLOWER_MS), 0.01)
    return None


def _with_causes(worst: list[WorstEdge], actor: Actor) -> list[WorstEdge]:
    edges = [each.edge for each in worst]
    since = began(edges, {each.edge.id: limit for each in worst if (limit := _limit(each)) is not None})
    change = {name: change_view(row) for name, row in causes(actor, edges, since).items()}
    return [replace(each, since=since.get(each.edge.id), change=change.get(each.edge.id)) for each in worst]


_before: Remembered[dict[str, float]] = Remembered(1)


def _an_hour_ago() -> dict[str, float]:
    """The p99 of every edge in the five minutes an hour ago, in milliseconds."""
    start = int(time.time() - EARLIER_S) // levels.MIDDLE * levels.MIDDLE
    return _before.get("p99", (start,), lambda: _p99_of(start))


def _p99_of(start: int) -> dict[str, float]:
    view = view_of(coarse.read(levels.MIDDLE, start, start + levels.MIDDLE, Q()), levels.MIDDLE)
    edges = edges_of(view, "service", registry.services.get()) if view else []
    return {edge.id: edge.p99_ms for edge in edges if edge.p99_ms is not None and edge.requests >= SAMPLE}


def _certificates(visible: frozenset[str] | None) -> list[EndingCertificate]:
    return [*(_of_authority() if visible is None else ()), *_of_proxies(visible)]


def _of_authority() -> Iterator[EndingCertificate]:
    now = timezone.now()
    for row in Authority.objects.filter(state=Authority.State.ACTIVE).order_by("not_after"):
        if row.not_after - now < (row.not_after - row.not_before) * SOON:
            yield EndingCertificate(kind=row.kind, proxy="", service="", name="", not_after=row.not_after)  # type: ignore[arg-type]


def _of_proxies(visible: frozenset[str] | None) -> list[EndingCertificate]:
    now = timezone.now()
    soon = now + timedelta(seconds=settings.MESHUI.leaf_ttl_s * SOON)
    rows = Proxy.objects.filter(certificate_not_after__lt=soon, last_seen_at__gt=now - timedelta(minutes=5))
    if visible is not None:
        rows = rows.filter(service__namespace__name__in=visible)
    rows = rows.select_related("service__namespace").order_by("certificate_not_after", "pk")[:CERTIFICATES]
    return [
        EndingCertificate(
            kind="proxy", proxy=row.pk, service=str(row.service), name=row.name, not_after=row.certificate_not_after
        )
        for row in rows
        if row.certificate_not_after is not None
    ]
