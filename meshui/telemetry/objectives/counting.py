"""How many requests of a service broke its promises, over the windows of ``burn``, read from rollups."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from django.db.models import Q

from meshui.telemetry import coarse, levels
from meshui.telemetry.frames import CODE_CLASSES, TCP, EdgeKey, Frame, edge_key
from meshui.telemetry.levels import Level
from meshui.telemetry.objectives.burn import PERIOD_S, WINDOWS, Good
from proxies.wire.histogram import bucket

MAX_ROLLUPS = 1_000_000
READS: tuple[tuple[Level, int, int], ...] = (
    (levels.FINE, 0, 3600),
    (levels.MIDDLE, 3600, 6 * 3600),
    (levels.COARSE, 6 * 3600, PERIOD_S),
)
"""Each level with the windows it is read for: longer than the second, up to the third."""


class Promise(NamedTuple):
    """``slow_ms`` is None where no latency is promised. Of a gateway, which nobody calls, what it was answered
    counts."""

    service: str
    slow_ms: int | None
    gateway: bool


class Counted(NamedTuple):
    """By window: requests with errors, and slow requests; ``observed_s`` of the whole period."""

    available: dict[int, Good]
    fast: dict[int, Good]
    observed_s: int


def count(promises: Sequence[Promise], now: float | None = None) -> dict[str, Counted]:
    """By service. Raises InvalidInput where that is too much to read."""
    at = time.time() if now is None else now
    known = {promise.service: _Sums(promise) for promise in promises}
    observed = 0
    for level, above, up_to in READS:
        since = (at - up_to) // level * level
        for frame, seconds in coarse.pieces(level, since, at, _edges(promises), MAX_ROLLUPS) if promises else ():
            age = at - frame.at
            windows = [window for window in WINDOWS if above < window <= up_to and age < window]
            observed += seconds if PERIOD_S in windows else 0
            for service, rows in _rows(frame, known).items():
                known[service].add(frame, rows, windows)
    return {service: sums.counted(observed) for service, sums in known.items()}


def _edges(promises: Sequence[Promise]) -> Q:
    called = [promise.service for promise in promises if not promise.gateway]
    gateways = [promise.service for promise in promises if promise.gateway]
    return Q(destination__in=called) | Q(source__in=gateways)


def _rows(frame: Frame, known: Mapping[str, _Sums]) -> dict[str, list[tuple[int, bool]]]:
    """Rows by service, each with whether what it timed were requests."""
    rows: dict[str, list[tuple[int, bool]]] = {}
    for row, text in enumerate(frame.keys):
        key = edge_key(text)
        for service in _judged(key, known):
            rows.setdefault(service, []).append((row, key.protocol != TCP))
    return rows


def _judged(key: EdgeKey, known: Mapping[str, _Sums]) -> Iterator[str]:
    if key.destination in known and not known[key.destination].promise.gateway:
        yield key.destination
    if key.source in known and known[key.source].promise.gateway:
        yield key.source


def judge(frame: Frame, promise: Promise) -> tuple[Good, Good]:
    """How many requests of a service in a frame were answered without an error, and in time."""
    rows = _rows(frame, {promise.service: _Sums(promise)}).get(promise.service, [])
    return _judge(frame, rows, _slowest(promise))


def edges_of(promise: Promise) -> Q:
    """The edges that a promise is about."""
    return _edges([promise])


def plus(one: Good, other: Good) -> Good:
    return Good(one.requests + other.requests, one.bad + other.bad)


def _slowest(promise: Promise) -> int | None:
    return bucket(promise.slow_ms * 1000) if promise.slow_ms is not None else None


def _judge(frame: Frame, rows: list[tuple[int, bool]], slowest: int | None) -> tuple[Good, Good]:
    counts = frame.counts[[row for row, _ in rows]].sum(axis=0)
    available = Good(int(counts[: len(CODE_CLASSES)].sum()), int(counts[0] + counts[5]))
    if slowest is None:
        return available, Good(0, 0)
    histograms = frame.histograms
    timed = np.isin(histograms.rows, [row for row, is_timed in rows if is_timed])
    hits = histograms.hits[timed]
    return available, Good(int(hits.sum()), int(hits[histograms.buckets[timed] > slowest].sum()))


class _Sums:
    """One service's counts in the making."""

    def __init__(self, promise: Promise) -> None:
        self.promise = promise
        self._slowest = _slowest(promise)
        self._available = dict.fromkeys(WINDOWS, Good(0, 0))
        self._fast = dict.fromkeys(WINDOWS, Good(0, 0))

    def add(self, frame: Frame, rows: list[tuple[int, bool]], windows: list[int]) -> None:
        available, fast = _judge(frame, rows, self._slowest)
        for window in windows:
            self._available[window] = plus(self._available[window], available)
            self._fast[window] = plus(self._fast[window], fast)

    def counted(self, observed_s: int) -> Counted:
        return Counted(self._available, self._fast, observed_s)
