"""Reads of the registry."""

from __future__ import annotations

from django.db.models import QuerySet

from meshui.catalog.models import Service
from meshui.core.errors import NotFound


def services() -> QuerySet[Service]:
    """Services with what their full name and split need."""
    return Service.objects.select_related("namespace").prefetch_related("versions")


def get_service(name: str) -> Service:
    """One service by ``namespace/name``. Raises NotFound."""
    namespace, _, short = name.partition("/")
    service = services().filter(namespace__name=namespace, name=short).first()
    if service is None:
        raise NotFound(f"no service {name}")
    return service
