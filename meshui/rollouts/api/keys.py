"""Idempotency-Key: a request that is sent twice has one effect."""

from __future__ import annotations

import re

from rest_framework.request import Request

from meshui.core.errors import InvalidInput

KEY = re.compile(r"[\x21-\x7e]{1,200}")


def idempotency_key(request: Request) -> str:
    """The key; empty where the client sent none. Raises InvalidInput."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if key and not KEY.fullmatch(key):
        raise InvalidInput.field("Idempotency-Key", "invalid", "a key has 1 to 200 printable ASCII characters")
    return key
