"""Traces for people: found, shown whole, and as examples of a moment.

Whoever may not view a namespace is told nothing of its spans: every query here starts from those that may be seen.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Count, Exists, ExpressionWrapper, F, Max, Min, OuterRef, Q, QuerySet
from django.db.models.fields import BigIntegerField, DateTimeField
from django.db.models.functions import Cast
from msgspec import Struct

from meshui.core.api.bodies import View
from meshui.core.errors import NotFound
from meshui.traces.models import Span, Trace
from meshui.traces.tree import Place, order

MAX_POINTS = 1000
MAX_SPANS = 5000
FLAGS = "meshui.flags"
_MICROSECOND = timedelta(microseconds=1)

Visible = frozenset[str] | None
"""Namespaces; None means all, and what belongs to none."""


class Asked(Struct, frozen=True, kw_only=True):
    """What one span of a trace has to be. Durations are microseconds, times Unix seconds; empty asks for nothing."""

    since: float
    until: float
    service: str = ""
    peer: str = ""
    route: str = ""
    min_us: int | None = None
    max_us: int | None = None
    error: bool | None = None
    code: int | None = None
    flag: str = ""
    tags: tuple[tuple[str, str], ...] = ()


class TraceService(View, frozen=True, kw_only=True):
    name: str
    spans: int
    errors: int


class TraceRoot(View, frozen=True, kw_only=True):
    """The earliest span."""

    service: str
    name: str
    code: int | None


class TraceSummary(View, frozen=True, kw_only=True):
    trace_id: str
    start: datetime
    duration_ms: float
    spans: int
    errors: int
    root: TraceRoot
    services: list[TraceService]


class TracePoint(View, frozen=True, kw_only=True):
    """``at`` is Unix seconds."""

    trace_id: str
    at: float
    duration_ms: float
    error: bool


class TracePoints(View, frozen=True, kw_only=True):
    points: list[TracePoint]
    truncated: bool


class SpanEvent(View, frozen=True, kw_only=True):
    """``at_ms`` counts from the start of the trace."""

    at_ms: float
    name: str
    attributes: dict[str, Any]


class Decisions(View, frozen=True, kw_only=True):
    """What a proxy did with the request. ``code`` is null where nobody answered; ``flags`` say why, in Envoy's short
    names. ``rule`` is what decided besides the route (``policy:readers/0``, ``limit:per-user``), or empty. ``tries``
    counts the first one too."""

    route: str
    rule: str
    flags: list[str]
    endpoint: str
    code: int | None
    tries: int
    secured: bool
    request_bytes: int
    response_bytes: int


class TraceSpan(View, frozen=True, kw_only=True):
    """``parent_id`` is the nearest ancestor that is shown; an ``orphan`` names a parent that was not received."""

    span_id: str
    parent_id: str | None
    depth: int
    orphan: bool
    service: str
    version: str
    peer: str
    name: str
    kind: str
    reporter: str
    offset_ms: float
    duration_ms: float
    error: bool
    message: str
    decisions: Decisions | None
    attributes: dict[str, Any]
    events: list[SpanEvent]


class TraceDetail(View, frozen=True, kw_only=True):
    """``spans`` have parents before their children, and siblings by their start."""

    trace_id: str
    start: datetime
    duration_ms: float
    truncated: bool
    services: list[TraceService]
    spans: list[TraceSpan]


class Exemplar(View, frozen=True, kw_only=True):
    """``at`` is Unix seconds."""

    trace_id: str
    span_id: str
    at: float
    duration_ms: float
    code: int | None
    error: bool


class Exemplars(View, frozen=True, kw_only=True):
    exemplars: list[Exemplar]


# --- finding ----------------------------------------------------------------------------------------------------


def found(asked: Asked, visible: Visible) -> QuerySet[Trace]:
    """Traces with a span that is all of what is asked."""
    spans = Span.objects.filter(_seen(visible), _is(asked), trace_id=OuterRef("trace_id"))
    # A trace may have begun before the span that is looked for: by as much as a trace may last.
    return Trace.objects.filter(Exists(spans), start__lte=_time(asked.until))


def summaries(traces: Collection[str], visible: Visible) -> list[TraceSummary]:
    """What may be seen of these traces, in their order. Two queries."""
    spans = _shown(traces, visible)
    by_service: dict[str, list[TraceService]] = {}
    counted = spans.values_list("trace_id", "service").annotate(n=Count("pk"), bad=Count("pk", filter=Q(error=True)))
    for trace_id, service, n, bad in counted.order_by("trace_id", "-n", "service"):
        by_service.setdefault(trace_id, []).append(TraceService(name=service, spans=n, errors=bad))
    roots = spans.order_by("trace_id", "start", "-duration_us").distinct("trace_id")
    by_trace = {
        trace_id: TraceRoot(service=service, name=name, code=code)
        for trace_id, service, name, code in roots.values_list("trace_id", "service", "name", "code")
    }
    extents = _extents(traces, visible)
    return [
        TraceSummary(
            trace_id=trace_id,
            start=extents[trace_id][0],
            duration_ms=_ms((extents[trace_id][1] - extents[trace_id][0]) // _MICROSECOND),
            spans=sum(each.spans for each in by_service[trace_id]),
            errors=sum(each.errors for each in by_service[trace_id]),
            root=by_trace[trace_id],
            services=by_service[trace_id],
        )
        for trace_id in traces
        if trace_id in extents
    ]


def points(asked: Asked, visible: Visible) -> TracePoints:
    """The newest traces that a search finds, by when and how long. Two queries."""
    keys = list(found(asked, visible).order_by("-start", "-pk").values_list("pk", flat=True)[: MAX_POINTS + 1])
    extents = _extents(keys[:MAX_POINTS], visible)
    return TracePoints(
        points=[
            TracePoint(
                trace_id=trace_id,
                at=start.timestamp(),
                duration_ms=_ms((end - start) // _MICROSECOND),
                error=bool(errors),
            )
            for trace_id, (start, end, errors) in extents.items()
        ],
        truncated=len(keys) > MAX_POINTS,
    )


def exemplars(asked: Asked, visible: Visible, limit: int) -> Exemplars:
    """Spans of a moment: those with errors first, then the slowest. Only what receives or asks, not what an app does
    within. One query."""
    rows = Span.objects.filter(_seen(visible), _is(asked), kind__in=[Span.Kind.SERVER, Span.Kind.CLIENT])
    return Exemplars(
        exemplars=[
            Exemplar(
                trace_id=row.trace_id,
                span_id=row.span_id,
                at=row.start.timestamp(),
                duration_ms=_ms(row.duration_us),
                code=row.code,
                error=row.error,
            )
            for row in rows.order_by("-error", "-duration_us", "pk")[:limit]
        ]
    )


def _seen(visible: Visible) -> Q:
    """Spans that may be shown: those of visible namespaces, unless they tell of a call into another one."""
    if visible is None:
        return Q()
    peers = [Q(peer__startswith=f"{namespace}/") for namespace in sorted(visible)]
    return Q(namespace__in=visible) & reduce(or_, peers, ~Q(peer__contains="/"))


def _is_seen(row: Span, visible: Visible) -> bool:
    """What ``_seen`` asks of the database."""
    if visible is None:
        return True
    called, inside, _ = row.peer.partition("/")
    return row.namespace in visible and (not inside or called in visible)


def _shown(traces: Collection[str], visible: Visible) -> QuerySet[Span]:
    return Span.objects.filter(_seen(visible), trace_id__in=traces)


def _is(asked: Asked) -> Q:
    wanted = Q(start__gte=_time(asked.since), start__lte=_time(asked.until))
    exact = {"service": asked.service, "peer": asked.peer, "route": asked.route}
    wanted &= Q(**{name: value for name, value in exact.items() if value})
    limits = {"duration_us__gte": asked.min_us, "duration_us__lte": asked.max_us, "code": asked.code}
    wanted &= Q(**{name: value for name, value in limits.items() if value is not None})
    if asked.error is not None:
        wanted &= Q(error=asked.error)
    if asked.flag:
        wanted &= Q(attributes__contains={FLAGS: [asked.flag]})
    for key, value in asked.tags:
        wanted &= _tagged(key, value)
    return wanted


def _tagged(key: str, value: str) -> Q:
    """An attribute with this value, whichever type it has."""
    wanted = Q(attributes__contains={key: value})
    if value in ("true", "false"):
        wanted |= Q(attributes__contains={key: value == "true"})
    elif value.lstrip("-").isdecimal() and value.isascii() and len(value) <= 16:
        wanted |= Q(attributes__contains={key: int(value)})
    return wanted


def _extents(traces: Collection[str], visible: Visible) -> dict[str, tuple[datetime, datetime, int]]:
    """Start, end and number of errors of traces, newest first. One query."""
    end = ExpressionWrapper(F("start") + Cast(F("duration_us"), BigIntegerField()) * _MICROSECOND, DateTimeField())
    rows = _shown(traces, visible).values_list("trace_id")
    extents = rows.annotate(began=Min("start"), ended=Max(end), bad=Count("pk", filter=Q(error=True)))
    return {trace_id: (began, ended, bad) for trace_id, began, ended, bad in extents.order_by("-began", "-trace_id")}


# --- one trace --------------------------------------------------------------------------------------------------


def trace(trace_id: str, visible: Visible) -> TraceDetail:
    """One trace. Raises NotFound where nothing of it may be seen. One query."""
    rows = list(Span.objects.filter(trace_id=trace_id).order_by("start", "-duration_us", "pk")[: MAX_SPANS + 1])
    truncated = len(rows) > MAX_SPANS
    rows = rows[:MAX_SPANS]
    shown = {row.span_id: row for row in rows if _is_seen(row, visible)}
    if not shown:
        raise NotFound(f"no trace {trace_id}")
    began = min(row.start for row in shown.values())
    ended = max(row.start + row.duration_us * _MICROSECOND for row in shown.values())
    counts: dict[str, list[int]] = {}
    for row in shown.values():
        count = counts.setdefault(row.service, [0, 0])
        count[0] += 1
        count[1] += row.error
    return TraceDetail(
        trace_id=trace_id,
        start=began,
        duration_ms=_ms((ended - began) // _MICROSECOND),
        truncated=truncated,
        services=[
            TraceService(name=name, spans=spans, errors=errors)
            for name, (spans, errors) in sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
        ],
        spans=[
            _span(shown[place.span_id], place, began)
            for place in order({row.span_id: row.parent_id for row in rows}, shown)
        ],
    )


def _span(row: Span, place: Place, began: datetime) -> TraceSpan:
    offset_us = (row.start - began) // _MICROSECOND
    return TraceSpan(
        span_id=row.span_id,
        parent_id=place.parent_id,
        depth=place.depth,
        orphan=place.orphan,
        service=row.service,
        version=row.version,
        peer=row.peer,
        name=row.name,
        kind=Span.Kind(row.kind).name.lower(),
        reporter="proxy" if row.proxied else "app",
        offset_ms=_ms(offset_us),
        duration_ms=_ms(row.duration_us),
        error=row.error,
        message=row.message,
        decisions=_decisions(row) if row.proxied else None,
        attributes=row.attributes,
        events=[
            SpanEvent(at_ms=_ms(offset_us + after_us), name=name, attributes=attributes)
            for after_us, name, attributes in row.events
        ],
    )


def _decisions(row: Span) -> Decisions:
    told = row.attributes
    return Decisions(
        route=row.route,
        rule=told.get("meshui.rule", ""),
        flags=told.get(FLAGS, []),
        endpoint=told.get("meshui.endpoint", ""),
        code=row.code,
        tries=told.get("meshui.tries", 1),
        secured=told.get("meshui.secured", False),
        request_bytes=told.get("http.request.body.size", 0),
        response_bytes=told.get("http.response.body.size", 0),
    )


def _ms(us: int) -> float:
    return us / 1000


def _time(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
