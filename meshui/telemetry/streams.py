"""Reading Redis streams: what the client library answers, with the types that it has."""

from __future__ import annotations

from typing import Any

BLOCKS = "mesh:blocks"
"""Frames of ten seconds each, the sums of those on ``mesh:frames``, for who reads long windows."""

INSTANCES = "mesh:instances"
"""What each proxy counted of its own, ten seconds at a time: finer would be many times as much for who seldom looks."""

Entry = tuple[bytes, dict[bytes, bytes]]


def entries(reply: Any) -> list[Entry]:
    """The entries of an XRANGE or XREVRANGE."""
    return reply or []


def read_entries(reply: Any) -> dict[str, list[Entry]]:
    """The entries of an XREAD by stream; none where it timed out."""
    return {stream.decode(): batch for stream, batch in reply or ()}


def id_ms(entry_id: bytes) -> int:
    """When an entry was received, in milliseconds by the server's clock."""
    return int(entry_id.split(b"-")[0])
