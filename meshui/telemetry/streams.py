"""Reading Redis streams: what the client library answers, with the types that it has."""

from __future__ import annotations

from typing import Any

Entry = tuple[bytes, dict[bytes, bytes]]


def entries(reply: Any) -> list[Entry]:
    """The entries of an XRANGE or XREVRANGE."""
    return reply or []


def read_entries(reply: Any) -> list[Entry]:
    """The entries of an XREAD of one stream; none where it timed out."""
    return [entry for _, batch in reply or () for entry in batch]


def id_ms(entry_id: bytes) -> int:
    """When an entry was received, in milliseconds by the server's clock."""
    return int(entry_id.split(b"-")[0])
