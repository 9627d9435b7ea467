"""What proxies say of themselves, kept until the registry has it.

A report is a proxy's heartbeat. Only the newest matters, so a database that is away costs nothing but freshness.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import NamedTuple

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from meshui.catalog.services import heartbeats_record
from proxies.wire.reports import Telemetry

log = logging.getLogger(__name__)

LONGEST_S = 60.0
"""Reports further apart than this say nothing of a rate."""
MAX_RSS = 1 << 44
LATEST = 1e11
"""Unix seconds, some thousand years on: what a certificate's end is believed up to."""


class _Mark(NamedTuple):
    """The last report of a proxy's process, by which rates are taken."""

    boot: int
    at: float
    cpu_seconds: float


class Beats:
    """Heartbeats waiting to be written."""

    def __init__(self) -> None:
        self._loads: dict[str, dict[str, float]] = {}
        self._ends: dict[str, datetime] = {}
        self._marks: dict[str, _Mark] = {}
        self._complained = False

    def note(self, report: Telemetry, requests: int) -> float | None:
        """Remember a report that was counted, with its requests. Answers the CPU it took in percent of a core, None
        where that is not known: a rate needs two reports of one process."""
        gauges = report.gauges
        before = self._marks.get(report.proxy)
        self._marks[report.proxy] = _Mark(report.boot, report.at, gauges.cpu_seconds)
        elapsed = report.at - before.at if before and before.boot == report.boot else 0.0
        cpu = gauges.cpu_seconds - before.cpu_seconds if before else 0.0
        known = 0.0 < elapsed < LONGEST_S
        cpu_percent = round(min(max(0.0, cpu / elapsed * 100), 100_000.0), 1) if known else None
        if 0 < report.certificate_not_after < LATEST:
            self._ends[report.proxy] = datetime.fromtimestamp(int(report.certificate_not_after), UTC)
        self._loads[report.proxy] = {
            "rps": round(requests / elapsed, 1) if known else float(requests),
            "connections": max(0, gauges.connections),
            "rss_bytes": min(max(0, gauges.rss_bytes), MAX_RSS),
            "cpu_percent": cpu_percent or 0.0,
        }
        return cpu_percent

    async def write(self, at: float) -> None:
        """Hand what waits to the registry as seen ``at`` (Unix seconds), or keep it where that fails."""
        loads, self._loads = self._loads, {}
        ends, self._ends = self._ends, {}
        self._marks = {proxy: mark for proxy, mark in self._marks.items() if at - mark.at < LONGEST_S}
        try:
            await database_sync_to_async(heartbeats_record)(
                proxy_ids=loads.keys(), at=datetime.fromtimestamp(at, UTC), loads=loads, certificate_ends=ends
            )
            self._complained = False
        except (DatabaseError, RedisError) as error:
            self._loads, self._ends = loads | self._loads, ends | self._ends
            if not self._complained:
                log.warning("heartbeats wait: %s", error)
            self._complained = True
