"""How soon a bad canary is noticed, and how often a good one is accused.

    python -m benchmarks.analysis [--json OUT] [--runs 400] [--minutes 60]

Three rules look at the same made-up traffic:

meshui      E of ``meshui.rollouts.analysis``, looked at every 15 s, alpha 1 %, with all conditions of a verdict.
Flagger     its documented example: every minute the canary's success rate of that minute is checked against 99 %, a
            minute without requests fails the check too, and five failed checks roll back. It does not look at the
            baseline.
z-test      the two-proportion z-test, one-sided, on all counts so far, repeated every 15 s at 1 %: what a dashboard
            with a p-value does.

Each system's column is the share of runs that it failed within the time, beside it the median ``minutes`` over all runs
until then (a dash where fewer than half were). Where both sides are equally good, that share is its false alarms.
"""

from __future__ import annotations

import argparse
import math
import random
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from benchmarks.support import report
from meshui.rollouts.analysis.evidence import NONE, Counts
from meshui.rollouts.analysis.metrics import CountMetric, CountState
from meshui.rollouts.analysis.verdict import judge, rules_for
from tests.support.simulated import TICK_S, traffic

GOOD = ((0.001, 0.001), (0.005, 0.005), (0.03, 0.03))
BAD = ((0.05, 0.001), (0.01, 0.001), (0.02, 0.01), (0.06, 0.03))
"""Error rates of canary and baseline."""
RATES = (5, 50, 500)
SHARES = (0.01, 0.05, 0.25, 0.5)
SYSTEMS = ("meshui", "Flagger", "z-test")

ERRORS = CountMetric()
RULES = rules_for([ERRORS])

FLAGGER_INTERVAL_S = 60
FLAGGER_THRESHOLD = 5
FLAGGER_MIN_SUCCESS = 0.99
Z_LIMIT = 2.326
"""The 99th percentile of the normal law."""

Rule = Iterator[bool]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--minutes", type=int, default=60)
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    for title, pairs in (("equally good: false alarms", GOOD), ("worse: caught", BAD)):
        print(f"\n{title}\n{'canary':>7}{'stable':>8}{'rps':>6}{'share':>7}", end="")
        print("".join(f"{system:>10}{'minutes':>9}" for system in SYSTEMS))
        for canary, baseline in pairs:
            for rps in RATES:
                for share in SHARES:
                    found = measure(options.runs, options.minutes, rps, share, canary, baseline)
                    rows += found
                    print(f"{canary:>7.1%}{baseline:>8.1%}{rps:>6}{share:>7.0%}", end="")
                    print("".join(f"{row['caught']:>10.1%}{row['minutes'] or '-':>9}" for row in found), flush=True)
    report("analysis", rows, options.json)
    return 0


def measure(
    runs: int, minutes: int, rps: float, share: float, canary: float, baseline: float
) -> list[dict[str, object]]:
    """A row for each system, over the same runs."""
    rng = random.Random(f"{rps} {share} {canary} {baseline}")
    ticks = minutes * 60 // TICK_S
    times: list[list[float]] = [[] for _ in SYSTEMS]
    for _ in range(runs):
        windows = traffic(rng, rps=rps, share=share, canary=canary, baseline=baseline, ticks=ticks)
        for system, tick in enumerate(run(list(windows))):
            times[system].append(math.inf if tick is None else tick * TICK_S / 60)
    case = {"rps": rps, "share": share, "canary": canary, "baseline": baseline}
    return [
        {
            "case": f"{canary:.1%} against {baseline:.1%}, {rps} rps, {share:.0%}",
            "system": system,
            **case,
            "caught": sum(map(math.isfinite, found)) / runs,
            "minutes": round(median(found), 2) if math.isfinite(median(found)) else None,
        }
        for system, found in zip(SYSTEMS, times, strict=True)
    ]


def run(windows: list[Counts]) -> list[int | None]:
    """The tick (from 1) at which each system fails the canary."""
    return [
        next((tick for tick, failed in enumerate(rule(windows), 1) if failed), None)
        for rule in (by_evidence, by_threshold, by_z_test)
    ]


def by_evidence(windows: list[Counts]) -> Rule:
    state = CountState()
    for window in windows:
        state = state.observe(ERRORS, window, TICK_S)
        yield judge(ERRORS, state, RULES, bake_elapsed=False).kind == "fail"


def by_threshold(windows: list[Counts]) -> Rule:
    per_check = FLAGGER_INTERVAL_S // TICK_S
    failed = 0
    minute = NONE
    for tick, window in enumerate(windows, 1):
        minute = minute + window
        if tick % per_check == 0:
            success = 1 - minute.canary_bad / minute.canary_total if minute.canary_total else 0.0
            failed += success < FLAGGER_MIN_SUCCESS
            minute = NONE
        yield failed >= FLAGGER_THRESHOLD


def by_z_test(windows: list[Counts]) -> Rule:
    total = NONE
    for window in windows:
        total = total + window
        yield z(total) > Z_LIMIT


def z(total: Counts) -> float:
    """How many standard errors the canary's rate lies above the baseline's, with the pooled rate."""
    if not total.comparable:
        return 0.0
    pooled = (total.canary_bad + total.baseline_bad) / (total.canary_total + total.baseline_total)
    variance = pooled * (1 - pooled) * (1 / total.canary_total + 1 / total.baseline_total)
    gap = total.canary_bad / total.canary_total - total.baseline_bad / total.baseline_total
    return gap / math.sqrt(variance) if variance else 0.0


if __name__ == "__main__":
    raise SystemExit(main())
