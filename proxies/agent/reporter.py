"""Telemetry: one signed entry a second, idle or not; it is also how the control plane knows that a proxy lives.

When Redis is away the last minute is kept, the oldest second dropped first and counted. Nothing here waits for Redis
on a request's behalf.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import time
from typing import Any

import msgspec

from proxies.agent.backoff import Complaint, random
from proxies.agent.engine import Engine
from proxies.agent.resp import Connection, RedisError
from proxies.wire import keys
from proxies.wire.reports import MAX_ENTRY_BYTES, Telemetry, entry
from proxies.wire.taps import TapUse

log = logging.getLogger(__name__)

KEPT = 60
"""Seconds of telemetry that are held while nobody takes them."""
EVERY_S = 1.0
LAST_WORD_S = 1.0


class Reporter:
    """Run ``run``."""

    def __init__(
        self,
        engine: Engine,
        *,
        proxy_id: str,
        report_key: bytes,
        proxy_version: str,
        connection: Callable[[], Connection | None],
        not_after: Callable[[], float],
    ) -> None:
        """``connection`` gives the current one; ``not_after`` the certificate's end, Unix seconds."""
        self._engine = engine
        self._proxy_id = proxy_id
        self._report_key = report_key
        self._proxy_version = proxy_version
        self._connection = connection
        self._not_after = not_after
        self._stream = keys.telemetry(proxy_id)
        self._boot = int(time() * 1000)
        self._seq = 0
        self._kept: deque[Telemetry] = deque()
        self._on_the_way = 0
        """How many of the oldest were sent and not answered yet."""
        self._answered_all = asyncio.Event()
        self.trouble = Complaint(log, "telemetry refused")
        self.dropped = 0
        """Seconds lost since the start."""

    async def run(self) -> None:
        """Report until cancelled; then once more, waiting a second at most."""
        loop = asyncio.get_running_loop()
        at = loop.time() + random.uniform(0, EVERY_S)  # not every proxy in the same instant
        try:
            while True:
                await asyncio.sleep(at - loop.time())
                self.report()
                at = max(at + EVERY_S, loop.time())
        finally:
            self.report()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._answered_all.wait(), LAST_WORD_S)

    def report(self) -> None:
        """Take the second that ends now, and send what waits."""
        self._seq += 1
        edges = self._engine.collect()
        spans, dropped_spans = self._engine.spans()
        logs, dropped_logs = self._engine.logs()
        taps, tap_uses = self._engine.taps()
        self._kept.append(
            Telemetry(
                proxy=self._proxy_id,
                boot=self._boot,
                seq=self._seq,
                at=time(),
                edges=edges,
                gauges=self._engine.gauges(),
                certificate_not_after=self._not_after(),
                proxy_version=self._proxy_version,
                limits=self._engine.limit_uses(),
                samples=self._engine.samples(),
                policies=self._engine.policy_uses(),
                spans=spans,
                dropped_spans=dropped_spans,
                logs=logs,
                dropped_logs=dropped_logs,
                taps=taps,
                tap_uses=tap_uses,
            )
        )
        while len(self._kept) > KEPT:
            self._drop_oldest()
        self._send()

    def _drop_oldest(self) -> None:
        """Forget a second; its successor says how many are missing before it."""
        lost = self._kept.popleft()
        self.dropped += 1
        if self._kept:
            heir = self._kept[0]
            self._kept[0] = msgspec.structs.replace(heir, dropped=heir.dropped + lost.dropped + 1)

    def _send(self) -> None:
        connection = self._connection()
        if connection is None or self._on_the_way:
            return  # those on the way arrive, or come back, first: order is kept
        self._on_the_way = len(self._kept)
        self._answered_all.clear()
        for second in list(self._kept):
            fields = self._entry(second)
            command: list[str | bytes | int] = ["XADD", self._stream, "MAXLEN", "~", keys.TELEMETRY_MAXLEN, "*"]
            for name, value in fields.items():
                command += (name, value)
            connection.send(*command, then=partial(self._answered, connection, second))

    def _entry(self, second: Telemetry) -> dict[bytes, bytes]:
        """What to send of a second. One that is too long goes without what tells of single requests: counts matter
        more."""
        fields = entry(self._report_key, second)
        if len(fields[b"d"]) <= MAX_ENTRY_BYTES:
            return fields
        uses = [TapUse(use.tap, use.matched, use.matched, use.error) for use in second.tap_uses]
        return entry(
            self._report_key,
            msgspec.structs.replace(
                second,
                spans=[],
                dropped_spans=second.dropped_spans + len(second.spans),
                logs=[],
                dropped_logs=second.dropped_logs + len(second.logs),
                taps=[],
                tap_uses=uses,
                samples=[],
            ),
        )

    def _answered(self, connection: Connection, second: Telemetry, reply: Any) -> None:
        if isinstance(reply, RedisError) and connection.lost.done():
            self._on_the_way = 0  # kept for the next connection
            return
        self._on_the_way -= 1
        if not self._on_the_way:
            self._answered_all.set()
        oldest = bool(self._kept) and self._kept[0].seq == second.seq  # else it was dropped meanwhile
        if isinstance(reply, RedisError):
            self.trouble(reply)
            if oldest:
                self._drop_oldest()
        else:
            self.trouble.over()
            if oldest:
                self._kept.popleft()
