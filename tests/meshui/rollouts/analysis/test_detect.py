"""Time to detect: against simulation of the whole verdict, and at the edges."""

from __future__ import annotations

import math
from itertools import islice
from random import Random
from statistics import median

import pytest

from meshui.rollouts.analysis.detect import TICK_S, chances_of_alarm, minutes_to_detect
from meshui.rollouts.analysis.evidence import TOLERANCE, AnalysisError
from tests.meshui.rollouts.analysis.test_simulation import ticks_to_fail


@pytest.mark.parametrize(
    ("rps", "share", "baseline", "ratio"),
    [(50, 0.05, 0.01, 2), (50, 0.5, 0.01, 2), (5, 0.25, 0.02, 5), (20, 0.1, 0.001, 50), (200, 0.1, 0.002, 3)],
)
def test_the_median_agrees_with_simulation(rps: float, share: float, baseline: float, ratio: float) -> None:
    expected = minutes_to_detect(rps, share, baseline, ratio)
    assert expected is not None
    rng = Random(f"detect {rps} {share}")
    ticks = [
        ticks_to_fail(rng, rps=rps, share=share, canary=baseline * ratio, baseline=baseline, ticks=400)
        for _ in range(200)
    ]
    simulated = median(math.inf if tick is None else tick for tick in ticks) * TICK_S / 60
    sampling = 0.15 * expected  # of a median of 200 runs
    assert abs(simulated - expected) <= max(TICK_S / 60, 0.1 * expected) + sampling


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5])
def test_false_alarms_computed_exactly_stay_under_alpha(share: float) -> None:
    """Looked at after each of 3,000 errors, at the tolerance: the most that is allowed."""
    *_, at_tolerance = islice(chances_of_alarm(share, TOLERANCE, math.log(100)), 3_000)
    *_, equal = islice(chances_of_alarm(share, 1.0, math.log(100)), 3_000)
    assert 0.004 < at_tolerance < 0.01
    assert equal < 0.004


def test_more_traffic_more_share_and_a_larger_effect_are_noticed_sooner() -> None:
    def minutes(
        rps: float = 50, share: float = 0.05, ratio: float = 2, alpha: float = 0.01, quantile: float = 0.5
    ) -> float:
        result = minutes_to_detect(rps, share, 0.01, ratio, alpha, quantile=quantile)
        assert result is not None
        return result

    assert minutes(rps=500) < minutes() < minutes(rps=5)
    assert minutes(share=0.25) < minutes() < minutes(share=0.01)
    assert minutes(ratio=5) < minutes() < minutes(ratio=1.6)
    assert minutes(alpha=0.05) < minutes() < minutes(alpha=0.001)
    assert minutes(quantile=0.1) < minutes() < minutes(quantile=0.9)


@pytest.mark.parametrize(
    ("rps", "share", "baseline", "ratio"),
    [(0, 0.05, 0.01, 2), (50, 0, 0.01, 2), (50, 1, 0.01, 2), (50, 0.05, 0, 2), (50, 0.05, 0.01, 1.1),
     (50, 0.05, 0.01, 1.2), (50, 0.05, 0.0005, 2), (0.001, 0.01, 0.01, 2), (1e9, 0.5, 0.01, 1.205)],
)  # fmt: skip
def test_what_is_never_noticed_has_no_minutes(rps: float, share: float, baseline: float, ratio: float) -> None:
    assert minutes_to_detect(rps, share, baseline, ratio) is None


def test_two_ticks_are_the_least() -> None:
    assert minutes_to_detect(1e6, 0.5, 0.01) == 0.5


@pytest.mark.parametrize("wrong", [{"share": 1.5}, {"baseline_error": -0.1}, {"rate_rps": -1}, {"alpha": 0}])
def test_arguments_out_of_range(wrong: dict[str, float]) -> None:
    with pytest.raises(AnalysisError):
        minutes_to_detect(**{"rate_rps": 50, "share": 0.05, "baseline_error": 0.01, **wrong})
