"""Series: sums by step in, rates and percentiles out. Pure.

A step that nobody observed is null; one without requests has rate 0 and no percentiles. Percentiles come from merged
histograms, never from other percentiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from meshui.core.api.bodies import View as Answer
from meshui.telemetry.frames import (
    CODE_CLASSES,
    COLUMNS,
    REQUEST_BYTES,
    RESPONSE_BYTES,
    TCP,
    EdgeKey,
    Frame,
    edge_key,
)
from meshui.telemetry.sums import Floats, Totals
from proxies.wire.histogram import BUCKETS

Values = list[float | None]
Source = Literal["frames", "rollups", "prometheus"]

ALL = ""
"""The group that every chosen edge counts in, beside its own."""
MAX_FLAGS = 12
"""Response flags that a series tells apart: the most frequent ones."""


class Series(Answer, frozen=True):
    """A value per step: requests or TCP connections a second, the share of errors, milliseconds (of requests)."""

    rps: Values
    error_rate: Values
    p50_ms: Values
    p95_ms: Values
    p99_ms: Values


class Details(Answer, frozen=True):
    """A value per step: bytes a second of requests and of responses, and requests a second by code class and by
    response flags, of those that occur."""

    bytes_in_per_s: Values
    bytes_out_per_s: Values
    codes: dict[str, Values]
    flags: dict[str, Values]


class Saturation(Answer, frozen=True):
    """A value per step, null where nothing is known: of the CPU the mean in percent of a core, of the others the
    highest of the means over ten seconds (bytes, connections, requests)."""

    cpu_percent: Values
    rss_bytes: Values
    connections: Values
    active_requests: Values


class Compared(Answer, frozen=True):
    """The same steps ``offset_s`` seconds earlier."""

    offset_s: int
    from_: datetime = msgspec.field(name="from")
    to: datetime
    source: Source
    resolution_s: int
    series: Series
    details: Details


class Metrics(Answer, frozen=True):
    """``times`` are the steps' starts in Unix seconds; ``resolution_s`` is how finely what they were made from is kept.
    Of a service or an edge, one of three tells it apart as was asked, and the others are empty: ``by_version`` by the
    called service's version, ``by_route`` by the route that requests took (``(unrouted)``: none), ``by_instance`` by
    the proxies' ids, as each of them counted what it received; then ``saturation`` says how loaded each proxy was in
    the last day, whichever backend counted."""

    step_s: int
    from_: datetime = msgspec.field(name="from")
    to: datetime
    source: Source
    resolution_s: int
    times: list[int]
    series: Series
    details: Details
    by_version: dict[str, Series]
    by_route: dict[str, Series]
    by_instance: dict[str, Series]
    saturation: dict[str, Saturation]
    compare: Compared | None


@dataclass(frozen=True, slots=True)
class Grid:
    """``steps`` of ``step_s`` seconds from ``start`` (Unix seconds, a multiple of the step)."""

    start: int
    step_s: int
    steps: int

    @property
    def end(self) -> int:
        return self.start + self.step_s * self.steps

    @property
    def times(self) -> list[int]:
        return [self.start + step * self.step_s for step in range(self.steps)]


@dataclass(frozen=True, slots=True)
class Counted:
    """What one group had by step: ``counts`` has the columns of a frame; ``flags`` counts by name; percentiles as
    ``Totals.percentiles`` has them. Counts may be fractions where they were estimated."""

    counts: Floats
    percentiles: list[list[float | None]]
    flags: dict[str, Floats] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Measured:
    """A backend's answer: how many seconds of each step were observed, and what was counted by group."""

    source: Source
    resolution_s: int
    observed: Floats
    groups: dict[str, Counted]

    def series(self) -> Series:
        """Of every edge that was asked for."""
        return self._series(self._all)

    def apart(self) -> dict[str, Series]:
        """By group."""
        return {group: self._series(self.groups[group]) for group in sorted(self.groups) if group != ALL}

    def details(self) -> Details:
        """Of every edge that was asked for."""
        counted = self._all
        flags = sorted(counted.flags, key=lambda name: -counted.flags[name].sum())[:MAX_FLAGS]
        codes = counted.counts[:, : len(CODE_CLASSES)].T
        return Details(
            bytes_in_per_s=self._rate(counted.counts[:, REQUEST_BYTES], 1),
            bytes_out_per_s=self._rate(counted.counts[:, RESPONSE_BYTES], 1),
            codes={name: self._rate(each) for name, each in zip(CODE_CLASSES, codes, strict=True) if each.any()},
            flags={name: self._rate(counted.flags[name]) for name in flags},
        )

    @property
    def _all(self) -> Counted:
        steps = len(self.observed)
        return self.groups.get(ALL) or Counted(np.zeros((steps, COLUMNS)), [[None, None, None]] * steps)

    def _series(self, counted: Counted) -> Series:
        codes = counted.counts[:, : len(CODE_CLASSES)]
        requests = codes.sum(axis=1)
        percentiles = counted.percentiles
        return Series(
            rps=self._rate(requests),
            error_rate=_where(requests > 0, (codes[:, 0] + codes[:, 5]) / np.maximum(requests, 1e-9), 6),
            p50_ms=[each[0] for each in percentiles],
            p95_ms=[each[1] for each in percentiles],
            p99_ms=[each[2] for each in percentiles],
        )

    def _rate(self, counts: Floats, digits: int = 3) -> Values:
        return _where(self.observed > 0, counts / np.maximum(self.observed, 1), digits)


