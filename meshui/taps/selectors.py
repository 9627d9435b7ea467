"""Taps for people: those whose requests they may see."""

from __future__ import annotations

from datetime import datetime

import msgspec
from django.db.models import QuerySet
from django.utils import timezone

from meshui.core.actors import Actor
from meshui.core.api.bodies import View
from meshui.core.errors import NotFound
from meshui.logs.selectors import LogView, Visible, log_view
from meshui.taps.models import GRACE, State, Tap
from meshui.taps.stream import Counts, Seen, recent
from meshui.taps.values import Filters, Side


class TapView(View, frozen=True, kw_only=True):
    """``ended_by`` is who stopped it. A tap that is ``unwatched`` ended because nobody followed it any more."""

    id: str
    state: State
    source: str
    destination: str
    side: Side
    method: str
    path: str
    code: str
    flag: str
    header: str
    value: str
    rate: int
    percent: float
    redact: list[str]
    created_by: str
    created_at: datetime
    until: datetime
    ended_at: datetime | None
    ended_by: str
    reason: str


class TapRecordView(View, frozen=True, kw_only=True):
    """``n`` counts the records of a tap from 1. ``target`` is path and query; names are in lower case; what is secret
    is `[redacted]`. ``cut``: something was too long or too much."""

    n: int
    request: LogView
    target: str
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    cut: bool


class LiveTapView(View, frozen=True, kw_only=True):
    """A tap as it is followed: its last records, the oldest first. Who misses some sees it by a gap in their ``n``."""

    tap: TapView
    counts: Counts
    records: list[TapRecordView]


def taps(actor: Actor) -> QuerySet[Tap]:
    """Those of services that the actor may operate; of any destination, for who may operate the whole mesh."""
    rows = Tap.objects.all()
    operated = actor.namespaces("traffic.write")
    return rows if operated is None else rows.filter(namespace__in=operated)


def get_tap(actor: Actor, tap_id: int) -> Tap:
    """Raises NotFound, also where the actor may not see it."""
    row = taps(actor).filter(pk=tap_id).first()
    if row is None:
        raise NotFound(f"no tap {tap_id}")
    return row


def active(rows: QuerySet[Tap] | None = None) -> QuerySet[Tap]:
    """Those of the rows that have not ended."""
    now = timezone.now()
    everything = Tap.objects.all() if rows is None else rows
    return everything.filter(stopped_at=None, until__gt=now, watched_at__gt=now - GRACE)


def tap_view(row: Tap) -> TapView:
    state = row.state
    return TapView(
        id=str(row.pk),
        state=state,
        source=row.source,
        destination=row.destination,
        side="source" if row.side == "source" else "destination",
        created_by=row.created_by,
        created_at=row.created_at,
        until=row.until,
        ended_at=None if state == "active" else row.end[1],
        ended_by=row.stopped_by,
        reason=row.reason,
        **msgspec.structs.asdict(msgspec.convert(row.filters, Filters)),
    )


def live_tap(row: Tap, visible: Visible) -> LiveTapView:
    """Raises RedisError."""
    tail = recent(row.pk)
    return LiveTapView(
        tap=tap_view(row), counts=tail.counts, records=[record_view(record, visible) for record in tail.records]
    )


def record_view(record: Seen, visible: Visible) -> TapRecordView:
    return TapRecordView(
        n=record.n,
        request=log_view(record.line, visible),
        target=record.target,
        request_headers=record.request_headers,
        response_headers=record.response_headers,
        cut=record.cut,
    )
