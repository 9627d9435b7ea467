"""What beat starts in the registry."""

from __future__ import annotations

from celery import shared_task

from meshui.catalog.services import instances_deregister_overdue, instances_expire


@shared_task  # type: ignore[untyped-decorator]
def expire_instances() -> None:
    """Take instances out of rotation that have been silent for their TTL, and out of the registry those that have been
    critical for too long."""
    instances_expire()
    instances_deregister_overdue()
