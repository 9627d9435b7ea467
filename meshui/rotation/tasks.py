"""What beat starts, and every decision of a person."""

from __future__ import annotations

from celery import shared_task

from meshui.rotation import services

STEPS_AT_ONCE = 5
"""In a row, where nothing holds them; a rotation has no more."""


@shared_task(name=services.ADVANCE_TASK, ignore_result=True)  # type: ignore[untyped-decorator]
def advance() -> None:
    """Take the steps that are due."""
    for _ in range(STEPS_AT_ONCE):
        if not services.advance():
            return
