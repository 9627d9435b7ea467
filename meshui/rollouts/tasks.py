"""Celery's entries: thin, idempotent, without state. A tick that is lost is made up for by the next scan."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from meshui.core.commits import send_soon
from meshui.rollouts import reconcile
from meshui.rollouts.models import Measurement

TICK = "meshui.rollouts.tasks.tick"
KEPT = timedelta(days=30)
"""Of measurements; a rollout keeps its verdict and its events."""


@shared_task(name=TICK, ignore_result=True)  # type: ignore[untyped-decorator]
def tick(rollout_id: int) -> None:
    reconcile.tick(rollout_id)


@shared_task(name="meshui.rollouts.tasks.scan", ignore_result=True)  # type: ignore[untyped-decorator]
def scan() -> None:
    """One task for each rollout that is due, so that a slow one holds up no other."""
    for rollout_id in reconcile.due():
        send_soon(TICK, rollout_id)


@shared_task(name="meshui.rollouts.tasks.drop_old_measurements", ignore_result=True)  # type: ignore[untyped-decorator]
def drop_old_measurements() -> None:
    Measurement.objects.filter(at__lt=timezone.now() - KEPT).delete()
