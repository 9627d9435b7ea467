"""Five-minute and hourly rollups: made from the level below, read back as frames with what is not summed yet.

A coarse bucket is set once its last ten seconds are there, and setting it again changes nothing. What was observed of
it is kept beside it, so that an hour of which a collector saw a half has the rates of that half.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet

from meshui.core.errors import InvalidInput
from meshui.telemetry import levels, rollups
from meshui.telemetry.frames import Frame, total
from meshui.telemetry.levels import FINE, Level
from meshui.telemetry.models import Bucket, CoarseBucket, CoarseRollup, Edge, Rollup
from meshui.telemetry.rollups import COUNTED, OWN, span_of

AT_ONCE = 48
"""Buckets of a level made in one run: after a long absence several runs catch up."""


def kept_days() -> dict[Level, int]:
    """How long each level is kept, as whoever runs this control plane decided."""
    mesh = settings.MESHUI
    days = (mesh.rollup_retention_days, mesh.rollup_5min_days, mesh.rollup_hour_days)
    return dict(zip(levels.LEVELS, days, strict=True))


def coarsen() -> int:
    """Make the coarse buckets that are complete and missing; answers how many."""
    return sum(_coarsen(level) for level in levels.SUMMED)


def _coarsen(level: Level) -> int:
    newest = summed_until(levels.below(level))
    start = _next_start(level, None)
    made = 0
    while start is not None and newest is not None and start + level <= newest and made < AT_ONCE:
        write(level, start)
        made += 1
        start = _next_start(level, start)
    return made


def write(level: Level, start: int) -> None:
    """Set the coarse bucket that starts at ``start`` (Unix seconds) to the sum of what is below it."""
    at = datetime.fromtimestamp(start, UTC)
    pieces = list(_read(levels.below(level), start, start + level, Q()))
    frame = total(start + level, [frame for frame, _ in pieces])
    with transaction.atomic():
        CoarseBucket.objects.update_or_create(
            span_s=level, at=at, defaults={"seconds": min(level, sum(seconds for _, seconds in pieces))}
        )
        CoarseRollup.objects.bulk_create(
            [CoarseRollup(span_s=level, at=at, **columns) for columns in rollups.columns_of(frame)],
            batch_size=2_000,
            update_conflicts=True,
            unique_fields=["edge", "span_s", "at"],
            update_fields=["counts", "histogram", "flags"],
        )


def _next_start(level: Level, last: int | None) -> int | None:
    """The first bucket after ``last`` (else after the newest made) of which the level below has anything."""
    if last is None:
        made = CoarseBucket.objects.filter(span_s=level).order_by("-at").values_list("at", flat=True).first()
        last = int(made.timestamp()) if made else None
    waiting = _buckets(levels.below(level))
    if last is not None:
        waiting = waiting.filter(at__gte=datetime.fromtimestamp(last + level, UTC))
    first = waiting.order_by("at").values_list("at", flat=True).first()
    return int(first.timestamp()) // level * level if first else None


def summed_until(level: Level) -> int | None:
    """Up to when a level is summed, Unix seconds; None before its first bucket."""
    newest = _buckets(level).order_by("-at").values_list("at", flat=True).first()
    return int(newest.timestamp()) + level if newest else None


# --- reading ----------------------------------------------------------------------------------------------------


def read(level: Level, since: float, until: float, edges: Q) -> Iterator[tuple[Frame, int]]:
    """What ended after ``since`` and up to ``until`` (Unix seconds) of the edges chosen, in buckets of a level, each
    with the seconds of it that were observed. Three queries."""
    return _read(level, since, until, edges & COUNTED)


def _read(level: Level, since: float, until: float, edges: Q) -> Iterator[tuple[Frame, int]]:
    span = span_of(since, until, level)
    buckets = list(_buckets(level).filter(**span).order_by("at").values_list("at", "seconds"))
    return rollups.frames_of(buckets, level, _rows(level).filter(**span), edges)


def pieces(
    level: Level, since: float, until: float, edges: Q, limit: int, *, own: bool = False
) -> Iterator[tuple[Frame, int]]:
    """As ``read``, or with ``own`` what instances counted by themselves; the end that is not summed yet comes from the
    levels below. Raises InvalidInput where that takes more than ``limit`` rows."""
    edges &= OWN if own else COUNTED
    spans = list(_spans(level, since, until))
    if sum(_rows_in(each, start, end, edges, limit) for each, start, end in spans) > limit:
        raise InvalidInput.field("from", "range_too_wide", "the range holds too much, ask for a shorter one")
    return (piece for each, start, end in spans for piece in _read(each, start, end, edges))


def _spans(level: Level, since: float, until: float) -> Iterator[tuple[Level, float, float]]:
    if level == FINE:
        yield level, since, until
        return
    summed = min(max(since, summed_until(level) or since), until)
    if summed > since:
        yield level, since, summed
    if summed < until:
        yield from _spans(levels.below(level), summed, until)


def _rows_in(level: Level, since: float, until: float, edges: Q, limit: int) -> int:
    chosen = Edge.objects.filter(edges).values("pk")
    found = _rows(level).filter(edge_id__in=chosen, **span_of(since, until, level))
    return found.values("pk")[: limit + 1].count()


def _buckets(level: Level) -> QuerySet[Any]:
    return Bucket.objects.all() if level == FINE else CoarseBucket.objects.filter(span_s=level)


def _rows(level: Level) -> QuerySet[Any]:
    return Rollup.objects.all() if level == FINE else CoarseRollup.objects.filter(span_s=level)


def drop_old(now: datetime, batch: int) -> int:
    """Delete what a level no longer keeps, ``batch`` rows a statement."""
    dropped = 0
    for level in levels.SUMMED:
        days = kept_days()[level]
        for model in (CoarseRollup, CoarseBucket):
            old = model.objects.filter(span_s=level, at__lt=now - timedelta(days=days)).order_by("at")  # type: ignore[attr-defined]
            while count := model.objects.filter(pk__in=list(old.values_list("pk", flat=True)[:batch])).delete()[0]:  # type: ignore[attr-defined]
                dropped += count
    return dropped
