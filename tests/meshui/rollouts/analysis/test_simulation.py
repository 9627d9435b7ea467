"""The promise of the test, on made-up traffic: few false alarms however often one looks, and quick when it is bad.

Seeded, so each figure is the same in every run. The rates of alarm have a slack of three standard deviations of what
1,000 runs can tell: 1 % then shows as at most 1.95 %.
"""

from __future__ import annotations

import math
from random import Random
from statistics import median

import pytest

from meshui.rollouts.analysis.evidence import TOLERANCE
from meshui.rollouts.analysis.metrics import CountMetric, CountState
from meshui.rollouts.analysis.verdict import judge, rules_for
from tests.support.simulated import TICK_S, traffic

ERRORS = CountMetric()
RULES = rules_for([ERRORS])
RUNS = 1_000
ALARMS = RUNS * RULES.alpha + 3 * math.sqrt(RUNS * RULES.alpha * (1 - RULES.alpha))


def ticks_to_fail(rng: Random, *, rps: float, share: float, canary: float, baseline: float, ticks: int) -> int | None:
    """The tick at which the verdict is fail, looking at every one of them; None where it never is."""
    state = CountState()
    for tick, window in enumerate(traffic(rng, rps=rps, share=share, canary=canary, baseline=baseline, ticks=ticks), 1):
        state = state.observe(ERRORS, window, TICK_S)
        if judge(ERRORS, state, RULES, bake_elapsed=False).kind == "fail":
            return tick
    return None


@pytest.mark.parametrize("share", [0.01, 0.05, 0.25, 0.5])
def test_a_good_canary_is_rarely_rolled_back(share: float) -> None:
    rng = Random(f"A/A {share}")
    rate = 0.01
    failed = sum(
        ticks_to_fail(rng, rps=20, share=share, canary=rate, baseline=rate, ticks=60) is not None for _ in range(RUNS)
    )
    assert failed <= ALARMS


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_nor_is_one_that_is_as_bad_as_is_tolerated(share: float) -> None:
    rng = Random(f"boundary {share}")
    rate = 0.01
    failed = sum(
        ticks_to_fail(rng, rps=20, share=share, canary=rate * TOLERANCE, baseline=rate, ticks=60) is not None
        for _ in range(RUNS)
    )
    assert failed <= ALARMS


def test_nor_when_its_weight_climbs_while_errors_come_and_go() -> None:
    """Weights 1, 5, 25, 50 % while both sides' error rate swings: pooled counts would be misled by that."""
    rng = Random("climb")
    failed = 0
    for _ in range(RUNS):
        state = CountState()
        for share, rate in ((0.01, 0.03), (0.05, 0.002), (0.25, 0.02), (0.5, 0.001)):
            for window in traffic(rng, rps=20, share=share, canary=rate, baseline=rate, ticks=15):
                state = state.observe(ERRORS, window, TICK_S)
                if judge(ERRORS, state, RULES, bake_elapsed=False).kind == "fail":
                    failed += 1
                    break
            else:
                continue
            break
    assert failed <= ALARMS


@pytest.mark.parametrize(
    ("rps", "share", "minutes"),
    [(5, 0.05, 6.0), (5, 0.25, 1.5), (50, 0.05, 1.0), (50, 0.25, 0.5), (500, 0.05, 0.5), (500, 0.01, 1.0)],
)
def test_a_bad_canary_is_caught_within(rps: float, share: float, minutes: float) -> None:
    """5 % errors against 0.1 %."""
    rng = Random(f"power {rps} {share}")
    caught = [ticks_to_fail(rng, rps=rps, share=share, canary=0.05, baseline=0.001, ticks=400) for _ in range(200)]
    assert None not in caught
    assert median(tick or 0 for tick in caught) * TICK_S / 60 <= minutes
