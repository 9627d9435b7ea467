"""What beat starts."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from meshui.taps.services import forget_before

KEPT = timedelta(days=30)


@shared_task  # type: ignore[untyped-decorator]
def forget_old_taps() -> int:
    """The change log remembers for longer who tapped what."""
    return forget_before(timezone.now() - KEPT)
