"""What beat starts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from meshui.telemetry import coarse, saturation
from meshui.telemetry.rollups import drop_before, drop_unused_names

BATCH = 10_000


@shared_task  # type: ignore[untyped-decorator]
def coarsen_rollups() -> int:
    """Sum ten-second rollups into five minutes, and those into hours."""
    return coarse.coarsen()


@shared_task  # type: ignore[untyped-decorator]
def drop_old_rollups() -> int:
    """Keep each level of rollups for as many days as ``MESHUI_ROLLUP_*RETENTION`` says, and no names of edges and
    instances that are in none of them; loads of instances for a day."""
    now = timezone.now()
    limit = now - timedelta(days=settings.MESHUI.rollup_retention_days)
    rollups = drop_before(limit, BATCH) + coarse.drop_old(now, BATCH) + drop_unused_names()
    return rollups + saturation.drop_old(now, BATCH)
