"""What canary and stable answered, second by second, read from the mesh's own telemetry by any process.

Owns the way from frames to the counts that ``analysis`` judges. Live windows come from the frame stream in Redis,
recorded ones from the rollups in PostgreSQL; neither needs the window that a web process keeps in memory.

A request counts once, for the version that it was routed to. The caller's account of an edge is the one in a frame
(``telemetry.fold``), because it has what never arrived: no healthy endpoint, connection failures, timeouts, resets. The
callee's account stands in only where the caller is outside the mesh. Retried tries are inside their request, health
checks are no traffic, and mirrored requests count for the version they are copied to. An error is a response 5xx or
none at all, a client that went away included: what hangs makes clients leave, and clients who leave for their own
reasons do so on both sides alike. Plain TCP counts by connections, those that led nowhere as errors; how long they
lasted is no latency, so there is nothing slow about it. Frames hold what happened in their second, never running
totals, so a proxy that restarts cannot make anything negative.

Time is that of the frames, which is the Redis server's. Whoever reads keeps ``Reading.until`` in the same transaction
as what it made of the reading and passes it as the next ``since``: no second is then counted twice or left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from django.db.models import Q
from redis.exceptions import RedisError

from meshui.core.redis import client
from meshui.rollouts.analysis.backtest import Window
from meshui.rollouts.analysis.evidence import Counts
from meshui.rollouts.analysis.latency import slow_counts
from meshui.rollouts.analysis.metrics import CountMetric, Metric
from meshui.rollouts.analysis.observations import NoData, Unavailable
from meshui.telemetry import rollups
from meshui.telemetry.frames import CODE_CLASSES, SPAN_S, TCP, Frame, FrameError, decode, edge_key, read_entry
from meshui.telemetry.streams import Entry, entries
from proxies.wire import keys
from proxies.wire.histogram import BUCKETS

PAGE = 100
"""Frames fetched at a time."""
SKEW_S = 60.0
"""A ``since`` that far beyond the newest frame is of another clock: the server's was set back."""
FIRST_S = 15.0
"""How much is read where there is no usable ``since``."""
MAX_ROLLUPS = 300_000
"""Rows that one backtest may be made of."""


@dataclass(frozen=True, slots=True)
class VersionCounts:
    """What one version was asked for and answered. ``histogram`` are (bucket, count) pairs of durations
    (``proxies.wire.histogram``)."""

    requests: int = 0
    errors: int = 0
    histogram: tuple[tuple[int, int], ...] = ()


NOTHING = VersionCounts()


@dataclass(frozen=True, slots=True)
class Reading:
    """The time after ``since`` up to ``until`` (Unix seconds), of which ``frames`` seconds were observed."""

    since: float
    until: float
    frames: int
    versions: Mapping[str, VersionCounts]

    @property
    def seconds(self) -> float:
        return self.until - self.since

    def counts(self, metric: CountMetric, canary: str, stable: str) -> Counts | NoData:
        """The window of one built-in metric; both versions are of the same seconds."""
        sides = self.versions.get(canary, NOTHING), self.versions.get(stable, NOTHING)
        if not self.frames:
            return NoData("no telemetry of this time")
        if metric.kind == "errors":
            return Counts(sides[0].requests, sides[0].errors, sides[1].requests, sides[1].errors)
        slow = [slow_counts(side.histogram, metric.objective_ms) for side in sides]
        return Counts(*slow[0], *slow[1])

    def window(self, metrics: Iterable[Metric], canary: str, stable: str) -> Window:
        """As a backtest takes it: custom metrics were not recorded."""
        built_in = [metric for metric in metrics if isinstance(metric, CountMetric)]
        observations = {metric.name: self.counts(metric, canary, stable) for metric in built_in}
        return Window(self.until, self.seconds, observations)


