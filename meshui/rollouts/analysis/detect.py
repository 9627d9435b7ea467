"""How long the test takes to notice a canary that is worse, at a given rate and share of requests.

Pure. Computed, not simulated. With a steady share, E depends only on how many errors there were on either side, so
the errors are a walk: each is the canary's with probability psi r / (psi r + 1 - r). The chance that E has reached its
limit within k errors is followed exactly, error by error; how many errors there are by a tick is a Poisson count. What
is left out: E is looked at once a tick and not at every error, and a failure needs errors in two windows. The former
makes the answer a little early, the latter is a floor of two ticks. Against simulation the median is within one tick or
10 %, whichever is more (a test holds it to that).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from meshui.rollouts.analysis.evidence import ALTERNATIVES, TOLERANCE, AnalysisError
from meshui.rollouts.analysis.verdict import MIN_GAP, MIN_WINDOWS

TICK_S = 15.0
MAX_ERRORS = 10_000
"""Errors followed: a difference that needs more is not one to wait for."""
MAX_MINUTES = 7 * 24 * 60.0
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True)
class _Walk:
    """Parameters of the walk: the canary's share of requests, and the chance that an error is the canary's."""

    share: float
    chance: float
    log_limit: float
    tolerance: float
    alternatives: tuple[float, ...]


def minutes_to_detect(
    rate_rps: float,
    share: float,
    baseline_error: float,
    ratio: float = 2.0,
    alpha: float = 0.01,
    *,
    deciding: int = 1,
    tick_s: float = TICK_S,
    quantile: float = 0.5,
    tolerance: float = TOLERANCE,
    alternatives: Sequence[float] = ALTERNATIVES,
) -> float | None:
    """Minutes after which a canary whose error rate is ``ratio`` times the baseline's has been failed with probability
    ``quantile`` (0.5: the median).

    ``rate_rps`` are requests a second to both together, ``share`` (0..1) the canary's part of them, ``baseline_error``
    the baseline's error rate (0..1), ``deciding`` the count metrics that share ``alpha``. None where it would never be:
    no traffic, no errors, a ratio within the tolerance, a gap too small for the rules, or over a week. Raises
    AnalysisError for a share, rate or probability out of range.
    """
    for path, value in (("share", share), ("baseline_error", baseline_error), ("quantile", quantile)):
        if not 0 <= value <= 1:
            raise AnalysisError("range", path, f"{path} is {value}, expected 0 to 1")
    if not 0 < alpha < 1 or rate_rps < 0 or tick_s <= 0 or ratio < 0:
        raise AnalysisError("range", "alpha", "expected a positive rate, tick and ratio, and an alpha between 0 and 1")
    canary_error = min(1.0, baseline_error * ratio)
    errors_per_tick = rate_rps * tick_s * (share * canary_error + (1 - share) * baseline_error)
    if canary_error - baseline_error <= MIN_GAP or canary_error <= tolerance * baseline_error:
        return None
    if not 0 < share < 1 or not errors_per_tick:
        return None
    effect = canary_error / baseline_error
    chance = effect * share / (effect * share + 1 - share)
    walk = _Walk(share, chance, math.log(max(1, deciding) / alpha), tolerance, tuple(alternatives))
    reached = _chances(walk, quantile)
    if reached is None:
        return None
    ticks = _first_tick(reached, errors_per_tick, quantile)
    minutes = max(ticks, MIN_WINDOWS) * tick_s / 60
    return minutes if minutes <= MAX_MINUTES else None


def chances_of_alarm(share: float, effect: float, log_limit: float) -> Iterator[float]:
    """The chance that E has ever reached its limit within 1, 2, 3 ... errors, looked at after each of them, where the
    canary fails ``effect`` times as often as the baseline. Exact."""
    chance = effect * share / (effect * share + 1 - share)
    return _follow(_Walk(share, chance, log_limit, TOLERANCE, ALTERNATIVES))


def _chances(walk: _Walk, quantile: float) -> list[float] | None:
    """The chances until well beyond the quantile; None where MAX_ERRORS are not enough."""
    enough = quantile + (1 - quantile) * 0.99
    chances = [0.0]
    for chance in _follow(walk):
        chances.append(chance)
        if chance >= enough:
            return chances
        if len(chances) > MAX_ERRORS:
            return chances if chance > quantile else None
    return None


def _follow(walk: _Walk) -> Iterator[float]:
    """Probabilities of ``canary`` errors among those so far, for walks that have not reached the limit."""
    alive = {0: 1.0}
    reached = 0.0
    limit = 0
    total = 0
    while True:
        total += 1
        limit = _least_canary_errors(walk, total, limit)
        following: dict[int, float] = {}
        for canary, probability in alive.items():
            if probability > _NEGLIGIBLE:
                following[canary] = following.get(canary, 0.0) + probability * (1 - walk.chance)
                following[canary + 1] = following.get(canary + 1, 0.0) + probability * walk.chance
        reached += sum(following.pop(canary) for canary in list(following) if canary >= limit)
        alive = following
        yield reached


def _least_canary_errors(walk: _Walk, total: int, start: int) -> int:
    """The fewest canary errors of ``total`` at which E is at its limit; never fewer than of one error less."""
    canary = start
    while canary <= total and _log_e(walk, canary, total) < walk.log_limit:
        canary += 1
    return canary


def _log_e(walk: _Walk, canary: int, total: int) -> float:
    expected = walk.tolerance * walk.share + 1 - walk.share
    terms = [
        canary * math.log(ratio / walk.tolerance) + total * math.log(expected / (ratio * walk.share + 1 - walk.share))
        for ratio in walk.alternatives
    ]
    largest = max(terms)
    return largest + math.log(math.fsum(math.exp(term - largest) for term in terms) / len(terms))


def _first_tick(reached: Sequence[float], errors_per_tick: float, quantile: float) -> int:
    """The first tick at which the chance, over how many errors there may be by then, is at the quantile."""
    low, high = 0, 1
    while _by_tick(reached, errors_per_tick * high) < quantile:
        low, high = high, high * 2
        if high * errors_per_tick > 4 * len(reached) + 100:
            break
    while high - low > 1:
        middle = (low + high) // 2
        if _by_tick(reached, errors_per_tick * middle) < quantile:
            low = middle
        else:
            high = middle
    return high


def _by_tick(reached: Sequence[float], mean: float) -> float:
    """The mean of ``reached[k]`` over a Poisson count k; beyond its end the last value holds."""
    spread = 8 * math.sqrt(mean) + 8
    first, last = max(0, int(mean - spread)), int(mean + spread)
    log_mean = math.log(mean)
    return math.fsum(
        math.exp(count * log_mean - mean - math.lgamma(count + 1)) * reached[min(count, len(reached) - 1)]
        for count in range(first, last + 1)
    )
