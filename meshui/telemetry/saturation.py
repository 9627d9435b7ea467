"""How loaded each instance's proxy was, ten seconds at a time for a day: CPU, memory, connections, requests under way.

Kept apart from rollups, which are sums: a load is not added up. One row holds all instances of a version, so that a
service is read with few rows and a deployment with many instances costs a row no more. What a collector that was
killed had of the ten seconds under way is lost.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from channels.db import database_sync_to_async
from django.db import Error as DatabaseError

from meshui.telemetry.fold import Identity
from meshui.telemetry.frames import SPAN_S
from meshui.telemetry.models import InstanceLoad
from meshui.telemetry.rollups import span_of
from meshui.telemetry.series import Grid, Saturation
from proxies.wire.reports import Gauges

log = logging.getLogger(__name__)

KEPT = timedelta(days=1)
HELD = 90
"""Spans that wait for a database that is away: the quarter of an hour that rollups can catch up, too."""
MOST = 1 << 44
"""No gauge is believed to be higher."""


class Load(NamedTuple):
    """The means of ten seconds; no ``cpu_percent`` where a process told of itself only once."""

    cpu_percent: float | None
    rss_bytes: float
    connections: float
    active_requests: float


class Loads:
    """What was told in the ten seconds under way, and the spans that wait to be written."""

    def __init__(self) -> None:
        self._told: dict[Identity, dict[str, list[Load]]] = {}
        self._waiting: deque[list[InstanceLoad]] = deque(maxlen=HELD)
        self._complained = False

    def note(self, proxy: str, identity: Identity, gauges: Gauges, cpu_percent: float | None) -> None:
        """Remember one report's gauges."""
        numbers = (gauges.rss_bytes, gauges.connections, gauges.active_requests)
        load = Load(cpu_percent, *(float(min(max(0, number), MOST)) for number in numbers))
        self._told.setdefault(identity, {}).setdefault(proxy, []).append(load)

    def close(self, end: int) -> None:
        """The ten seconds up to ``end`` (Unix seconds) are over."""
        told, self._told = self._told, {}
        at = datetime.fromtimestamp(end - SPAN_S, UTC)
        self._waiting.append(
            [
                InstanceLoad(
                    at=at,
                    service=identity.service,
                    version=identity.version,
                    loads={proxy: _mean(loads) for proxy, loads in by_proxy.items()},
                )
                for identity, by_proxy in told.items()
            ]
        )

    async def write(self) -> None:
        """Write what waits, or keep it where that fails."""
        while self._waiting:
            rows = self._waiting[0]
            try:
                await database_sync_to_async(_write)(rows)
            except DatabaseError as error:
                if not self._complained:
                    log.warning("loads of instances wait: %s", error)
                self._complained = True
                return
            self._complained = False
            if self._waiting and self._waiting[0] is rows:  # else it was the oldest of too many
                self._waiting.popleft()


def _mean(loads: list[Load]) -> Load:
    known = [load.cpu_percent for load in loads if load.cpu_percent is not None]
    others = (sum(each) / len(loads) for each in zip(*(load[1:] for load in loads), strict=True))
    return Load(round(sum(known) / len(known), 1) if known else None, *(round(each, 1) for each in others))


def _write(rows: list[InstanceLoad]) -> None:
    """Another collector may have been first."""
    InstanceLoad.objects.bulk_create(rows, batch_size=2_000, ignore_conflicts=True)


def saturation(*, service: str, version: str, instance: str, grid: Grid) -> dict[str, Saturation]:
    """By proxy's id, the instances of a service, or of one version or one instance where these are not empty. One
    query, of at most a day's rows."""
    rows = InstanceLoad.objects.filter(service=service, **span_of(grid.start, grid.end))
    if version:
        rows = rows.filter(version=version)
    by_step: dict[str, dict[int, list[Load]]] = {}
    for at, loads in rows.values_list("at", "loads"):
        step = -(-(int(at.timestamp()) + SPAN_S - grid.start) // grid.step_s) - 1
        for proxy, load in loads.items():
            if instance in ("", proxy):
                by_step.setdefault(proxy, {}).setdefault(step, []).append(Load(*load))
    return {proxy: _series(by_step[proxy], grid.steps) for proxy in sorted(by_step)}


def _series(by_step: dict[int, list[Load]], steps: int) -> Saturation:
    made = [_of_step(by_step[step]) if step in by_step else None for step in range(steps)]
    columns = [[load[column] if load else None for load in made] for column in range(len(Load._fields))]
    return Saturation(*columns)


def _of_step(loads: list[Load]) -> Load:
    peaks = (max(each) for each in zip(*(load[1:] for load in loads), strict=True))
    return Load(_mean(loads).cpu_percent, *peaks)


def drop_old(now: datetime, batch: int) -> int:
    """Delete what is no longer kept, ``batch`` rows a statement."""
    dropped = 0
    old = InstanceLoad.objects.filter(at__lt=now - KEPT).order_by("at").values_list("pk", flat=True)
    while count := InstanceLoad.objects.filter(pk__in=list(old[:batch])).delete()[0]:
        dropped += count
    return dropped
