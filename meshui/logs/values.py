"""A line as it is taken in: what a proxy may say of itself, of whom it spoke with, and in how many words. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from hashlib import blake2s
from uuid import UUID

from msgspec import Struct

from meshui.telemetry.fold import PROBER, UNKNOWN, Identity, Registry
from proxies.core.flags import DOWNSTREAM_CLOSED
from proxies.wire.logs import LogRecord
from proxies.wire.reports import Telemetry

OLDEST_S = 900
FUTURE_S = 60
MAX_DURATION_US = 7 * 86_400 * 1_000_000
MAX_INTEGER = 1 << 53
"""What every client reads exactly."""
MAX_TRIES = 1000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRACE_ID = re.compile(r"([0-9a-f]{32})?").fullmatch
_FLAGS = re.compile(r"([A-Z]{1,8}(,[A-Z]{1,8}){0,7})?").fullmatch
_PROTOCOL = re.compile(r"[a-z0-9][a-z0-9./+-]{0,15}").fullmatch


class NewLine(Struct, frozen=True, kw_only=True):
    """The columns of ``models.Line``, in their order."""

    id: UUID
    at: datetime
    duration_us: int
    first_byte_us: int | None
    namespace: str
    called: str
    proxy: str
    server: bool
    inbound: bool
    protocol: str
    source: str
    source_version: str
    destination: str
    destination_version: str
    route: str
    secured: bool
    method: str
    host: str
    path: str
    code: int
    flags: str
    error: bool
    rule: str
    request_bytes: int
    response_bytes: int
    endpoint: str
    tries: int
    trace_id: str
    request_id: str
    peer: str
    identity: str
    user_agent: str


def lines_of(
    records: Iterable[LogRecord], report: Telemetry, identity: Identity, registry: Registry, now: float
) -> Iterator[NewLine]:
    """What is kept of the records of a report. ``now`` is Unix seconds."""
    for index, record in enumerate(records):
        if is_sound(record, now):
            place = f"{report.proxy} {report.boot} {report.seq} {index}"
            yield line_of(record, place, report.proxy, identity, registry)


def is_sound(record: LogRecord, now: float) -> bool:
    """Whether it can have been so, and is no health check."""
    return bool(
        PROBER not in (record.source, record.destination)
        and _TRACE_ID(record.trace_id)
        and _FLAGS(record.flags)
        and _PROTOCOL(record.protocol)
        and (now - OLDEST_S) * 1e6 <= record.at_us + record.duration_us
        and 0 <= record.at_us <= (now + FUTURE_S) * 1e6
        and 0 <= record.duration_us <= MAX_DURATION_US
        and -1 <= record.first_byte_us <= MAX_DURATION_US
        and (record.code == 0 or 100 <= record.code <= 599)
        and 0 <= record.request_bytes <= MAX_INTEGER
        and 0 <= record.response_bytes <= MAX_INTEGER
        and 0 <= record.tries <= MAX_TRIES
    )


def line_of(record: LogRecord, place: str, proxy: str, identity: Identity, registry: Registry) -> NewLine:
    """A sound record as its line. A proxy speaks for the service it joined as, and of others only by names that the
    registry knows. ``place`` tells apart records of one moment."""
    inbound = record.reporter == "destination"
    told = (identity.service, identity.version)
    source = _known(registry, record.source, record.source_version) if inbound else told
    destination = told if inbound else _known(registry, record.destination, record.destination_version)
    return NewLine(
        id=line_id(record.at_us, place),
        at=_EPOCH + timedelta(microseconds=record.at_us),
        duration_us=record.duration_us,
        first_byte_us=None if record.first_byte_us < 0 else record.first_byte_us,
        namespace=identity.service.partition("/")[0],
        called="" if destination[0] == UNKNOWN else destination[0].partition("/")[0],
        proxy=proxy,
        server=record.kind == "server",
        inbound=inbound,
        protocol=record.protocol,
        source=source[0],
        source_version=source[1],
        destination=destination[0],
        destination_version=destination[1],
        route=_cut(record.route, 200),
        secured=record.secured,
        method=_cut(record.method, 32),
        host=_cut(record.host, 255),
        path=_cut(record.path, 1024),
        code=record.code,
        flags=record.flags,
        error=record.code >= 500 or (record.code == 0 and record.flags != DOWNSTREAM_CLOSED),
        rule=_cut(record.rule, 200),
        request_bytes=record.request_bytes,
        response_bytes=record.response_bytes,
        endpoint=_cut(record.endpoint, 280),
        tries=record.tries,
        trace_id=record.trace_id,
        request_id=_cut(record.request_id, 128),
        peer=_cut(record.peer, 64),
        identity=_cut(record.identity, 300),
        user_agent=_cut(record.user_agent, 256),
    )


def line_id(at_us: int, place: str = "") -> UUID:
    """A UUID of version 7 (RFC 9562): the milliseconds, the microseconds within, and a hash of the place, so that the
    same record has the same one. Without a place, the least of its microsecond."""
    ms, us = divmod(at_us, 1000)
    tail = int.from_bytes(blake2s(place.encode(), digest_size=8).digest()) >> 2 if place else 0
    return UUID(int=ms << 80 | 7 << 76 | us << 64 | 2 << 62 | tail)


def _known(registry: Registry, service: str, version: str) -> tuple[str, str]:
    versions = registry.services.get(service)
    return (UNKNOWN, "") if versions is None else (service, version if version in versions else "")


def _cut(text: str, most: int) -> str:
    """Text that the database takes: no NUL, and not too long."""
    return text.replace("\0", "")[:most]
