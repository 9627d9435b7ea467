"""Versions of objects: what an ETag shows and If-Match compares."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from meshui.core.errors import Stale


def etag(value: Any) -> str:
    """The version of a value: a hash of its content."""
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()[:16]


def expect(expected: str | None, current: str) -> None:
    """Raise Stale unless the version that the caller read is still the current one; None takes any."""
    if expected is not None and expected != current:
        raise Stale(f"it is at version {current}, not {expected}")
