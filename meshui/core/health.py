"""``/healthz``: the process answers. ``/readyz``: it can do its work, and if not, what is missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import msgspec
from django.core.cache import cache
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

log = logging.getLogger(__name__)


class NotReady(Exception):
    """What is missing, for who runs the control plane."""


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _redis() -> None:
    cache.get("readyz")


def _migrations() -> None:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if pending:
        raise NotReady(f"{len(pending)} not applied: run `python manage.py migrate`")


CHECKS: Mapping[str, Callable[[], None]] = {"database": _database, "redis": _redis, "migrations": _migrations}


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return _json(200, {"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200, or 503 with ``missing``: what and why. Addresses and passwords stay in the log."""
    missing: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            check()
        except NotReady as error:
            missing[name] = str(error)
        except Exception as error:  # whatever a driver raises means the same here
            log.warning("%s is not ready: %s", name, error)
            missing[name] = type(error).__name__
    return _json(503 if missing else 200, {"status": "missing" if missing else "ok", "missing": missing})


def _json(status: int, shown: object) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(shown), status=status, content_type="application/json")
