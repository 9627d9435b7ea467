"""Dense sums over a window: add a frame, take one away, group edges, read percentiles. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from meshui.telemetry.frames import COLUMNS, Frame, Ints
from proxies.wire.histogram import BUCKETS, middle

QUANTILES = (0.5, 0.95, 0.99)
MIDDLES_MS = np.array([middle(bucket) / 1000 for bucket in range(BUCKETS)])

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums by group: counts by ``frames.COLUMNS``, histograms by bucket, flags by name."""

    counts: Ints
    histograms: NDArray[np.int32]
    flags: list[dict[str, int]]

    def grouped(self, groups: Ints, size: int) -> Totals:
        """The sums of rows that share a group; a row of group -1 is left out."""
        kept = np.flatnonzero(groups >= 0)
        order = kept[np.argsort(groups[kept], kind="stable")]
        counts = np.zeros((size, COLUMNS), np.int64)
        histograms = np.zeros((size, BUCKETS), np.int32)
        flags: list[dict[str, int]] = [{} for _ in range(size)]
        if len(order):
            present, starts = np.unique(groups[order], return_index=True)
            counts[present] = np.add.reduceat(self.counts[order], starts, axis=0)
            if len(present) == len(order):
                histograms[present] = self.histograms[order]
            else:
                histograms[present] = np.add.reduceat(self.histograms[order], starts, axis=0)
        for row in kept.tolist():
            if self.flags[row]:
                _add(flags[int(groups[row])], self.flags[row], 1)
        return Totals(counts, histograms, flags)

    def percentiles(self) -> list[list[float | None]]:
        """p50, p95 and p99 of each row in milliseconds; None where nothing was measured."""
        cumulative = np.cumsum(self.histograms, axis=1, dtype=np.int32)
        measured = cumulative[:, -1] if len(cumulative) else np.zeros(0, np.int32)
        columns: list[list[float | None]] = []
        for quantile in QUANTILES:
            # The first bucket at which the rank is reached, as histogram.percentile has it.
            places = (cumulative < (measured * quantile)[:, None]).sum(axis=1)
            values: list[float | None] = np.round(MIDDLES_MS[np.minimum(places, BUCKETS - 1)], 3).tolist()
            columns.append(values)
        for row in np.flatnonzero(measured == 0).tolist():
            for column in columns:
                column[row] = None
        return [list(row) for row in zip(*columns, strict=True)]

    def beyond(self, row: int, bucket: int) -> tuple[int, int]:
        """How many of a row's requests were timed, and how many of them fell behind a bucket."""
        hits = self.histograms[row]
        return int(hits.sum()), int(hits[bucket + 1 :].sum())


class Sums:
    """Sums by edge, for edges numbered 0, 1, 2 ... Grows with the numbers it meets."""

    def __init__(self) -> None:
        self._counts = np.zeros((0, COLUMNS), np.int64)
        self._histograms = np.zeros((0, BUCKETS), np.int32)
        self._flags: list[dict[str, int]] = []

    def add(self, edges: Ints, frame: Frame, sign: int = 1) -> None:
        """Add the frame whose row i is edge ``edges[i]``, or with ``sign`` -1 take it away."""
        if not len(edges):
            return
        self._grow(int(edges.max()) + 1)
        self._counts[edges] += sign * frame.counts
        histograms = frame.histograms
        flat = edges[histograms.rows] * BUCKETS + histograms.buckets
        self._histograms.reshape(-1)[flat] += (sign * histograms.hits).astype(np.int32)
        for row, name, count in frame.flags:
            _add(self._flags[int(edges[row])], {name: count}, sign)

    def totals(self, size: int) -> Totals:
        """A copy of the sums of edges 0 to ``size`` - 1."""
        self._grow(size)
        return Totals(
            self._counts[:size].copy(), self._histograms[:size].copy(), [dict(flags) for flags in self._flags[:size]]
        )

    def _grow(self, size: int) -> None:
        missing = size - len(self._counts)
        if missing > 0:
            missing = max(missing, len(self._counts) // 4)
            self._counts = np.concatenate((self._counts, np.zeros((missing, COLUMNS), np.int64)))
            self._histograms = np.concatenate((self._histograms, np.zeros((missing, BUCKETS), np.int32)))
            self._flags += [{} for _ in range(missing)]


def _add(into: dict[str, int], flags: dict[str, int], sign: int) -> None:
    for name, count in flags.items():
        value = into.get(name, 0) + sign * count
        if value:
            into[name] = value
        else:
            into.pop(name, None)


def rounded(values: Floats, digits: int) -> list[float]:
    """Plain numbers for JSON."""
    result: list[float] = np.round(values, digits).tolist()
    return result


def measured(values: Sequence[float | None]) -> bool:
    """Whether any value is one."""
    return any(value is not None for value in values)
