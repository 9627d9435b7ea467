"""The last records of a tap, on a stream of Redis that the collector writes: short, and gone a minute after its last.

Heads are not to be kept: besides this only the reports have them, which the collector drops after a minute.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct, field

from meshui.core.api.bodies import View
from meshui.core.redis import client
from meshui.logs.values import NewLine
from meshui.telemetry.streams import entries

PREFIX = "mesh:tapped:"
ENTRIES = 40
KEPT_S = 60
SHOWN = 400
"""Records that a watcher gets at first, and after it missed some."""
_AT_ONCE = 8


class Refused(View, frozen=True, kw_only=True):
    """A proxy that would not take the order, and why."""

    proxy: str
    error: str


class Counts(View, frozen=True, kw_only=True):
    """Since the tap began. ``matched`` met its filters; of those ``dropped_by_proxies`` were above its rate or the
    report's room, and ``dropped_by_collector`` above what it hands on; ``received`` came through. ``proxies`` are
    copying now."""

    matched: int
    received: int
    dropped_by_proxies: int
    dropped_by_collector: int
    proxies: int
    refused: list[Refused]


NOTHING = Counts(matched=0, received=0, dropped_by_proxies=0, dropped_by_collector=0, proxies=0, refused=[])


class Seen(Struct, frozen=True, array_like=True):
    """One record; ``n`` counts those of a tap from 1."""

    n: int
    line: NewLine
    target: str
    request_headers: list[tuple[str, str]]
    response_headers: list[tuple[str, str]]
    cut: bool


class Batch(Struct, frozen=True, array_like=True):
    """What is new, and the counts with it."""

    counts: Counts
    records: list[Seen] = field(default_factory=list)


class Tail(Struct, frozen=True):
    """The newest records, the oldest first."""

    counts: Counts
    records: list[Seen]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


def key(tap_id: int) -> str:
    return f"{PREFIX}{tap_id}"


def entry(batch: Batch) -> dict[Any, Any]:
    """The fields to XADD."""
    return {b"b": _encoder.encode(batch)}


def read_entry(fields: dict[bytes, bytes]) -> Batch:
    return _decoder.decode(fields[b"b"])


def recent(tap_id: int, most: int = SHOWN) -> Tail:
    """The last ``most`` records and the counts. Raises RedisError."""
    newest: list[Batch] = []
    before = "+"
    while sum(len(batch.records) for batch in newest) < most:
        found = entries(client().xrevrange(key(tap_id), max=before, count=_AT_ONCE))
        newest += [read_entry(fields) for _, fields in found]
        if len(found) < _AT_ONCE:
            break
        before = f"({found[-1][0].decode()}"
    records = [record for batch in reversed(newest) for record in batch.records]
    return Tail(newest[0].counts if newest else NOTHING, records[-most:])
