"""What beat starts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from meshui.traces.store import drop_before, drop_beyond

BATCH = 5_000


@shared_task  # type: ignore[untyped-decorator]
def drop_old_traces() -> int:
    """Keep ``MESHUI_TRACE_HOURS`` hours of spans, and no more than ``MESHUI_TRACE_SPANS`` of them."""
    limit = timezone.now() - timedelta(hours=settings.MESHUI.trace_hours)
    return drop_before(limit, BATCH) + drop_beyond(settings.MESHUI.trace_spans, BATCH)
