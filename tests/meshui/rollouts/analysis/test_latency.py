"""Slow requests: never one that met the objective, and at most a bucket's width late."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.analysis.latency import MAX_OBJECTIVE_MS, effective_objective_ms, slow_counts
from proxies.wire.histogram import bucket


def test_counts_above_the_objectives_bucket() -> None:
    histogram = [
        (bucket(round(ms * 1000)), count) for ms, count in ((0.2, 5), (299, 7), (301, 3), (330, 2), (60_000, 1))
    ]
    assert slow_counts(histogram, 300) == (18, 3)
    assert slow_counts([], 300) == (0, 0)


def test_the_limit_is_said_exactly() -> None:
    limit = effective_objective_ms(300)
    assert limit == 311.295
    assert slow_counts([(bucket(311_295), 1)], 300) == (1, 0)
    assert slow_counts([(bucket(311_296), 1)], 300) == (1, 1)


@given(st.floats(0.001, MAX_OBJECTIVE_MS), st.integers(0, 60_000_000))
def test_rounding(objective_ms: float, duration_us: int) -> None:
    _, slow = slow_counts([(bucket(duration_us), 1)], objective_ms)
    limit_us = effective_objective_ms(objective_ms) * 1000
    assert slow == (duration_us > round(limit_us))
    assert objective_ms * 1000 - 1 < round(limit_us) <= max(objective_ms * 1000 * 17 / 16, 32)


@pytest.mark.parametrize("objective_ms", [0, -1, 30_001, float("nan"), float("inf")])
def test_an_objective_out_of_range(objective_ms: float) -> None:
    with pytest.raises(AnalysisError) as caught:
        slow_counts([], objective_ms)
    assert caught.value.path == "objective_ms"
