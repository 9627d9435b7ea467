"""Verdicts: every rule at its threshold, and what several verdicts say together."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest

from meshui.rollouts.analysis.conditions import parse
from meshui.rollouts.analysis.evidence import AnalysisError, Counts
from meshui.rollouts.analysis.metrics import CountMetric, MetricState, ValueMetric, start, state_from_dict
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable, Value, reading
from meshui.rollouts.analysis.verdict import PRECEDENCE, Kind, Rules, Verdict, combine, judge, rules_for

ERRORS = CountMetric()
SLOW = CountMetric("latency", "slow", 300)
DOWN = Unavailable("down", "connection refused")
CALM = Counts(100, 0, 1_900, 2)


def after(metric: CountMetric | ValueMetric, *observations: Observation) -> MetricState:
    state = start(metric)
    for observation in observations:
        state = state.observe(metric, observation, 15)
    return state


def verdict_of(*observations: Observation, baked: bool = True, metric: CountMetric | ValueMetric = ERRORS) -> Verdict:
    return judge(metric, after(metric, *observations), rules_for([metric]), bake_elapsed=baked)


# --- fail -------------------------------------------------------------------------------------------------------


def test_a_worse_canary_fails_with_its_numbers() -> None:
    verdict = verdict_of(Counts(50, 2, 950, 1), Counts(50, 3, 950, 0))
    assert (verdict.kind, verdict.code) == ("fail", "worse")
    assert verdict.e is not None and verdict.e >= 100 == verdict.limit
    assert verdict.log_e == pytest.approx(math.log(verdict.e))
    assert verdict.counts == Counts(100, 5, 1_900, 1)
    assert verdict.reason.startswith("5.00% of canary requests failed, 0.05% of the baseline's, E ")


def test_one_burst_is_not_enough() -> None:
    burst = Counts(500, 40, 9_500, 0)
    verdict = verdict_of(burst, CALM)
    assert verdict.e is not None and verdict.e > 100
    assert (verdict.kind, verdict.code) == ("inconclusive", "suspicious")
    assert verdict_of(burst, Counts(500, 1, 9_500, 0)).kind == "fail"


def test_a_gap_too_small_to_matter_does_not_fail() -> None:
    small = [Counts(100_000, 40, 100_000, 4)] * 4
    verdict = verdict_of(*small)
    assert verdict.e is not None and verdict.e > 100
    assert verdict.kind == "inconclusive"
    assert verdict_of(*small, *[Counts(100_000, 400, 100_000, 0)] * 2).kind == "fail"


def test_alpha_is_split_over_the_count_metrics_that_decide() -> None:
    value = ValueMetric("custom", "up", success=parse("value > 0"))
    assert rules_for([ERRORS]).limit == 100
    assert rules_for([ERRORS, SLOW, value]).limit == 200
    assert rules_for([ERRORS, replace(SLOW, dry_run=True)]).limit == 100
    assert rules_for([ERRORS, SLOW], alpha=0.05).limit == 40
    state = after(ERRORS, Counts(500, 5, 500, 0), Counts(500, 5, 500, 0))
    assert judge(ERRORS, state, rules_for([ERRORS]), bake_elapsed=True).kind == "fail"
    assert judge(ERRORS, state, rules_for([ERRORS, SLOW]), bake_elapsed=True).kind == "inconclusive"


@pytest.mark.parametrize("alpha", [0, 1, -0.1, float("nan")])
def test_alpha_is_a_probability(alpha: float) -> None:
    with pytest.raises(AnalysisError):
        Rules(alpha)


# --- fast fail --------------------------------------------------------------------------------------------------

BROKEN = Counts(20, 10, 0, 0)


@pytest.mark.parametrize(
    ("windows", "fails"),
    [
        ((BROKEN, BROKEN), True),
        ((BROKEN,), False),
        ((BROKEN, CALM, BROKEN), False),
        ((CALM, BROKEN, BROKEN), True),
        ((BROKEN, Counts(20, 9, 0, 0)), False),
        ((BROKEN, Counts(19, 19, 0, 0)), False),
        ((BROKEN, NoData("gone"), BROKEN), False),
        ((Counts(20, 20, 380, 380),) * 2, False),
        ((Counts(20, 20, 380, 189),) * 2, True),
    ],
)
def test_fast_fail(windows: tuple[Observation, ...], fails: bool) -> None:
    assert (verdict_of(*windows).code == "fast_fail") is fails


def test_slow_requests_have_no_fast_fail() -> None:
    assert verdict_of(BROKEN, BROKEN, metric=SLOW).kind == "inconclusive"


def test_when_both_sides_fail_nothing_passes_and_nothing_is_rolled_back() -> None:
    both = Counts(300, 200, 300, 200)
    verdict = verdict_of(*[both] * 20)
    assert (verdict.kind, verdict.code) == ("inconclusive", "failing")
    assert verdict_of(*[both] * 20, CALM).kind == "pass"


# --- pass -------------------------------------------------------------------------------------------------------


def test_a_pass_needs_requests_the_bake_and_little_evidence() -> None:
    assert verdict_of(CALM, CALM).kind == "pass"
    assert verdict_of(CALM, Counts(99, 0, 1_900, 0)).code == "too_few_requests"
    assert verdict_of(CALM, CALM, baked=False).code == "baking"
    suspicious = verdict_of(CALM, CALM, Counts(50, 3, 950, 0))
    assert suspicious.e is not None and 10 <= suspicious.e < 100
    assert suspicious.code == "suspicious"
    state = after(ERRORS, Counts(10, 0, 90, 0))
    assert judge(ERRORS, state, Rules(min_requests=10), bake_elapsed=True).kind == "pass"


def test_a_step_counts_its_own_requests_and_keeps_the_evidence() -> None:
    state = after(ERRORS, CALM, CALM, Counts(50, 1, 950, 0))
    later = state.next_step()
    before, verdict = (judge(ERRORS, each, Rules(), bake_elapsed=True) for each in (state, later))
    assert (before.kind, verdict.kind, verdict.code) == ("pass", "inconclusive", "too_few_requests")
    assert verdict.e == before.e


def test_at_full_weight_without_a_baseline_a_canary_passes_and_still_fast_fails() -> None:
    alone = Counts(300, 1, 0, 0)
    assert verdict_of(alone).kind == "pass"
    assert verdict_of(alone, Counts(300, 200, 0, 0), Counts(300, 200, 0, 0)).code == "fast_fail"


# --- nothing to judge by ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("nothing", [NoData("the stream is empty"), Counts(0, 0, 500, 1)])
def test_without_data_a_rollout_waits_then_pauses(nothing: Observation) -> None:
    good = [CALM] * 4
    waiting = verdict_of(*good, *[nothing] * 19)
    assert (waiting.kind, waiting.code, waiting.pause) == ("inconclusive", "waiting", False)
    silent = verdict_of(*good, *[nothing] * 20)
    assert (silent.kind, silent.pause) == ("no_data", True)
    assert verdict_of(*good, *[nothing] * 20, CALM).kind == "pass"


def test_a_source_that_is_down_holds_at_once_and_pauses_after_two_minutes() -> None:
    first = verdict_of(CALM, CALM, DOWN)
    assert (first.kind, first.pause) == ("error", False)
    assert verdict_of(CALM, CALM, *[DOWN] * 7).pause is False
    assert verdict_of(CALM, CALM, *[DOWN] * 8).pause is True
    assert "connection refused" in first.reason
    assert verdict_of(CALM, CALM, *[DOWN] * 8, CALM).kind == "pass"


def test_an_answer_without_data_ends_the_time_that_it_was_down() -> None:
    down = [DOWN] * 7
    assert verdict_of(*down, NoData("empty")).code == "waiting"
    assert verdict_of(*down, NoData("empty"), DOWN).pause is False


@pytest.mark.parametrize("nothing", [DOWN, NoData("lost")])
@pytest.mark.parametrize("ticks", [1, 10, 1_000])
def test_neither_ever_rolls_back(nothing: Observation, ticks: int) -> None:
    one_bad_window = Counts(500, 40, 9_500, 0)
    assert verdict_of(one_bad_window, *[nothing] * ticks).kind in ("error", "no_data", "inconclusive")


def test_a_person_who_resumes_gets_the_whole_time_again() -> None:
    for nothing in (DOWN, NoData("lost")):
        state = after(ERRORS, *[nothing] * 30).resumed().observe(ERRORS, nothing, 15)
        assert judge(ERRORS, state, Rules(), bake_elapsed=True).pause is False


# --- custom metrics ---------------------------------------------------------------------------------------------

RATE = ValueMetric("rate", "q", success=parse("value >= 0.99"), failure=parse("value < 0.95"))


def custom(*values: float | Observation, metric: ValueMetric = RATE, baked: bool = True) -> Verdict:
    observations = [reading(value) if isinstance(value, float) else value for value in values]
    return verdict_of(*observations, metric=metric, baked=baked)


def test_the_three_phases_of_a_measurement() -> None:
    assert [RATE.phase(value) for value in (0.94, 0.97, 0.99)] == ["failure", "inconclusive", "success"]
    only_success = ValueMetric("m", "q", success=parse("value < 5"))
    assert [only_success.phase(value) for value in (4, 5)] == ["success", "failure"]
    only_failure = ValueMetric("m", "q", failure=parse("value < 5"))
    assert [only_failure.phase(value) for value in (4, 5)] == ["failure", "success"]


def test_the_limits_of_a_custom_metric() -> None:
    assert custom(1.0).kind == "pass"
    assert custom(1.0, baked=False).code == "baking"
    assert custom(0.5).kind == "fail"
    lenient = replace(RATE, failure_limit=2, inconclusive_limit=1, consecutive_success=2)
    assert custom(0.5, 0.5, 1.0, 1.0, metric=lenient).kind == "pass"
    assert custom(0.5, 0.5, 1.0, 0.5, metric=lenient).kind == "fail"
    assert custom(1.0, 0.97, 1.0, metric=lenient).code == "too_few_successes"
    assert custom(0.97, 1.0, 1.0, metric=lenient).kind == "pass"
    paused = custom(0.97, 0.97, metric=lenient)
    assert (paused.kind, paused.code, paused.pause) == ("inconclusive", "inconclusive_limit", True)


def test_too_many_errors_in_a_row_pause_early() -> None:
    strict = replace(RATE, error_limit=1)
    assert custom(DOWN, metric=strict).pause is False
    assert custom(DOWN, 1.0, DOWN, metric=strict).pause is False
    assert custom(DOWN, DOWN, metric=strict).pause is True


@pytest.mark.parametrize("nothing", [float("nan"), float("inf"), float("-inf")])
def test_a_value_that_is_none_is_no_data(nothing: float) -> None:
    assert isinstance(reading(nothing), NoData)
    assert custom(1.0, nothing).code == "waiting"
    assert custom(*[nothing] * 20).kind == "no_data"
    with pytest.raises(AnalysisError):
        Value(nothing)


def test_failures_last_a_rollout_and_successes_a_step() -> None:
    state = after(replace(RATE, failure_limit=1), Value(0.5), Value(1)).next_step()
    assert (state.failures, state.successes) == (1, 0)  # type: ignore[union-attr]


def test_a_custom_metric_needs_a_condition_and_sane_limits() -> None:
    for wrong in (
        {},
        {"success": parse("value > 1"), "failure_limit": -1},
        {"success": parse("value > 1"), "consecutive_success": 0},
    ):
        with pytest.raises(AnalysisError):
            ValueMetric("m", "q", **wrong)


# --- together ---------------------------------------------------------------------------------------------------


def said(kind: Kind, *, dry_run: bool = False, pause: bool = False, e: float = 1) -> Verdict:
    return Verdict("m", kind, "code", "reason", e=e, limit=100, pause=pause, dry_run=dry_run)


@pytest.mark.parametrize("kinds", list(combinations_with_replacement(PRECEDENCE, 3)))
def test_the_first_row_of_the_table_decides(kinds: tuple[Kind, ...]) -> None:
    decision = combine([said(kind) for kind in reversed(kinds)], bake_elapsed=True)
    assert decision.kind == kinds[0]


def test_a_dry_run_never_decides() -> None:
    for kind in PRECEDENCE:
        decision = combine([said("pass"), said(kind, dry_run=True, pause=True)], bake_elapsed=True)
        assert (decision.kind, decision.pause) == ("pass", False)
        assert len(decision.verdicts) == 2
    assert combine([said("fail", dry_run=True)], bake_elapsed=True).kind == "pass"
    assert combine([said("fail", dry_run=True)], bake_elapsed=False).kind == "inconclusive"


def test_one_metric_that_asks_for_a_person_pauses_the_rollout_unless_it_is_rolled_back() -> None:
    assert combine([said("pass"), said("no_data", pause=True)], bake_elapsed=True).pause is True
    assert combine([said("error"), said("no_data", pause=True)], bake_elapsed=True).pause is True
    assert combine([said("fail"), said("no_data", pause=True)], bake_elapsed=True).pause is False


def test_the_verdict_nearest_to_failing_is_shown() -> None:
    decision = combine(
        [said("pass", e=2), said("pass", e=8), said("inconclusive", e=1, dry_run=True)], bake_elapsed=True
    )
    assert decision.verdict is not None and decision.verdict.e == 8


# --- stored -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", [ERRORS, RATE])
def test_a_state_survives_its_row(metric: CountMetric | ValueMetric) -> None:
    seen: list[Observation] = [CALM, BROKEN] if metric is ERRORS else [Value(0.97), Value(1.0)]
    for observations in (seen, [*seen, DOWN], [*seen, NoData("x")], []):
        state = after(metric, *observations)
        assert state_from_dict(metric, json.loads(json.dumps(state.to_dict()))) == state


def test_a_foreign_state_or_observation_is_refused() -> None:
    with pytest.raises(AnalysisError):
        state_from_dict(ERRORS, after(RATE, Value(1)).to_dict())
    with pytest.raises(AnalysisError):
        start(ERRORS).observe(ERRORS, Value(1), 15)
    with pytest.raises(AnalysisError):
        start(RATE).observe(RATE, CALM, 15)
    with pytest.raises(AnalysisError):
        judge(ERRORS, start(RATE), Rules(), bake_elapsed=True)
