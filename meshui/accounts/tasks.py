"""Housekeeping of people's sessions."""

from __future__ import annotations

from celery import shared_task

from meshui.accounts.services import sessions_forget


@shared_task  # type: ignore[untyped-decorator]
def forget_old_sessions() -> None:
    sessions_forget()
