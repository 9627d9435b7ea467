"""The dashboard's page where it shows a snapshot: the same, with its clock set first."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from meshui.core import dashboard, problems
from meshui.snapshots.clock import script

_HEAD = b"<head>"
_CLOCK = _HEAD + b'<script src="/snapshot.js"></script>'


@require_safe
def index(request: HttpRequest, path: str = "") -> HttpResponse:
    """The page as it always is; where a snapshot is shown, the clock's script comes before all others."""
    response = dashboard.index(request, path)
    if settings.MESHUI.snapshot_at is not None:
        response.content = response.content.replace(_HEAD, _CLOCK, 1)
    return response


@require_safe
def clock_script(request: HttpRequest) -> HttpResponse:
    if settings.MESHUI.snapshot_at is None:
        return problems.not_found(request)
    return HttpResponse(script(settings.MESHUI.snapshot_at), content_type="text/javascript; charset=utf-8")
