"""What beat starts in the registry."""

from __future__ import annotations

from celery import shared_task

from meshui.catalog.services import instances_expire


@shared_task  # type: ignore[untyped-decorator]
def expire_instances() -> None:
    """Take instances out of rotation that have been silent for their TTL."""
    instances_expire()
