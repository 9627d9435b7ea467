"""What beat starts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from meshui.telemetry.rollups import drop_before

BATCH = 10_000


@shared_task  # type: ignore[untyped-decorator]
def drop_old_rollups() -> int:
    """Keep ``MESHUI_ROLLUP_RETENTION`` days of rollups."""
    return drop_before(timezone.now() - timedelta(days=settings.MESHUI.rollup_retention_days), BATCH)
