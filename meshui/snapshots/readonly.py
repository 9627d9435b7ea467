"""Refuses every write to a control plane that shows a snapshot. Who may view signs in and out, and may simulate."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponse

from meshui.core import problems
from meshui.core.api.endpoints import SAFE

CHANGES_NOTHING = frozenset({"/api/v1/auth/login/", "/api/v1/auth/logout/", "/api/v1/simulate/"})

_refused = problems.page(403, "read_only", "This is a snapshot: it shows what was, and nothing in it can be changed")


class ReadOnly:
    """Not in use where no snapshot is shown."""

    sync_capable = True
    async_capable = False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        if settings.MESHUI.snapshot_at is None:
            raise MiddlewareNotUsed
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in SAFE or request.path in CHANGES_NOTHING:
            return self._get_response(request)
        return _refused(request)
