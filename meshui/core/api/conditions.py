"""ETag and If-Match (RFC 9110, sections 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re
from typing import Any, TypedDict

from rest_framework.request import Request
from rest_framework.response import Response

from meshui.core.actors import Actor
from meshui.core.api.actors import actor_of
from meshui.core.api.bodies import DeleteQuery, WriteQuery, query
from meshui.core.errors import InvalidInput, PreconditionRequired

STRONG = re.compile(r'"([\x21\x23-\x7e]*)"')


def expected_version(request: Request) -> str | None:
    """The version in If-Match; None for ``*``, which takes any. Raises PreconditionRequired where it is absent."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        raise PreconditionRequired("send the ETag of the object you read as If-Match")
    if header == "*":
        return None
    matched = STRONG.fullmatch(header)
    if matched is None:
        raise InvalidInput.field("If-Match", "invalid", "If-Match is one quoted strong ETag, or *")
    return matched[1]


class Conditions(TypedDict):
    """What every conditional write hands to its service."""

    actor: Actor
    reason: str
    expected_version: str | None
    dry_run: bool


def conditions(request: Request, reason: str) -> Conditions:
    """Who asks for a write, why, over which version, and whether it is only tried. Raises PreconditionRequired,
    InvalidInput."""
    return {
        "actor": actor_of(request),
        "reason": reason,
        "expected_version": expected_version(request),
        "dry_run": query(request, WriteQuery).dry_run,
    }


def deletion(request: Request) -> Conditions:
    """The same of a DELETE, whose reason is in its query."""
    asked = query(request, DeleteQuery)
    return {
        "actor": actor_of(request),
        "reason": asked.reason,
        "expected_version": expected_version(request),
        "dry_run": asked.dry_run,
    }


def answer(data: Any, *, version: str = "", status: int = 200) -> Response:
    """A response, with its ETag where the object has a version."""
    return Response(data, status=status, headers={"ETag": f'"{version}"'} if version else None)
