"""Series: frames in, rates and percentiles by step out. Pure.

A step that nobody observed is null; one without requests has rate 0 and no percentiles. Percentiles come from merged
histograms, never from other percentiles.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Literal

import numpy as np
from msgspec import field

from meshui.core.api.bodies import View as Answer
from meshui.telemetry.frames import CODE_CLASSES, COLUMNS, TCP, EdgeKey, Frame, edge_key
from meshui.telemetry.sums import Totals
from proxies.wire.histogram import BUCKETS

Values = list[float | None]

ALL = ""
"""The group that every chosen edge counts in, beside its version's."""


class Series(Answer, frozen=True):
    """A value per step: requests or TCP connections a second, the share of errors, milliseconds (of requests)."""

    rps: Values
    error_rate: Values
    p50_ms: Values
    p95_ms: Values
    p99_ms: Values


class Metrics(Answer, frozen=True):
    """``times`` are the steps' starts in Unix seconds. ``by_version`` is by the called service's version; empty for
    the whole mesh."""

    step_s: int
    from_: datetime = field(name="from")
    to: datetime
    source: Literal["frames", "rollups"]
    times: list[int]
    series: Series
    by_version: dict[str, Series]


class Choice:
    """Which edges count, and as which version. Answers are remembered, since frames name the same edges again."""

    def __init__(self, version_of: Callable[[EdgeKey], str | None]) -> None:
        """``version_of`` gives None for an edge that does not count."""
        self._version_of = version_of
        self._known: dict[str, str | None] = {}

    def version(self, key: str) -> str | None:
        if key not in self._known:
            self._known[key] = self._version_of(edge_key(key))
        return self._known[key]


class Steps:
    """Sums by version and step."""

    def __init__(self, start: int, step_s: int, steps: int) -> None:
        self._start, self._step_s, self._steps = start, step_s, steps
        self._observed = np.zeros(steps)
        self._counts: dict[str, np.ndarray] = {}
        self._histograms: dict[str, np.ndarray] = {}

    def add(self, frame: Frame, seconds: int, choice: Choice) -> None:
        """Count a frame that covers ``seconds``; it goes where its last second is."""
        step = int(-(-(frame.at - self._start) // self._step_s)) - 1
        if not 0 <= step < self._steps:
            return
        self._observed[step] += seconds
        rows: dict[str, list[int]] = {}
        for row, key in enumerate(frame.keys):
            version = choice.version(key)
            if version is not None:
                rows.setdefault(ALL, []).append(row)
                if version:
                    rows.setdefault(version, []).append(row)
        for group, chosen in rows.items():
            self._add(group, step, frame, np.array(chosen))

    def _add(self, group: str, step: int, frame: Frame, rows: np.ndarray) -> None:
        if group not in self._counts:
            self._counts[group] = np.zeros((self._steps, COLUMNS), np.int64)
            self._histograms[group] = np.zeros((self._steps, BUCKETS), np.int32)
        self._counts[group][step] += frame.counts[rows].sum(axis=0)
        wanted = np.zeros(len(frame.keys), bool)
        wanted[rows] = [edge_key(frame.keys[row]).protocol != TCP for row in rows]
        hits = wanted[frame.histograms.rows]
        sums = np.bincount(frame.histograms.buckets[hits], frame.histograms.hits[hits], BUCKETS)
        self._histograms[group][step] += sums.astype(np.int32)

    @property
    def times(self) -> list[int]:
        return [self._start + step * self._step_s for step in range(self._steps)]

    def series(self) -> Series:
        return self._series(ALL)

    def by_version(self) -> dict[str, Series]:
        return {group: self._series(group) for group in sorted(self._counts) if group != ALL}

    def _series(self, group: str) -> Series:
        counts = self._counts.get(group, np.zeros((self._steps, COLUMNS), np.int64))
        histograms = self._histograms.get(group, np.zeros((self._steps, BUCKETS), np.int32))
        requests = counts[:, : len(CODE_CLASSES)].sum(axis=1)
        errors = counts[:, 0] + counts[:, 5]
        percentiles = Totals(counts, histograms, []).percentiles()
        return Series(
            rps=_where(self._observed > 0, requests / np.maximum(self._observed, 1), 3),
            error_rate=_where(requests > 0, errors / np.maximum(requests, 1), 6),
            p50_ms=[each[0] for each in percentiles],
            p95_ms=[each[1] for each in percentiles],
            p99_ms=[each[2] for each in percentiles],
        )


def _where(known: Iterable[bool], values: np.ndarray, digits: int) -> Values:
    return [value if ok else None for ok, value in zip(known, np.round(values, digits).tolist(), strict=True)]
