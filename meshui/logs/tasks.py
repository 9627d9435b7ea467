"""What beat starts."""

from __future__ import annotations

import time

from celery import shared_task
from django.conf import settings

from meshui.logs.store import drop_before, drop_beyond

BATCH = 5_000


@shared_task  # type: ignore[untyped-decorator]
def drop_old_logs() -> int:
    """Keep ``MESHUI_LOG_HOURS`` hours of lines, and no more than ``MESHUI_LOG_LINES`` of them."""
    limit = time.time() - settings.MESHUI.log_hours * 3600
    return drop_before(limit, BATCH) + drop_beyond(settings.MESHUI.log_lines, BATCH)
