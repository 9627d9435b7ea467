"""The collector: telemetry streams in; frames, heartbeats and rollups out.

Time is the server's: an entry belongs to the second in which Redis received it, whatever the proxy's clock says. So a
frame is a function of the streams alone. A second is closed ``LATENESS_MS`` after its end, when every entry below that
id is in, and the frame's own id on ``mesh:frames`` is that limit: appending a frame is what moves the collector's
position, and both happen or neither does. A collector that was killed goes on from the last frame. Two of them at once
make the same frames, and the second to append one finds that it is there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from channels.db import database_sync_to_async
from django.conf import settings
from django.db import Error as DatabaseError
from redis.asyncio import Redis
from redis.exceptions import RedisError, ResponseError

from meshui.core.concurrency import end
from meshui.telemetry import samples
from meshui.telemetry.beats import Beats
from meshui.telemetry.fold import Fold, Identity, Nonsense, Registry, Seen, SeenState
from meshui.telemetry.frames import SPAN_S, Frame, decode, entry, read_entry, total
from meshui.telemetry.registry import RoutesByService, load_registry, no_routes
from meshui.telemetry.rollups import roll_up
from meshui.telemetry.saturation import Loads
from meshui.telemetry.streams import BLOCKS, INSTANCES, Entry, entries, id_ms
from proxies.wire import keys
from proxies.wire.reports import ReportError, Telemetry, read_telemetry

log = logging.getLogger(__name__)

SECOND_MS = 1000
LATENESS_MS = 350
"""How long after its end a second stays open: reports leave a proxy at the second's end and need a moment."""
POLL_S = 0.1
BATCH = 250
"""Entries read from one shard at a time; between batches other tasks of the process run."""
KEPT_MS = 15 * 60 * SECOND_MS
READ_KEPT_MS = 60 * SECOND_MS
"""How long reports stay on their streams after they were counted."""
REGISTRY_S = 2.0
SKEW_MS = 60_000
"""A stream whose last id is further in the future than this is unusable: the server's clock was set back."""
HELD = 1_000
"""Reports of proxies not yet known that wait for the next look at the registry."""
SEEN = "mesh:collector:seen"
SHARDS = tuple(f"{keys.TELEMETRY_PREFIX}{shard}" for shard in range(keys.TELEMETRY_SHARDS))


Taker = Callable[[Telemetry, Identity, Registry], None]
"""Is given each report that was counted, with who made it."""


def leave(report: Telemetry, identity: Identity, registry: Registry) -> None:
    """The taker where nobody takes more of reports than what is counted."""


