"""ETag and If-Match (RFC 9110, sections 8.8.3 and 13.1.1)."""

from __future__ import annotations

import re
from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

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


def answer(data: Any, *, version: str = "", status: int = 200) -> Response:
    """A response, with its ETag where the object has a version."""
    return Response(data, status=status, headers={"ETag": f'"{version}"'} if version else None)