class Choice:
    """Which edges count, and in which group. Answers are remembered, since frames name the same edges again."""

    def __init__(self, group_of: Callable[[EdgeKey], str | None]) -> None:
        """``group_of`` gives None for an edge that does not count."""
        self._group_of = group_of
        self._known: dict[str, str | None] = {}

    def group(self, key: str) -> str | None:
        if key not in self._known:
            self._known[key] = self._group_of(edge_key(key))
        return self._known[key]


class Steps:
    """Sums of frames by group and step."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self.observed = np.zeros(grid.steps)
        self._counts: dict[str, NDArray[np.int64]] = {}
        self._histograms: dict[str, NDArray[np.int32]] = {}
        self._flags: dict[str, dict[str, Floats]] = {}

    def add(self, frame: Frame, seconds: int, choice: Choice) -> None:
        """Count a frame that covers ``seconds``; it goes where its last second is."""
        step = int(-(-(frame.at - self._grid.start) // self._grid.step_s)) - 1
        if not 0 <= step < self._grid.steps:
            return
        self.observed[step] += seconds
        rows: dict[str, list[int]] = {}
        for row, key in enumerate(frame.keys):
            group = choice.group(key)
            if group is not None:
                rows.setdefault(ALL, []).append(row)
                if group:
                    rows.setdefault(group, []).append(row)
        for group, chosen in rows.items():
            self._add(group, step, frame, np.array(chosen))

    def _add(self, group: str, step: int, frame: Frame, rows: NDArray[np.int64]) -> None:
        if group not in self._counts:
            self._counts[group] = np.zeros((self._grid.steps, COLUMNS), np.int64)
            self._histograms[group] = np.zeros((self._grid.steps, BUCKETS), np.int32)
            self._flags[group] = {}
        self._counts[group][step] += frame.counts[rows].sum(axis=0)
        wanted = np.zeros(len(frame.keys), bool)
        wanted[rows] = [edge_key(frame.keys[row]).protocol != TCP for row in rows]
        hits = wanted[frame.histograms.rows]
        sums = np.bincount(frame.histograms.buckets[hits], frame.histograms.hits[hits], BUCKETS)
        self._histograms[group][step] += sums.astype(np.int32)
        chosen = set(rows.tolist())
        for row, name, count in frame.flags:
            if row in chosen:
                self._flags[group].setdefault(name, np.zeros(self._grid.steps))[step] += count

    def measured(self, source: Source, resolution_s: int) -> Measured:
        return Measured(
            source,
            resolution_s,
            self.observed,
            {
                group: Counted(
                    counts.astype(np.float64),
                    Totals(counts, self._histograms[group], []).percentiles(),
                    self._flags[group],
                )
                for group, counts in self._counts.items()
            },
        )


def _where(known: NDArray[np.bool_], values: Floats, digits: int) -> Values:
    return [value if ok else None for ok, value in zip(known, np.round(values, digits).tolist(), strict=True)]
