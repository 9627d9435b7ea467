"""What beat starts: renewal of the authority, keys of token providers, and forgetting."""

from __future__ import annotations

from celery import shared_task

from meshui.security import services


@shared_task  # type: ignore[untyped-decorator]
def renew_authority() -> None:
    """Make or renew the authority where that is due."""
    services.authority_ensure()


@shared_task  # type: ignore[untyped-decorator]
def fetch_keys() -> None:
    """Fetch the keys of token providers that are due."""
    services.fetch_due()


@shared_task  # type: ignore[untyped-decorator]
def drop_old_records() -> None:
    """Forget leaves that ended long ago."""
    services.drop_old_records()
