"""What beat starts: thin, idempotent, without state."""

from __future__ import annotations

from celery import shared_task

from meshui.alerts import evaluate


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def evaluate_alerts() -> None:
    evaluate.evaluate()
    evaluate.outbox.send_due()


@shared_task(ignore_result=True)  # type: ignore[untyped-decorator]
def drop_old_alerts() -> None:
    evaluate.drop_old()