async def run(redis: Redis, taker: Taker = leave, routes: RoutesByService = no_routes) -> None:
    """Collect until cancelled. ``redis`` is the mesh's database, with ``decode_responses`` off; it may come and go.
    ``routes`` reads the names that requests are told apart by."""
    collector = Collector(redis, settings.MESHUI.report_key, taker, routes)
    tasks = [asyncio.create_task(part) for part in (collector.collect(), collector.heartbeat(), roll_up_always(redis))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end(tasks)


async def roll_up_always(redis: Redis) -> None:
    """Write the rollup of every ten seconds that are complete. What fails is done again at the next round."""
    complained = False
    while True:
        try:
            await roll_up(redis)
            complained = False
        except (RedisError, DatabaseError) as error:
            if not complained:
                log.warning("rollups wait: %s", error)
            complained = True
        await asyncio.sleep(1)


class Collector:
    """The state between two frames: what was read and not yet appended."""

    def __init__(self, redis: Redis, master: bytes, taker: Taker = leave, routes: RoutesByService = no_routes) -> None:
        self._redis = redis
        self._taker = taker
        self._routes = routes
        self._master = master
        self._registry = Registry()
        self._registry_until = 0.0
        self._beats = Beats()
        self._loads = Loads()
        self._refusals = Refusals()
        self._fold = Fold()
        self._samples = samples.Samples()
        self._seen = Seen()
        self._position = 0
        """Milliseconds; every entry received before it is in a frame."""
        self._next: dict[str, str] = {}
        """The first id to read, by shard."""
        self._held: list[Telemetry] = []
        self._own: dict[int, Frame] = {}
        """What instances counted, by the end of each second since the last ten."""
        self._framed = asyncio.Event()

    async def collect(self) -> None:
        """Make frames. Whatever happens to Redis, start again from the last frame that it has."""
        complained = False
        while True:
            try:
                await self._resume()
                while True:
                    await self._second()
                    complained = False
            except RedisError as error:
                if not complained:
                    log.warning("telemetry waits: %s", error)
                complained = True
                await asyncio.sleep(0.2)

    async def heartbeat(self) -> None:
        """Write what proxies said of themselves after each frame, or after several where the database is slow.

        No frame, no call: only while the streams are being read does a proxy's silence mean something.
        """
        while True:
            await self._framed.wait()
            self._framed.clear()
            await self._beats.write(self._position / SECOND_MS)
            await self._loads.write()

    # --- one second ---------------------------------------------------------------------------------------------

    async def _second(self) -> None:
        limit = self._position + SECOND_MS
        await self._read_until(limit)
        await self._settle_held()
        frame = self._fold.frame((limit - LATENESS_MS) / SECOND_MS)
        self._own[int(frame.at)] = self._fold.instances(frame.at)
        await self._append(limit, frame, self._samples.chosen())
        self._refusals.report(frame.refused)
        self._begin(limit)
        if frame.at % SPAN_S == 0:
            self._loads.close(int(frame.at))
            await self._append_block(int(frame.at))
            await self._forget_reports(limit - READ_KEPT_MS)
            await self._append_instances(int(frame.at))
        self._framed.set()

    async def _read_until(self, limit: int) -> None:
        """Count every entry that was received before ``limit``."""
        while True:
            now, full = await self._read(limit)
            if full:
                await asyncio.sleep(0)
            elif now >= limit:
                return
            else:
                await asyncio.sleep(min(POLL_S, (limit - now) / SECOND_MS + 0.002))
            await self._look_at_registry()

    async def _read(self, limit: int) -> tuple[int, bool]:
        """One batch of each shard: the server's time before it, and whether a shard may have more."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.time()
            for shard in SHARDS:
                pipe.xrange(shard, self._next[shard], str(limit - 1), count=BATCH)
            now, *batches = await pipe.execute()
        for shard, batch in zip(SHARDS, batches, strict=True):
            for _, fields in batch:
                self._take(fields)
            if batch:
                self._next[shard] = "(" + batch[-1][0].decode()
        return _milliseconds(now), any(len(batch) == BATCH for batch in batches)

    async def _append(self, limit: int, frame: Frame, told: list[samples.Sample]) -> None:
        """The frame, what was told of its requests, and what is seen, in one transaction. Raises ResponseError where
        the frame is there already."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.xadd(keys.FRAMES, entry(frame), id=f"{limit}-0", minid=limit - KEPT_MS, approximate=True)
            if told:
                oldest = limit - samples.KEPT_MS
                pipe.xadd(samples.STREAM, samples.entry(told), id=f"{limit}-0", minid=oldest, approximate=True)
            pipe.set(SEEN, msgspec.msgpack.encode(self._seen.state))
            await pipe.execute()

    async def _append_block(self, end: int) -> None:
        """The sum of the ten seconds that ended. One that is missing is no loss: the frames are there."""
        span = entries(
            await self._redis.xrange(keys.FRAMES, (end - SPAN_S) * SECOND_MS + LATENESS_MS + 1, self._position)
        )
        block = await asyncio.to_thread(_sum_of, end, span)
        with contextlib.suppress(ResponseError):  # another collector was first
            await self._redis.xadd(
                BLOCKS, block, id=f"{end * SECOND_MS}-0", minid=end * SECOND_MS - KEPT_MS, approximate=True
            )

    async def _append_instances(self, end: int) -> None:
        """The sum of what instances counted in the ten seconds that ended. What a collector that was killed had of
        them is lost."""
        own = [frame for at, frame in self._own.items() if end - SPAN_S < at <= end]
        self._own.clear()
        fields = await asyncio.to_thread(lambda: entry(total(float(end), own)))
        with contextlib.suppress(ResponseError):  # another collector was first
            await self._redis.xadd(
                INSTANCES, fields, id=f"{end * SECOND_MS}-0", minid=end * SECOND_MS - KEPT_MS, approximate=True
            )

    async def _forget_reports(self, oldest: int) -> None:
        """Drop what is in frames and no collector reads again: it may be much, and heads of requests among it."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for shard in SHARDS:
                pipe.xtrim(shard, minid=oldest, approximate=False)
            await pipe.execute()

    def _begin(self, position: int) -> None:
        self._position = position
        self._fold = Fold()
        self._samples = samples.Samples()
        self._next = {shard: f"{position}-0" for shard in SHARDS}

    # --- one entry ----------------------------------------------------------------------------------------------

    def _take(self, fields: dict[bytes, bytes]) -> None:
        try:
            report = read_telemetry(self._master, fields)
        except ReportError as error:
            self._refuse("forged", str(error))
            return
        if report.proxy in self._registry.proxies:
            self._count(report)
        elif len(self._held) < HELD:
            self._held.append(report)
        else:
            self._refuse("unknown_proxy", report.proxy)

    def _count(self, report: Telemetry) -> None:
        identity = self._registry.proxies[report.proxy]
        if not self._seen.first(report.proxy, report.boot, report.seq):
            self._fold.duplicates += 1
            return
        try:
            requests = self._fold.add(report, identity, self._registry)
        except Nonsense as error:
            self._refuse("nonsense", f"proxy {report.proxy}: {error}")
            return
        self._samples.add(report, identity, self._registry)
        self._taker(report, identity, self._registry)
        cpu_percent = self._beats.note(report, requests)
        self._loads.note(report.proxy, identity, report.gauges, cpu_percent)

    def _refuse(self, reason: str, detail: str) -> None:
        self._fold.refuse(reason)
        self._refusals.note(reason, detail)

    async def _settle_held(self) -> None:
        """A proxy may report before we hear of it: look again, once, before refusing."""
        if not self._held:
            return
        held, self._held = self._held, []
        await self._look_at_registry(now=True)
        for report in held:
            if report.proxy in self._registry.proxies:
                self._count(report)
            else:
                self._refuse("unknown_proxy", report.proxy)

    # --- where to begin -----------------------------------------------------------------------------------------

    async def _resume(self) -> None:
        """Go on after the last frame; where there is none, from the oldest entry of the last fifteen minutes."""
        await self._know_registry()
        now = _milliseconds(await self._redis.time())
        await self._drop_futures(now)
        last = entries(await self._redis.xrevrange(keys.FRAMES, count=1))
        state = await self._redis.get(SEEN) if last else None
        self._seen = Seen(msgspec.msgpack.decode(state, type=SeenState) if isinstance(state, bytes) else None)
        self._held = []
        position = id_ms(last[0][0]) if last else await self._oldest(now)
        self._begin(max(position, _limit_before(now - KEPT_MS)))

    async def _oldest(self, now: int) -> int:
        oldest = now
        for shard in SHARDS:
            for entry_id, _ in entries(await self._redis.xrange(shard, count=1)):
                oldest = min(oldest, id_ms(entry_id))
        return _limit_before(oldest)

    async def _drop_futures(self, now: int) -> None:
        """Remove streams whose ids the clock will not reach soon: nothing could be appended in order."""
        for stream in (*SHARDS, keys.FRAMES, BLOCKS, INSTANCES, samples.STREAM):
            last = entries(await self._redis.xrevrange(stream, count=1))
            if last and id_ms(last[0][0]) > now + SKEW_MS:
                log.error("%s has entries from the future and is dropped: the server's clock was set back", stream)
                await self._redis.delete(stream)

    async def _know_registry(self) -> None:
        """Wait until the registry was read once: nobody can be told from a stranger before."""
        known = False
        while not known:
            known = await self._look_at_registry(now=True)
            await asyncio.sleep(0 if known else 0.5)

    async def _look_at_registry(self, *, now: bool = False) -> bool:
        """Read proxies and services again when it is time; whether they are known."""
        if not now and time.monotonic() < self._registry_until:
            return True
        try:
            self._registry = await database_sync_to_async(load_registry)(self._routes)
        except DatabaseError as error:
            log.warning("the registry is unreachable, its last state serves: %s", error)
            return False
        finally:
            self._registry_until = time.monotonic() + REGISTRY_S
        self._seen.forget(self._registry.proxies)
        return True


class Refusals:
    """Says in the log, once a minute, what was refused and an example of each."""

    EVERY_S = 60.0

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}
        self._next = 0.0

    def note(self, reason: str, detail: str) -> None:
        self._examples[reason] = detail[:200]

    def report(self, refused: Mapping[str, int]) -> None:
        """Add the counts of a frame that was appended."""
        for reason, count in refused.items():
            self._counts[reason] = self._counts.get(reason, 0) + count
        if self._counts and time.monotonic() >= self._next:
            self._next = time.monotonic() + self.EVERY_S
            for reason, count in sorted(self._counts.items()):
                log.warning("refused %d reports, %s: %s", count, reason, self._examples.get(reason, ""))
            self._counts.clear()


def _sum_of(end: int, span: list[Entry]) -> dict[Any, Any]:
    return entry(total(float(end), [decode(read_entry(fields)[1]) for _, fields in span]))


def _milliseconds(server_time: tuple[int, int]) -> int:
    seconds, microseconds = server_time
    return seconds * SECOND_MS + microseconds // 1000


def _limit_before(ms: int) -> int:
    """The last limit of a second at or before a time."""
    return (ms - LATENESS_MS) // SECOND_MS * SECOND_MS + LATENESS_MS
