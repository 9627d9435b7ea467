"""Traffic made up from a seed: what a canary and its baseline would have counted, tick by tick."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from meshui.rollouts.analysis.evidence import Counts

TICK_S = 15


MANY = 100.0
"""A variance from which the normal law is as good as the binomial one."""


def binomial(rng: random.Random, trials: int, p: float) -> int:
    """How many of ``trials`` happen: by jumps from one that does to the next, so rare ones cost nothing."""
    if p >= 1 or trials == 0:
        return trials
    if p <= 0:
        return 0
    variance = trials * p * (1 - p)
    if variance > MANY:
        return min(trials, max(0, round(rng.gauss(trials * p, math.sqrt(variance)))))
    step = math.log1p(-p)
    count, position = 0, 0
    while (position := position + 1 + int(math.log(1.0 - rng.random()) / step)) <= trials:
        count += 1
    return count


def traffic(
    rng: random.Random, *, rps: float, share: float, canary: float, baseline: float, ticks: int
) -> Iterator[Counts]:
    """``ticks`` windows at a steady rate; ``canary`` and ``baseline`` are the sides' error rates."""
    requests = rps * TICK_S
    for tick in range(ticks):
        total = int(requests * (tick + 1)) - int(requests * tick)
        to_canary = binomial(rng, total, share)
        to_baseline = total - to_canary
        yield Counts(to_canary, binomial(rng, to_canary, canary), to_baseline, binomial(rng, to_baseline, baseline))
