"""Typed errors: a stable code, an HTTP status, and the paths of the fields at fault. ``problems.py`` shows them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """``path`` is dotted: ``weights.v3``, ``routes.0.match.path``."""

    path: str
    code: str
    detail: str


class MeshError(Exception):
    """What a service raises; it has changed nothing."""

    status = 400
    code = "invalid"
    title = "Invalid request"

    def __init__(self, detail: str = "", *, code: str = "", errors: Sequence[FieldError] = ()) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.code = code or self.code
        self.errors = tuple(errors)


class InvalidInput(MeshError):
    @classmethod
    def field(cls, path: str, code: str, detail: str) -> InvalidInput:
        """An error of one field."""
        return cls(detail, errors=[FieldError(path, code, detail)])


class NotAuthenticated(MeshError):
    status, code, title = 401, "not_authenticated", "Authentication is required"


class PermissionDenied(MeshError):
    status, code, title = 403, "permission_denied", "Permission denied"


class CsrfFailed(MeshError):
    status, code, title = 403, "csrf_failed", "CSRF check failed"


class NotFound(MeshError):
    status, code, title = 404, "not_found", "Not found"


class Conflict(MeshError):
    status, code, title = 409, "conflict", "Conflict"


class Stale(MeshError):
    status, code, title = 412, "stale", "The object has changed since it was read"


class TooLarge(MeshError):
    status, code, title = 413, "too_large", "The body is too large"


class PreconditionRequired(MeshError):
    status, code, title = 428, "precondition_required", "If-Match is required"


class Throttled(MeshError):
    status, code, title = 429, "throttled", "Too many attempts"

    def __init__(self, detail: str = "", *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after


class Unavailable(MeshError):
    status, code, title = 503, "unavailable", "A part of the mesh cannot be reached"
