"""Backtests: a recording in, what a rollout would have done out."""

from __future__ import annotations

from collections.abc import Sequence

from meshui.rollouts.analysis.backtest import Backtest, Window, backtest
from meshui.rollouts.analysis.conditions import parse
from meshui.rollouts.analysis.evidence import Counts
from meshui.rollouts.analysis.metrics import CountMetric, Metric, ValueMetric
from meshui.rollouts.analysis.observations import Observation, Unavailable, Value
from meshui.rollouts.analysis.verdict import rules_for

ERRORS = CountMetric()
GOOD = Counts(100, 0, 1_900, 2)
BAD = Counts(100, 5, 1_900, 2)


def run(*observed: Observation, metrics: Sequence[Metric] = (ERRORS,), bake_s: float = 30, steps: int = 1) -> Backtest:
    windows = [Window(1_000 + 15 * number, 15, {"errors": each}) for number, each in enumerate(observed, 1)]
    return backtest(metrics, rules_for(metrics), windows, bake_s=bake_s, steps=steps)


def test_a_good_canary_is_promoted_step_by_step() -> None:
    result = run(*[GOOD] * 10, steps=3)
    assert (result.outcome, result.at, result.after_s) == ("promoted", 1_090, 90)
    assert [tick.step for tick in result.ticks] == [0, 0, 1, 1, 2, 2]
    assert run(*[GOOD] * 10, bake_s=120).after_s == 120
    assert run(*[GOOD] * 10, bake_s=15, steps=3).after_s == 90  # each step needs its own 200 requests


def test_a_bad_one_is_rolled_back_where_the_evidence_is_enough() -> None:
    result = run(GOOD, BAD, BAD, GOOD, steps=3)
    assert (result.outcome, result.at) == ("rolled_back", 1_045)
    assert [tick.decision.kind for tick in result.ticks] == ["inconclusive", "inconclusive", "fail"]


def test_pauses_are_noted_once_each() -> None:
    down = Unavailable("down", "refused")
    result = run(*[down] * 10, GOOD, *[down] * 9, GOOD, GOOD)
    assert result.pauses == (1_120, 1_285)
    assert result.outcome == "promoted"


def test_a_recording_that_ends_first_decides_nothing() -> None:
    assert run(GOOD).outcome == "undecided"
    assert run().ticks == ()


def test_a_metric_that_was_not_recorded_has_no_data() -> None:
    custom = ValueMetric("custom", "q", success=parse("value > 0"))
    result = run(*[GOOD] * 3, metrics=(ERRORS, custom))
    assert result.outcome == "undecided"
    assert result.ticks[-1].decision.code == "waiting"
    window = Window(0, 30, {"errors": Counts(200, 0, 1, 0), "custom": Value(1)})
    assert backtest((ERRORS, custom), rules_for((ERRORS,)), [window], bake_s=30).outcome == "promoted"
