"""Celery's entries: thin, idempotent, without state."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from meshui.rollouts.models import IdempotencyKey
from meshui.rollouts.notify import sender

KEYS_LIVE = timedelta(hours=24)


@shared_task(name="meshui.rollouts.notify.tasks.send_notifications", ignore_result=True)  # type: ignore[untyped-decorator]
def send_notifications() -> None:
    sender.send_due()


@shared_task(name="meshui.rollouts.notify.tasks.forget_old_keys", ignore_result=True)  # type: ignore[untyped-decorator]
def forget_old_keys() -> None:
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEYS_LIVE).delete()
