"""Requests that proxies told of: one for each route and second, kept for an hour.

They are what a change of routes is tried on. A sample says how many requests it stands for; where more arrive than are
kept, those that are kept stand for the others too. Which ones are kept is a function of the reports alone, so two
collectors choose the same.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import blake2s
from typing import TYPE_CHECKING, Any

import msgspec
import redis
from django.conf import settings
from msgspec import Struct

from meshui.core.errors import Unavailable
from meshui.telemetry.streams import entries, id_ms
from proxies.core.told import MAX_NAME, MAX_NAMES, MAX_PATH, MAX_VALUE, Named
from proxies.wire.reports import RequestSample, Telemetry

if TYPE_CHECKING:
    from meshui.telemetry.fold import Identity, Registry

STREAM = "mesh:samples"
KEPT_MS = 3_600_000
PER_SECOND = 40
MAX_IN_REPORT = 4_000
MAX_WEIGHT = 10_000_000
_TIMEOUT_S = 3.0
_MAX_ENCODED = 4 << 20
_BATCH = 600


class Sample(Struct, frozen=True, array_like=True):
    """A request to ``destination`` as the proxy of ``source`` routed it; see ``RequestSample``."""

    source: str
    destination: str
    route: str
    weight: int
    method: str
    host: str
    path: str
    query: list[Named]
    headers: list[Named]
    cookies: list[Named]


class Samples:
    """Those of one second in the making."""

    def __init__(self) -> None:
        self._found: list[tuple[bytes, Sample]] = []

    def add(self, report: Telemetry, identity: Identity, registry: Registry) -> None:
        """Take what a report tells of services that the registry knows; its source is who reports."""
        for index, told in enumerate(report.samples):
            if told.destination in registry.services:
                place = blake2s(f"{report.proxy} {report.boot} {report.seq} {index}".encode(), digest_size=8).digest()
                self._found.append((place, Sample(identity.service, *msgspec.structs.astuple(told))))

    def chosen(self) -> list[Sample]:
        """At most PER_SECOND of them, standing for all."""
        found = sorted(self._found, key=lambda each: each[0])
        kept = [sample for _, sample in found[:PER_SECOND]]
        share = len(found) / max(1, len(kept))
        if share == 1:
            return kept
        return [msgspec.structs.replace(sample, weight=round(sample.weight * share)) for sample in kept]


def flaw(told: RequestSample) -> str:
    """What cannot be in a sample, or nothing."""
    if not 1 <= told.weight <= MAX_WEIGHT:
        return "a sample's weight is out of range"
    if len(told.path) > MAX_PATH or not told.path.startswith(("/", "*")):
        return "a sample's path is none"
    if max(len(told.method), len(told.host), len(told.route), len(told.destination)) > MAX_VALUE:
        return "a sample's text is too long"
    for named in (told.query, told.headers, told.cookies):
        if len(named) > MAX_NAMES:
            return "a sample has too many names"
        if any(len(name) > MAX_NAME or len(value or "") > MAX_VALUE for name, value in named):
            return "a sample's name or value is too long"
    return ""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Sample])


def entry(samples: list[Sample]) -> dict[Any, Any]:
    """The fields of a second on its stream."""
    return {b"s": zlib.compress(_encoder.encode(samples), 1)}


def read(since: float, until: float) -> Iterator[tuple[float, list[Sample]]]:
    """The seconds between two Unix times, each with its samples. Raises Unavailable where Redis is away."""
    start = f"{int(since * 1000)}"
    try:
        while True:
            batch = entries(_client().xrange(STREAM, start, str(int(until * 1000)), count=_BATCH))
            for entry_id, fields in batch:
                yield id_ms(entry_id) / 1000, _decode(fields)
            if len(batch) < _BATCH:
                return
            start = f"({batch[-1][0].decode()}"
    except redis.RedisError as error:
        raise Unavailable(f"recent requests cannot be read: {error}") from error


def _decode(fields: Mapping[bytes, bytes]) -> list[Sample]:
    return _decoder.decode(zlib.decompressobj().decompress(fields[b"s"], _MAX_ENCODED))


@cache
def _client() -> redis.Redis:
    return redis.Redis.from_url(settings.MESHUI.redis_url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S)
