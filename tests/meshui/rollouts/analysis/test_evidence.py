"""E: published reference values, what must never change it, and numbers at the edges."""

from __future__ import annotations

import json
import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshui.rollouts.analysis.evidence import MAX_COUNT, MAX_E, AnalysisError, Counts, Evidence, log_e_value


def window(share: float, canary_bad: int, baseline_bad: int, total: int = 10_000) -> Counts:
    canary = round(total * share)
    return Counts(canary, canary_bad, total - canary, baseline_bad)


@pytest.mark.parametrize(
    ("share", "canary_bad", "baseline_bad", "e"),
    [
        (0.05, 1, 0, 5.56),
        (0.05, 2, 0, 51.67),
        (0.05, 3, 0, 597.4),
        (0.05, 1, 19, 0.33),
        (0.50, 8, 0, 46.45),
        (0.50, 10, 0, 138.0),
    ],
)
def test_reference_values(share: float, canary_bad: int, baseline_bad: int, e: float) -> None:
    in_one = math.exp(log_e_value([window(share, canary_bad, baseline_bad)]))
    assert in_one == pytest.approx(e, rel=0.01)
    one_by_one = [window(share, 1, 0)] * canary_bad + [window(share, 0, 1)] * baseline_bad
    assert math.exp(log_e_value(one_by_one)) == pytest.approx(in_one)


def test_the_formula_as_it_is_written_in_the_paper() -> None:
    """Against E = sum w prod (theta/rho)^c ((1-theta)/(1-rho))^b, computed by its definition."""
    windows = [Counts(120, 3, 1_900, 4), Counts(400, 2, 1_600, 9), Counts(1_000, 7, 1_000, 2)]
    alternatives = (1.5, 2, 3, 5, 10, 30, 100)
    e = 0.0
    for psi in alternatives:
        product = 1.0
        for each in windows:
            r = each.canary_total / (each.canary_total + each.baseline_total)
            theta, rho = (r * ratio / (r * ratio + 1 - r) for ratio in (psi, 1.2))
            product *= (theta / rho) ** each.canary_bad * ((1 - theta) / (1 - rho)) ** each.baseline_bad
        e += product / len(alternatives)
    assert math.exp(log_e_value(windows)) == pytest.approx(e)


counts = st.builds(
    lambda canary, baseline, c, b: Counts(canary, min(c, canary), baseline, min(b, baseline)),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
    st.integers(0, 50),
    st.integers(0, 50),
)


@given(st.lists(counts, max_size=12), st.integers())
def test_the_order_of_windows_does_not_matter(windows: list[Counts], seed: int) -> None:
    shuffled = list(windows)
    Random(seed).shuffle(shuffled)
    assert log_e_value(shuffled) == pytest.approx(log_e_value(windows), abs=1e-6)


@given(st.integers(1, 10**4), st.integers(1, 10**4), st.integers(0, 40), st.integers(0, 40), st.data())
def test_windows_of_one_share_can_be_summed(canary: int, baseline: int, c: int, b: int, data: st.DataObject) -> None:
    canary, baseline = canary + c, baseline + b
    in_first = data.draw(st.integers(0, c)), data.draw(st.integers(0, b))
    parts = [
        Counts(canary, in_first[0], baseline, in_first[1]),
        Counts(canary, c - in_first[0], baseline, b - in_first[1]),
    ]
    assert log_e_value(parts) == pytest.approx(log_e_value([Counts(canary, c, baseline, b)]), abs=1e-6)


@given(
    st.lists(counts, max_size=5), st.integers(1, 10**6), st.integers(1, 10**6), st.integers(0, 99), st.integers(0, 99)
)
def test_more_canary_errors_never_lower_it_and_more_baseline_errors_never_raise_it(
    before: list[Counts], canary: int, baseline: int, c: int, b: int
) -> None:
    canary, baseline = canary + c + 1, baseline + b + 1
    e = log_e_value([*before, Counts(canary, c, baseline, b)])
    assert log_e_value([*before, Counts(canary, c + 1, baseline, b)]) >= e
    assert log_e_value([*before, Counts(canary, c, baseline, b + 1)]) <= e


