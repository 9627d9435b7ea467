"""What proxies acknowledged, from the stream to the database.

Entries are written, then acknowledged to Redis, then deleted from the stream: a collector that dies in between leaves
them pending and reads them again, and writing an answer twice changes nothing. An entry that is not signed by the
proxy it speaks for is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import re
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, TypeVar

import redis.asyncio
from django.conf import settings
from django.db import Error, connection

from meshui.delivery.applied import settle_touched, write
from meshui.delivery.signals import LIVE_CHANNEL, live_hint
from proxies.wire import keys
from proxies.wire.reports import Ack, Acks, ReportError, read_acks
from proxies.wire.resources import RESOURCE_TYPES

log = logging.getLogger(__name__)

GROUP = "collector"
BATCH = 1_000
"""Entries read at once."""
BLOCK_MS = 500
"""How long a read waits, and so how long a stop may take."""
ABANDONED_MS = 60_000
"""Entries that another collector has held for so long are taken over."""
RETRY_S = (0.1, 0.5, 1.0, 2.0)
LARGEST = 2**63 - 1
_RESOURCE = re.compile(rf"({'|'.join(RESOURCE_TYPES)})(:[a-z0-9][-a-z0-9/._]{{0,200}})?")
_VERSION = re.compile(r"[0-9a-f]{0,16}")

SETTLE_S = 0.2
"""How often, within a burst, revisions are looked at and browsers told."""

A = TypeVar("A")
T = TypeVar("T")
Entry = tuple[bytes, dict[bytes, bytes]]


async def run(client: redis.asyncio.Redis, stop: asyncio.Event, name: str = "") -> None:
    """Read acknowledgements until ``stop``. ``name`` is this consumer's, the same after a restart (default: the
    host's). Outlives restarts of Redis and PostgreSQL."""
    reader = _Reader(client, name or socket.gethostname())
    failures = 0
    try:
        while not stop.is_set():
            try:
                await reader.read_until(stop)
                failures = 0
            except (redis.RedisError, Error) as error:
                log.warning("acknowledgements wait: %s", error)
                wait = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                await _pause(stop, wait)
    finally:
        reader.close()


class _Reader:
    def __init__(self, client: redis.asyncio.Redis, name: str) -> None:
        self._redis = client
        self._name = name
        # Django's connections belong to threads: one thread, one connection.
        self._thread = ThreadPoolExecutor(1, "acks")
        self._touched: set[str] = set()
        self._heard: set[str] = set()
        self._drained = True
        self._settled_at = 0.0

    def close(self) -> None:
        self._thread.submit(_disconnect)
        self._thread.shutdown()

    async def read_until(self, stop: asyncio.Event) -> None:
        """First what was read and not finished before, then what comes."""
        await self._join_group()
        while await self._take(await self._read("0")):
            pass
        await self._take(await self._abandoned())
        while not stop.is_set():
            await self._take(await self._read(">", block=None if self._touched else BLOCK_MS))
            await self._settle()

    async def _join_group(self) -> None:
        try:
            await self._redis.xgroup_create(keys.ACK, GROUP, id="0", mkstream=True)
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _read(self, start: str, block: int | None = None) -> list[Entry]:
        streams: Any = await self._redis.xreadgroup(GROUP, self._name, {keys.ACK: start}, count=BATCH, block=block)
        return [entry for _, entries in streams for entry in entries]

    async def _abandoned(self) -> list[Entry]:
        claimed = await self._redis.xautoclaim(keys.ACK, GROUP, self._name, ABANDONED_MS, count=BATCH)
        return list(claimed[1])

    async def _take(self, entries: Sequence[Entry]) -> int:
        self._drained = not entries
        if not entries:
            return 0
        messages = [message for _, fields in entries if (message := verified(fields))]
        await self._in_thread(write, messages)
        await self._finish([entry_id for entry_id, _ in entries])
        self._touched.update(ack.resource for message in messages for ack in message.acks)
        self._heard.update(message.proxy for message in messages)
        return len(entries)

    async def _finish(self, ids: Sequence[bytes]) -> None:
        async with self._redis.pipeline() as pipe:
            pipe.xack(keys.ACK, GROUP, *ids)
            pipe.xdel(keys.ACK, *ids)
            await pipe.execute()

    async def _settle(self) -> None:
        """Once a burst is over, or has lasted for a while, see which revisions it completed, and tell."""
        now = monotonic()
        if not self._touched or not (self._drained or now - self._settled_at > SETTLE_S):
            return
        revisions = await self._in_thread(settle_touched, self._touched)
        await self._redis.publish(LIVE_CHANNEL, live_hint(revisions=revisions, proxies=self._heard))
        self._touched, self._heard, self._settled_at = set(), set(), now

    async def _in_thread(self, call: Callable[[A], T], argument: A) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, _closing, call, argument)


def verified(fields: dict[bytes, bytes]) -> Acks | None:
    """The acknowledgements of an entry that no proxy would send so are left out; None of one that is forged."""
    try:
        message = read_acks(settings.MESHUI.report_key, fields)
    except ReportError as error:
        log.warning("acknowledgements dropped: %s", error)
        return None
    plausible = [ack for ack in message.acks if _plausible(ack)]
    if len(plausible) < len(message.acks):
        log.warning("acknowledgements dropped: proxy %s sent implausible values", message.proxy)
    return Acks(message.proxy, plausible)


def _plausible(ack: Ack) -> bool:
    return bool(
        0 <= ack.epoch <= LARGEST
        and 0 <= ack.revision <= LARGEST
        and math.isfinite(ack.applied_at)
        and 0 <= ack.applied_at < 1e11
        and _RESOURCE.fullmatch(ack.resource)
        and _VERSION.fullmatch(ack.version)
    )


def _disconnect() -> None:
    """Close the calling thread's own connection."""
    connection.close()


def _closing(call: Callable[[A], T], argument: A) -> T:
    try:
        return call(argument)
    except Error:
        connection.close()  # it may be what is broken
        raise


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
