"""Records of taps: from proxies' reports, which the collector has verified, to those who watch.

One collector of several does it (``core.lease``). What comes faster than it is handed on is left out and counted;
nothing here waits for anybody.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

from channels.db import DatabaseSyncToAsync
from django.db import Error as DatabaseError
from msgspec.structs import replace
from redis.asyncio import Redis
from redis.exceptions import RedisError

from meshui.core.allowance import Allowance
from meshui.core.lease import while_leased
from meshui.logs.values import is_sound, line_of
from meshui.taps import stream
from meshui.taps.models import Tap
from meshui.taps.selectors import active
from meshui.taps.stream import NOTHING, Batch, Counts, Refused, Seen
from meshui.telemetry.fold import Identity, Registry
from meshui.telemetry.streams import entries
from proxies.wire.reports import Telemetry
from proxies.wire.taps import MAX_HEADER_VALUE, MAX_HEADERS, MAX_TAPS, MAX_TARGET, TapRecord, TapUse

log = logging.getLogger(__name__)

LOCK = 0x6D65736875690003
"""The advisory lock, in the number space of ``delivery.publish``."""
EVERY_S = 0.5
RECORDS_PER_S = 100
BYTES_PER_S = 256 * 1024
BURST_S = 4
"""Of one tap. Reports of several seconds may come at once."""
SILENT_S = 4.0
"""A proxy that says nothing of a tap for so long does not copy."""
MAX_COUNT = 10_000_000
MAX_NAME = 100
MAX_REFUSED = 5


class Relay:
    """``take`` what the collector read, and ``run`` beside it. ``redis`` is the mesh's database."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._tapped: dict[str, Tapped] = {}
        self._complained = False

    def take(self, report: Telemetry, identity: Identity, registry: Registry) -> None:
        """Believe a proxy of its service's taps alone."""
        if not self._tapped:
            return
        for use in report.tap_uses[:MAX_TAPS]:
            tapped = self._tapped.get(use.tap)
            if tapped is not None and tapped.service == identity.service:
                tapped.use(report.proxy, use)
        for index, record in enumerate(report.taps):
            tapped = self._tapped.get(record.tap)
            if tapped is not None and tapped.service == identity.service and is_sound(record.request, time.time()):
                place = f"{report.proxy} {report.boot} {report.seq} tap {index}"
                tapped.add(record, place, report.proxy, identity, registry)

    async def run(self) -> None:
        """Until cancelled."""
        await while_leased(LOCK, self._relay)

    async def _relay(self) -> None:
        try:
            while True:
                try:
                    await self._look()
                    await self._hand_on()
                    self._complained = False
                except (DatabaseError, RedisError) as error:
                    if not self._complained:
                        log.warning("taps wait: %s", error)
                    self._complained = True
                await asyncio.sleep(EVERY_S)
        finally:
            self._tapped.clear()

    async def _look(self) -> None:
        """Which taps there are now; one that another collector began goes on from its counts."""
        live = await DatabaseSyncToAsync(_live, thread_sensitive=False)()
        for gone in self._tapped.keys() - live.keys():
            del self._tapped[gone]
        for tap, service in live.items():
            if tap not in self._tapped:
                last = entries(await self._redis.xrevrange(stream.key(int(tap)), count=1))
                counts = stream.read_entry(last[0][1]).counts if last else NOTHING
                self._tapped[tap] = Tapped(service, counts)

    async def _hand_on(self) -> None:
        for tap, tapped in self._tapped.items():
            batch = tapped.batch()
            if batch is None:
                continue
            async with self._redis.pipeline(transaction=False) as pipe:
                pipe.xadd(stream.key(int(tap)), stream.entry(batch), maxlen=stream.ENTRIES, approximate=False)
                pipe.expire(stream.key(int(tap)), stream.KEPT_S)
                await pipe.execute()


class Tapped:
    """One tap's counts, and what waits to be handed on. ``service`` is whose proxies copy."""

    def __init__(self, service: str, counts: Counts) -> None:
        self.service = service
        self._counts = counts
        self._told: Counts | None = None
        self._records: list[Seen] = []
        self._allowed = Allowance(RECORDS_PER_S, BURST_S)
        self._allowed_bytes = Allowance(BYTES_PER_S, BURST_S)
        self._heard: dict[str, float] = {}
        self._refused: dict[str, str] = {}

    def use(self, proxy: str, use: TapUse) -> None:
        self._counts = replace(
            self._counts,
            matched=self._counts.matched + _bounded(use.matched),
            dropped_by_proxies=self._counts.dropped_by_proxies + _bounded(use.dropped),
        )
        if use.error:
            self._refused[proxy] = use.error[:200]
        else:
            self._heard[proxy] = time.monotonic()

    def add(self, record: TapRecord, place: str, proxy: str, identity: Identity, registry: Registry) -> None:
        size = len(record.target) + _size(record.request_headers) + _size(record.response_headers)
        if not self._allowed.left or self._allowed_bytes.left < size:
            self._counts = replace(self._counts, dropped_by_collector=self._counts.dropped_by_collector + 1)
            return
        self._counts = replace(self._counts, received=self._counts.received + 1)
        self._allowed.take(1)
        self._allowed_bytes.take(size)
        self._records.append(
            Seen(
                n=self._counts.received,
                line=line_of(record.request, place, proxy, identity, registry),
                target=record.target[:MAX_TARGET],
                request_headers=_cut(record.request_headers),
                response_headers=_cut(record.response_headers),
                cut=record.cut,
            )
        )

    def batch(self) -> Batch | None:
        """What there is to hand on, once; None where nothing is new."""
        now = time.monotonic()
        self._heard = {proxy: at for proxy, at in self._heard.items() if now - at < SILENT_S}
        refused = [Refused(proxy=proxy, error=error) for proxy, error in sorted(self._refused.items())][:MAX_REFUSED]
        self._counts = replace(self._counts, proxies=len(self._heard), refused=refused)
        if not self._records and self._counts == self._told:
            return None
        records, self._records, self._told = self._records, [], self._counts
        return Batch(self._counts, records)


def _live() -> Mapping[str, str]:
    """The services of the taps that are active, by id. One query."""
    return {str(row.pk): row.service for row in active(Tap.objects.only("source", "destination", "side"))}


def _bounded(count: int) -> int:
    return min(max(0, count), MAX_COUNT)


def _size(headers: list[tuple[str, str]]) -> int:
    return sum(len(name) + len(value) for name, value in headers)


def _cut(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [(name[:MAX_NAME], value[:MAX_HEADER_VALUE]) for name, value in headers[:MAX_HEADERS]]