@given(st.lists(counts, max_size=5), st.integers(0, MAX_COUNT), st.booleans(), st.data())
def test_a_window_with_one_side_alone_is_no_evidence(
    before: list[Counts], total: int, canary: bool, data: st.DataObject
) -> None:
    bad = data.draw(st.integers(0, total))
    alone = Counts(total, bad, 0, 0) if canary else Counts(0, 0, total, bad)
    evidence = _sum(before)
    after = evidence.add(alone)
    assert after.log_weights == evidence.log_weights
    assert (after.gap, after.windows_with_events) == (evidence.gap, evidence.windows_with_events)


@given(st.integers(0, MAX_COUNT), st.integers(0, MAX_COUNT), st.data())
def test_any_counts_give_a_finite_number(canary: int, baseline: int, data: st.DataObject) -> None:
    extreme = Counts(canary, data.draw(st.integers(0, canary)), baseline, data.draw(st.integers(0, baseline)))
    evidence = _sum([extreme, extreme])
    assert math.isfinite(evidence.log_e)
    assert 0 <= evidence.e <= MAX_E
    assert -1 <= evidence.gap <= 1
    assert evidence.counts.canary_total <= MAX_COUNT


@pytest.mark.parametrize(
    "both", [Counts(500, 500, 500, 500), Counts(50, 50, 950, 950), Counts(10**9, 10**9, 10**9, 10**9)]
)
def test_everything_failing_on_both_sides_is_no_evidence(both: Counts) -> None:
    assert log_e_value([both] * 10) < 0


@pytest.mark.parametrize(
    ("numbers", "path"),
    [
        ((10, -1, 10, 0), "canary"),
        ((-5, -5, 10, 0), "canary"),
        ((10, 11, 10, 0), "canary"),
        ((10, 0, 9, 10), "baseline"),
        ((MAX_COUNT + 1, 0, 1, 0), "canary"),
    ],
)
def test_counts_that_cannot_be(numbers: tuple[int, int, int, int], path: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        Counts(*numbers)
    assert (caught.value.code, caught.value.path) == ("counts", path)


@given(st.lists(counts, max_size=6), st.lists(counts, max_size=6))
def test_what_is_stored_goes_on_as_if_it_had_never_been(before: list[Counts], after: list[Counts]) -> None:
    stored = Evidence.from_dict(json.loads(json.dumps(_sum(before).to_dict())))
    assert stored == _sum(before)
    for each in after:
        stored = stored.add(each)
    assert stored == _sum([*before, *after])


@pytest.mark.parametrize(
    "change", [{"log_weights": [0.0]}, {"counts": [1, 2, 3]}, {"strata": []}, {"alternatives": []}]
)
def test_what_was_never_stored_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(AnalysisError):
        Evidence.from_dict({**Evidence.none().to_dict(), **change})


@pytest.mark.parametrize("alternatives", [(), (1.1,), (1.2, 2.0), (2.0, math.inf)])
def test_alternatives_lie_above_the_tolerance(alternatives: tuple[float, ...]) -> None:
    with pytest.raises(AnalysisError):
        log_e_value([], 1.2, alternatives)


def test_a_change_of_weights_does_not_distort_the_rates() -> None:
    """Both sides fail 10 % while the canary has little traffic, then 0 % when it has much: no gap."""
    evidence = _sum([Counts(100, 10, 9_900, 990), Counts(5_000, 0, 5_000, 0)])
    assert evidence.gap == pytest.approx(0)
    assert evidence.canary_rate == pytest.approx(evidence.baseline_rate)
    pooled = evidence.counts
    assert pooled.canary_bad / pooled.canary_total < 0.1 * pooled.baseline_bad / pooled.baseline_total


def test_windows_with_events_are_those_in_which_the_canary_failed() -> None:
    evidence = _sum([Counts(10, 0, 90, 5), Counts(10, 2, 90, 0), Counts(0, 0, 90, 5), Counts(10, 1, 90, 0)])
    assert evidence.windows_with_events == 2


def _sum(windows: list[Counts]) -> Evidence:
    evidence = Evidence.none()
    for each in windows:
        evidence = evidence.add(each)
    return evidence
