"""Celery's entries: thin, idempotent, without state. A tick that is lost is made up for by the next scan."""

from __future__ import annotations

from celery import shared_task

from meshui.core.commits import send_soon
from meshui.rollouts import reconcile

TICK = "meshui.rollouts.tasks.tick"


@shared_task(name=TICK, ignore_result=True)  # type: ignore[untyped-decorator]
def tick(rollout_id: int) -> None:
    reconcile.tick(rollout_id)


@shared_task(name="meshui.rollouts.tasks.scan", ignore_result=True)  # type: ignore[untyped-decorator]
def scan() -> None:
    """One task for each rollout that is due, so that a slow one holds up no other."""
    for rollout_id in reconcile.due():
        send_soon(TICK, rollout_id)
