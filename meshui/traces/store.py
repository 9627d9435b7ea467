"""Where spans are kept: written in batches, each once, and dropped by age and by number."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec
from django.db import connection, transaction

from meshui.traces.models import Span, Trace
from meshui.traces.values import NewSpan

_BATCH = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SEE = """
    INSERT INTO traces_trace (trace_id, start)
    SELECT * FROM unnest(%s::varchar[], %s::timestamptz[])
    ON CONFLICT (trace_id) DO UPDATE SET start = excluded.start WHERE excluded.start < traces_trace.start
"""


def write(spans: Iterable[NewSpan]) -> None:
    """Add spans; one that is there already stays as it is. In the order of their ids: two writers never wait for each
    other in a circle."""
    ordered = sorted(spans, key=lambda span: (span.trace_id, span.span_id))
    if not ordered:
        return
    starts: dict[str, int] = {}
    for span in ordered:
        starts[span.trace_id] = min(span.start_us, starts.get(span.trace_id, span.start_us))
    with transaction.atomic():
        Span.objects.bulk_create([_row(span) for span in ordered], batch_size=_BATCH, ignore_conflicts=True)
        with connection.cursor() as cursor:
            cursor.execute(_SEE, [list(starts), [_time(start) for start in starts.values()]])


def drop_before(limit: datetime, batch: int) -> int:
    """Delete spans older than ``limit``, ``batch`` rows a statement, so that no lock is held for long."""
    dropped = 0
    for model in (Span, Trace):
        while count := _drop(model, list(model.objects.filter(start__lt=limit).values_list("pk", flat=True)[:batch])):
            dropped += count
    return dropped


def drop_beyond(most: int, batch: int) -> int:
    """Delete the oldest spans, until there are at most ``most``, and the traces that began before the ones kept."""
    newest_dropped = Span.objects.order_by("-start").values_list("start", flat=True)[most : most + 1].first()
    return drop_before(newest_dropped + timedelta(microseconds=1), batch) if newest_dropped else 0


def _drop(model: type[Span] | type[Trace], keys: Sequence[str | int]) -> int:
    return model._default_manager.filter(pk__in=keys).delete()[0] if keys else 0


def _row(span: NewSpan) -> Span:
    columns = msgspec.structs.asdict(span)
    start_us, events = columns.pop("start_us"), columns.pop("events")
    return Span(
        **columns,
        start=_time(start_us),
        events=[[event.after_us, event.name, event.attributes] for event in events],
    )


def _time(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)
