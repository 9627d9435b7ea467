"""A span as it is taken in, and the limits that nobody's span exceeds. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct, field

MAX_ATTRIBUTES = 64
MAX_EVENTS = 32
MAX_KEY = 128
MAX_TEXT = 1024
MAX_ITEMS = 32
MAX_INTEGER = 1 << 53
"""What every client reads exactly."""

Attributes = dict[str, Any]
"""Text, numbers, booleans, and lists of these."""


class Event(Struct, frozen=True):
    after_us: int
    name: str
    attributes: Attributes


class NewSpan(Struct, frozen=True, kw_only=True):
    """``service`` is ``namespace/name`` where ``namespace`` is set, else whatever an app called itself."""

    trace_id: str
    span_id: str
    parent_id: str
    start_us: int
    """Unix microseconds."""
    duration_us: int
    namespace: str
    service: str
    version: str
    peer: str
    name: str
    kind: int
    proxied: bool
    error: bool
    message: str
    code: int | None
    route: str
    attributes: Attributes
    events: list[Event] = field(default_factory=list)


def text(value: str, most: int = MAX_TEXT) -> str:
    """Text that the database takes: no NUL, and not too long."""
    return value.replace("\0", "")[:most]


def bounded(pairs: Iterable[tuple[str, Any]]) -> Attributes:
    """The first attributes, each cut to what is kept."""
    kept: Attributes = {}
    for key, value in pairs:
        if len(kept) == MAX_ATTRIBUTES:
            break
        kept[text(key, MAX_KEY)] = _bounded(value)
    return kept


def _bounded(value: Any) -> Any:
    if isinstance(value, list):
        return [_bounded(item) for item in value[:MAX_ITEMS] if not isinstance(item, list | Mapping)]
    if isinstance(value, bool):
        return value
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return value
    if isinstance(value, float) and value - value == 0:  # neither infinite nor no number
        return value
    return text(str(value))
