"""Slow requests out of a latency histogram: latency is judged by the same count test as errors.

Pure. A histogram has buckets (``proxies.wire.histogram``), so an objective is rounded *up* to the end of the bucket
that it falls into: a request counts as slow only if its whole bucket lies above the objective. None that met the
objective is ever called slow; one that missed it by less than a bucket (at most 1/16, 6.25 %, of the objective; nothing
below 32 us) is not noticed. ``effective_objective_ms`` gives the exact limit. The same rounding holds for canary and
baseline.
"""

from __future__ import annotations

from collections.abc import Iterable

from meshui.rollouts.analysis.evidence import AnalysisError
from proxies.wire.histogram import MAX_US, bucket, lower_bound

MAX_OBJECTIVE_MS = 30_000.0
"""Histograms reach to 60 s; their last bucket holds everything longer."""


def objective_bucket(objective_ms: float) -> int:
    """The last bucket that is not slow. Raises AnalysisError for an objective not above 0 or over 30 s."""
    if not 0 < objective_ms <= MAX_OBJECTIVE_MS:
        raise AnalysisError("objective", "objective_ms", f"expected milliseconds from 0 to {MAX_OBJECTIVE_MS:g}")
    return bucket(min(int(objective_ms * 1000), MAX_US))


def effective_objective_ms(objective_ms: float) -> float:
    """The longest duration, in milliseconds, that does not count as slow."""
    return (lower_bound(objective_bucket(objective_ms) + 1) - 1) / 1000


def slow_counts(histogram: Iterable[tuple[int, int]], objective_ms: float) -> tuple[int, int]:
    """(measured, slow) of a histogram's (bucket, count) pairs: all requests with a duration, and those above
    ``effective_objective_ms``."""
    last_fast = objective_bucket(objective_ms)
    measured = slow = 0
    for index, count in histogram:
        measured += count
        if index > last_fast:
            slow += count
    return measured, slow
