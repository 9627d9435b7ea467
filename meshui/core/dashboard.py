"""The dashboard's one page, for every path that is no API: the browser's router does the rest."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

MISSING = (
    "The dashboard has not been built yet.\n\n"
    "`make demo` and `make up` build it; by hand: `cd frontend && npm ci && npm run build`. Then reload.\n"
    "The API works meanwhile: /api/v1/docs/\n"
)


@require_safe
def index(request: HttpRequest, path: str = "") -> HttpResponse:
    """``frontend/dist/index.html``, never cached, so that a new build shows at the next load."""
    try:
        page = (settings.FRONTEND_DIST / "index.html").read_bytes()
    except FileNotFoundError:
        return HttpResponse(MISSING, status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(page, headers={"Cache-Control": "no-cache"})
