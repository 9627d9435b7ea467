"""Since when edges fail or are slow, and what was changed just before: what an incident is asked first.

An edge began to fail with the first ten seconds of its last run of errors, or of too many slow requests; ``QUIET_S``
without any end a run. Frames tell it to ten seconds as far as they reach; rollups of five minutes go on from there, and
finer ones tell where in them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np
from django.db.models import Q

from meshui.core.actors import Actor
from meshui.core.models import Change
from meshui.core.selectors import changes
from meshui.telemetry import coarse, levels, rollups, window
from meshui.telemetry.edges import Edge
from meshui.telemetry.frames import CODE_CLASSES, SPAN_S, TCP, Frame, edge_key
from meshui.telemetry.health import DEGRADED_ERRORS
from meshui.telemetry.selectors import Remembered
from meshui.telemetry.window import KEPT_S
from proxies.wire.histogram import bucket

QUIET_S = 60
"""Without an error as long as that, an edge was well: health is judged over as much."""
LEAST_SLOW = 2
"""One slow request says nothing of an edge."""
BACK_S = 24 * 3600
"""How far back is looked."""
BEFORE_S = 600
"""How long before an edge began to fail a change may have been its cause."""
AFTER_S = 2 * SPAN_S
"""How much later than the ten seconds in which it began: a change is logged before proxies have it."""
STEERING = (
    "split.",
    "routes.",
    "resilience.",
    "limits.",
    "gateway.",
    "health_check.",
    "rollout.",
    "version.",
    "service.",
)
"""Actions upon a service that change what becomes of its requests."""
ACCESS = ("policy.", "access.")

Pair = tuple[str, str]
"""Source and target."""


class Limit(NamedTuple):
    """An edge is slow where more than ``share`` (0..1) of its requests took longer than ``ms``."""

    ms: float
    share: float


Wanted = Mapping[Pair, Limit | None]
"""Edges, each with what makes it slow; None where its errors count."""


class _Bad(NamedTuple):
    """A piece of the past in which an edge had errors, or was slow, Unix seconds."""

    start: float
    end: float


def began(edges: Collection[Edge], limits: Mapping[str, Limit] | None = None) -> dict[str, datetime]:
    """By id, since when edges that have errors have them, and since when those without that have one of the ``limits``
    (by id, too) are slow, as far back as a day. All others are left out."""
    wanted: dict[Pair, Limit | None] = {}
    for edge in edges:
        limit = (limits or {}).get(edge.id)
        if edge.error_rate >= DEGRADED_ERRORS:
            wanted[edge.source, edge.target] = None
        elif limit is not None:
            wanted[edge.source, edge.target] = limit
    newest = window.shared().newest
    if not wanted or newest is None:
        return {}
    span = int(newest) // SPAN_S
    found = _found.get(frozenset(wanted.items()), (span,), lambda: _look(wanted, newest))
    ids = {(edge.source, edge.target): edge.id for edge in edges}
    return {ids[pair]: datetime.fromtimestamp(start, UTC) for pair, start in found.items()}


_found: Remembered[dict[Pair, float]] = Remembered(16)


def _look(wanted: Wanted, newest: float) -> dict[Pair, float]:
    reach = max(newest - KEPT_S, window.shared().oldest or newest)
    recent = _bad(window.shared().frames(reach, newest, blocks=True), wanted)
    starts = {pair: _start(pieces) for pair, pieces in recent.items()}
    older = {pair: wanted[pair] for pair, start in starts.items() if start - reach <= QUIET_S}
    if older:
        past = _bad(_past(older, reach), older)
        for pair in older:
            starts[pair] = _finer(pair, wanted[pair], _start([*past.get(pair, ()), *recent[pair]]), reach)
    return starts


def _finer(pair: Pair, limit: Limit | None, start: float, reach: float) -> float:
    """A beginning that five-minute rollups tell, as ten-second ones do where they are still kept."""
    if start >= reach:
        return start
    pieces = rollups.read(start, min(start + levels.MIDDLE, reach), Q(source=pair[0], destination=pair[1]))
    bad = _bad(((frame, SPAN_S) for frame in pieces), {pair: limit})
    return bad[pair][0].start if bad else start


def _past(pairs: Iterable[Pair], until: float) -> Iterable[tuple[Frame, int]]:
    """Five minutes at a time, up to those in which ``until`` is."""
    edges = Q()
    for source, target in pairs:
        edges |= Q(source=source, destination=target)
    last = math.ceil(until / levels.MIDDLE) * levels.MIDDLE
    return ((frame, levels.MIDDLE) for frame, _ in coarse.read(levels.MIDDLE, last - BACK_S, last, edges))


def _bad(pieces: Iterable[tuple[Frame, int]], wanted: Wanted) -> dict[Pair, list[_Bad]]:
    """The pieces, of so many seconds each, in which an edge had errors or was slow, oldest first."""
    found: dict[Pair, list[_Bad]] = {}
    keys: list[str] = []
    rows: dict[Pair, list[int]] = {}
    for frame, seconds in pieces:
        if frame.keys != keys:  # most pieces have the edges of the one before
            keys, rows = frame.keys, _rows(frame.keys, wanted)
        for pair, these in rows.items():
            limit = wanted[pair]
            if _failed(frame, these) if limit is None else _was_slow(frame, these, limit):
                found.setdefault(pair, []).append(_Bad(frame.at - seconds, frame.at))
    return found


def _failed(frame: Frame, rows: list[int]) -> bool:
    counts = frame.counts[rows].sum(axis=0)
    requests, errors = int(counts[: len(CODE_CLASSES)].sum()), int(counts[0] + counts[5])
    return errors > 0 and errors / requests >= DEGRADED_ERRORS


def _was_slow(frame: Frame, rows: list[int], limit: Limit) -> bool:
    """Of connections it is not requests that are timed."""
    requests = [row for row in rows if edge_key(frame.keys[row]).protocol != TCP]
    chosen = np.isin(frame.histograms.rows, requests)
    hits = frame.histograms.hits[chosen]
    slow = int(hits[frame.histograms.buckets[chosen] > bucket(round(limit.ms * 1000))].sum())
    return slow >= LEAST_SLOW and slow > limit.share * int(hits.sum())


def _rows(keys: Iterable[str], pairs: Collection[Pair]) -> dict[Pair, list[int]]:
    """The rows of each edge: its versions and protocols."""
    rows: dict[Pair, list[int]] = {}
    for row, text in enumerate(keys):
        key = edge_key(text)
        if (key.source, key.destination) in pairs:
            rows.setdefault((key.source, key.destination), []).append(row)
    return rows


def _start(pieces: list[_Bad]) -> float:
    """Where the last run of pieces begins."""
    start = pieces[-1].start
    for piece in reversed(pieces[:-1]):
        if start - piece.end > QUIET_S:
            break
        start = piece.start
    return start


def causes(actor: Actor, edges: Collection[Edge], since: Mapping[str, datetime]) -> dict[str, Change]:
    """By edge, the newest change shortly before ``since`` that may be why, where there is one. One query."""
    edges = [edge for edge in edges if edge.id in since]
    if not edges:
        return {}
    earliest = min(since[edge.id] for edge in edges) - timedelta(seconds=BEFORE_S)
    candidates = list(changes(actor, since=earliest).filter(_may_matter(edges)).order_by("-id"))
    found = {edge.id: _cause(edge, since[edge.id], candidates) for edge in edges}
    return {name: change for name, change in found.items() if change is not None}


def _may_matter(edges: Collection[Edge]) -> Q:
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    access = Q()
    for prefix in ACCESS:
        access |= Q(action__startswith=prefix)
    return access | Q(object__in=[f"{kind}:{end}" for end in ends for kind in ("service", "gateway")])


def _cause(edge: Edge, began_at: datetime, candidates: list[Change]) -> Change | None:
    first, last = began_at - timedelta(seconds=BEFORE_S), began_at + timedelta(seconds=AFTER_S)
    return next((each for each in candidates if first <= each.at <= last and _touches(each, edge)), None)


def _touches(change: Change, edge: Edge) -> bool:
    if change.action.startswith(ACCESS):
        return change.namespace in ("", edge.target.partition("/")[0])
    ends = {f"{kind}:{end}" for end in (edge.source, edge.target) for kind in ("service", "gateway")}
    return change.object in ends and change.action.startswith(STEERING)
