"""Where every error becomes RFC 9457 problem+json: the API's one exception handler, and Django's own error pages.

What nobody foresaw is logged and shown as ``internal_error`` without its text.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError
from rest_framework import exceptions
from rest_framework.response import Response

from meshui.core.errors import FieldError, MeshError, NotAuthenticated, Throttled
from meshui.mesh.invariants import Invalid

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
AUTHENTICATE = 'Bearer realm="meshui"'


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """One field at fault; ``path`` is dotted."""

    path: str
    code: str
    detail: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """RFC 9457, with a stable ``code`` and the fields at fault."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[FieldProblem]


def problem(status: int, code: str, title: str, detail: str = "", errors: Sequence[FieldError] = ()) -> Problem:
    return Problem(
        type="about:blank",
        title=title,
        status=status,
        code=code,
        detail=detail or title,
        errors=[FieldProblem(path=e.path, code=e.code, detail=e.detail) for e in errors],
    )


FOREIGN: Sequence[tuple[type[Exception] | tuple[type[Exception], ...], int, str, str]] = (
    (exceptions.ParseError, 400, "malformed_json", "The body is not JSON"),
    (exceptions.NotAuthenticated, 401, "not_authenticated", "Authentication is required"),
    (exceptions.AuthenticationFailed, 401, "not_authenticated", "Authentication failed"),
    ((exceptions.PermissionDenied, DjangoPermissionDenied), 403, "permission_denied", "Permission denied"),
    ((exceptions.NotFound, Http404), 404, "not_found", "Not found"),
    (exceptions.MethodNotAllowed, 405, "method_not_allowed", "Method not allowed"),
    (exceptions.NotAcceptable, 406, "not_acceptable", "Only application/json is spoken here"),
    (RequestDataTooBig, 413, "too_large", "The body is too large"),
    (exceptions.UnsupportedMediaType, 415, "unsupported_media_type", "Send application/json"),
    (SuspiciousOperation, 400, "invalid", "Invalid request"),
)
"""Errors of the frameworks that we foresee: status, code and title. Their own text stays inside, except below."""

UNAVAILABLE = (OperationalError, InterfaceError, RedisConnectionError, RedisTimeoutError)


def handler(error: Exception, context: dict[str, Any]) -> Response:
    """REST framework's exception handler."""
    shown, headers = _show(error)
    return Response(shown, status=shown.status, headers=headers, content_type=CONTENT_TYPE)


def _show(error: Exception) -> tuple[Problem, dict[str, str]]:
    if isinstance(error, MeshError):
        return problem(error.status, error.code, error.title, error.detail, error.errors), _headers(error)
    if isinstance(error, Invalid):
        errors = [FieldError(b.path, b.code, b.detail) for b in error.breaches]
        return problem(400, "invalid", "Invalid request", str(error), errors), {}
    if isinstance(error, UNAVAILABLE):
        log.warning("a store is unreachable: %s", error)
        return problem(503, "unavailable", "Temporarily unavailable, try again"), {"Retry-After": "1"}
    for kind, status, code, title in FOREIGN:
        if isinstance(error, kind):
            detail = str(error) if isinstance(error, exceptions.ParseError) else ""
            return problem(status, code, title, detail), _headers(error, status)
    log.error("unforeseen error", exc_info=error)
    return problem(500, "internal_error", "Internal error"), {}


def _headers(error: Exception, status: int = 0) -> dict[str, str]:
    if isinstance(error, Throttled):
        return {"Retry-After": str(error.retry_after)}
    if status == 401 or isinstance(error, NotAuthenticated):
        return {"WWW-Authenticate": AUTHENTICATE}
    return {}


def page(status: int, code: str, title: str) -> Callable[..., HttpResponse]:
    """An error page for what happens outside the API's views: problem+json too."""
    content = msgspec.json.encode(problem(status, code, title))

    def view(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return HttpResponse(content, status=status, content_type=CONTENT_TYPE)

    return view


bad_request = page(400, "invalid", "Invalid request")
forbidden = page(403, "permission_denied", "Permission denied")
csrf_failure = page(403, "csrf_failed", "CSRF check failed")
not_found = page(404, "not_found", "Not found")
internal_error = page(500, "internal_error", "Internal error")