def read(service: str, since: float | None) -> Reading | NoData | Unavailable:
    """What the versions of a service (``namespace/name``) did after ``since`` up to the newest frame, by version.

    ``since`` None begins: the last 15 s. NoData where there is no newer frame (Redis was emptied, the collector is
    away): keep ``since`` and ask again. Unavailable where Redis cannot be asked. Never raises.
    """
    try:
        newest = entries(client().xrevrange(keys.FRAMES, count=1))
        if not newest:
            return NoData("there is no telemetry")
        until = read_entry(newest[0][1])[0]
        if since is None or since > until + SKEW_S:
            since = until - FIRST_S
        if until <= since:
            return NoData("no telemetry since the last look: the collector is away")
        return reading(service, since, until, list(_frames(since, until)))
    except RedisError as error:
        return Unavailable("telemetry_down", f"Redis: {error}"[:200])
    except FrameError as error:
        return Unavailable("malformed", f"a frame cannot be read: {error}"[:200])


def recorded(service: str, since: float, until: float, window_s: int = 30) -> list[Reading]:
    """Windows of the past out of rollups, oldest first, for a backtest. ``window_s`` is a multiple of ten seconds. Time
    that was not observed gives a window without frames. Raises InvalidInput where that is too much to read.
    """
    chosen = Q(destination=service)
    rollups.require_at_most(MAX_ROLLUPS, since, until, chosen)
    start = int(since // SPAN_S) * SPAN_S
    by_end: dict[int, list[Frame]] = {}
    for frame in rollups.read(start, until, chosen):
        windows = -int((start - frame.at) // window_s)
        by_end.setdefault(start + windows * window_s, []).append(frame)
    ends = range(start + window_s, int(until) + 1, window_s)
    return [reading(service, end - window_s, end, by_end.get(end, []), SPAN_S) for end in ends]


def reading(service: str, since: float, until: float, frames: Iterable[Frame], frame_s: int = 1) -> Reading:
    """The sum of frames, each of ``frame_s`` seconds."""
    sums: dict[str, _Sum] = {}
    count = 0
    known: dict[str, str] = {}
    for frame in frames:
        count += 1
        for version, rows in _rows(service, frame, known).items():
            sums.setdefault(version, _Sum()).add(frame, rows)
    return Reading(since, until, count * frame_s, {version: each.counts() for version, each in sums.items()})


def _frames(since: float, until: float) -> Iterator[Frame]:
    """The frames of the stream after ``since`` up to ``until``. An entry's id is a moment after its frame's second."""
    first = str(int(since * 1000))
    while True:
        page: list[Entry] = entries(client().xrange(keys.FRAMES, min=first, count=PAGE))
        for _, fields in page:
            at, data = read_entry(fields)
            if at > until:
                return
            if at > since:
                yield decode(data)
        if len(page) < PAGE:
            return
        first = "(" + page[-1][0].decode()


def _rows(service: str, frame: Frame, known: dict[str, str]) -> dict[str, list[int]]:
    """The rows of edges into the service, by called version. ``known`` remembers what each key is (empty: no such)."""
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(frame.keys):
        version = known.get(key)
        if version is None:
            edge = edge_key(key)
            version = known[key] = edge.destination_version if edge.destination == service else ""
        if version:
            rows.setdefault(version, []).append(row)
    return rows


class _Sum:
    """One version's counts in the making."""

    def __init__(self) -> None:
        self._requests = 0
        self._errors = 0
        self._buckets = np.zeros(BUCKETS, np.int64)

    def add(self, frame: Frame, rows: list[int]) -> None:
        counts = frame.counts[rows]
        self._requests += int(counts[:, : len(CODE_CLASSES)].sum())
        self._errors += int(counts[:, 0].sum() + counts[:, 5].sum())
        timed = [row for row in rows if edge_key(frame.keys[row]).protocol != TCP]
        hits = np.isin(frame.histograms.rows, timed)
        np.add.at(self._buckets, frame.histograms.buckets[hits], frame.histograms.hits[hits])

    def counts(self) -> VersionCounts:
        filled = np.flatnonzero(self._buckets)
        pairs = zip(filled.tolist(), self._buckets[filled].tolist(), strict=True)
        return VersionCounts(self._requests, self._errors, tuple(pairs))
