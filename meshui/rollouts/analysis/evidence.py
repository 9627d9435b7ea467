"""Evidence that a canary fails more often than its baseline, which may be looked at as often as one likes.

Pure. Knows counts and nothing of rollouts, clocks or where counts come from.

In words. Canary and baseline serve at the same time and share the requests in some proportion. If the canary is no
worse, it has its share of the errors too; what is left to watch is *whose* error each one is. Every error is therefore
a small bet: we bet that it is the canary's, at odds that would be fair if the canary failed up to ``tolerance`` times
as often as the baseline. E is what a stake of 1 has grown to. While the canary is within the tolerance the bets are
fair or worse, so the stake reaches 100 at any time at all in at most one run of a hundred (Ville's inequality). That is
why E can be read every few seconds without inflating false alarms, which no fixed-size test (a z-test, say) allows. How
much worse the canary is nobody knows beforehand, so the stake is spread over several ``ALTERNATIVES`` and the one
nearest the truth soon outgrows the others.

In symbols. A window has requests n_c, n_b and errors c, b. Given that there were c + b errors, an error is the
canary's with probability psi n_c / (psi n_c + n_b) where psi is the ratio of error rates. The likelihood ratio of psi_j
against the tolerance psi_0 is

    (psi_j / psi_0)^c * ((psi_0 n_c + n_b) / (psi_j n_c + n_b))^(c + b)

and E is the mean over j of its products over windows. Each window brings its own n_c and n_b, so weights may change
between windows. After M. Lindon and A. Malek, "Anytime-Valid Inference for Multinomial Count Data", NeurIPS 2022
(arXiv 2011.03567), with the null hypothesis moved from 1 to the tolerance and a mixture of points.

Exact for rare errors (Poisson counts). Where errors are frequent the counts vary less than that, and the test alarms
less often than it may. Errors that come in clumps (one failure that many requests see) vary more: the verdict asks for
more than one window because of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

TOLERANCE = 1.2
"""A canary that fails up to this many times as often as its baseline is no worse."""
ALTERNATIVES = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 100.0)
MAX_COUNT = 2**63 - 1
MAX_E = 1e12
"""Evidence is shown up to here; more says no more, and infinity is no JSON."""


class AnalysisError(ValueError):
    """Input that cannot be analysed. ``code`` is stable; ``path`` names the field."""

    def __init__(self, code: str, path: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.path = path


@dataclass(frozen=True, slots=True)
class Counts:
    """Requests and bad ones (errors, or slow ones) of canary and baseline in the same stretch of time.

    Raises AnalysisError for what cannot be: a negative count (a counter that was reset gives one), or more bad requests
    than requests. Such a window says nothing, so its reader drops it and reports no data.
    """

    canary_total: int
    canary_bad: int
    baseline_total: int
    baseline_bad: int

    def __post_init__(self) -> None:
        if not 0 <= self.canary_bad <= self.canary_total <= MAX_COUNT:
            raise AnalysisError("counts", "canary", f"{self.canary_bad} bad of {self.canary_total} requests")
        if not 0 <= self.baseline_bad <= self.baseline_total <= MAX_COUNT:
            raise AnalysisError("counts", "baseline", f"{self.baseline_bad} bad of {self.baseline_total} requests")

    @property
    def comparable(self) -> bool:
        """Whether both sides served: without that a window compares nothing."""
        return self.canary_total > 0 and self.baseline_total > 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            min(self.canary_total + other.canary_total, MAX_COUNT),
            min(self.canary_bad + other.canary_bad, MAX_COUNT),
            min(self.baseline_total + other.baseline_total, MAX_COUNT),
            min(self.baseline_bad + other.baseline_bad, MAX_COUNT),
        )


NONE = Counts(0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What windows have added up to. A value: ``add`` gives a new one.

    ``log_weights`` has the natural logarithm of each alternative's part of E. ``windows_with_events`` counts comparable
    windows in which the canary had bad requests. ``counts`` are sums over all windows. The three stratum sums give
    rates that a change of weights between windows cannot distort (Mantel and Haenszel, 1959): each window counts by
    n_c n_b / (n_c + n_b).
    """

    log_weights: tuple[float, ...]
    windows_with_events: int = 0
    counts: Counts = NONE
    stratum_weight: float = 0.0
    stratum_canary: float = 0.0
    stratum_baseline: float = 0.0
    tolerance: float = TOLERANCE
    alternatives: tuple[float, ...] = ALTERNATIVES

    @classmethod
    def none(cls, tolerance: float = TOLERANCE, alternatives: Sequence[float] = ALTERNATIVES) -> Evidence:
        """The stake of 1, spread evenly. Raises AnalysisError where an alternative is not above the tolerance."""
        if not alternatives or not 0 < tolerance < min(alternatives) or math.isinf(max(alternatives)):
            raise AnalysisError("alternatives", "alternatives", "expected finite ratios above a positive tolerance")
        share = -math.log(len(alternatives))
        return cls((share,) * len(alternatives), tolerance=tolerance, alternatives=tuple(alternatives))

    def add(self, counts: Counts) -> Evidence:
        """With one more window. One in which a side had no requests changes the sums only."""
        totals = self.counts + counts
        if not counts.comparable:
            return replace(self, counts=totals)
        canary, baseline = counts.canary_total, counts.baseline_total
        both = canary + baseline
        return Evidence(
            self._log_weights_with(counts),
            self.windows_with_events + (counts.canary_bad > 0),
            totals,
            self.stratum_weight + canary * baseline / both,
            self.stratum_canary + counts.canary_bad * baseline / both,
            self.stratum_baseline + counts.baseline_bad * canary / both,
            self.tolerance,
            self.alternatives,
        )

    def _log_weights_with(self, counts: Counts) -> tuple[float, ...]:
        bad = counts.canary_bad + counts.baseline_bad
        if not bad:
            return self.log_weights
        expected = self.tolerance * counts.canary_total + counts.baseline_total
        return tuple(
            log_weight
            + counts.canary_bad * math.log(ratio / self.tolerance)
            + bad * math.log(expected / (ratio * counts.canary_total + counts.baseline_total))
            for log_weight, ratio in zip(self.log_weights, self.alternatives, strict=True)
        )

    @property
    def log_e(self) -> float:
        """The natural logarithm of E; 0 before the first window."""
        largest = max(self.log_weights)
        return largest + math.log(math.fsum(math.exp(weight - largest) for weight in self.log_weights))

    @property
    def e(self) -> float:
        """E, at most MAX_E."""
        return min(math.exp(min(self.log_e, math.log(MAX_E))), MAX_E)

    @property
    def canary_rate(self) -> float | None:
        """The canary's share of bad requests (0..1) over comparable windows; None where there was none."""
        return self.stratum_canary / self.stratum_weight if self.stratum_weight else None

    @property
    def baseline_rate(self) -> float | None:
        return self.stratum_baseline / self.stratum_weight if self.stratum_weight else None

    @property
    def gap(self) -> float:
        """By how much the canary's share of bad requests exceeds the baseline's (-1..1); 0 where nothing compares."""
        if not self.stratum_weight:
            return 0.0
        return (self.stratum_canary - self.stratum_baseline) / self.stratum_weight

    def to_dict(self) -> dict[str, Any]:
        """A small JSON object that ``from_dict`` reads back."""
        counts = self.counts
        return {
            "log_weights": list(self.log_weights),
            "windows": self.windows_with_events,
            "counts": [counts.canary_total, counts.canary_bad, counts.baseline_total, counts.baseline_bad],
            "strata": [self.stratum_weight, self.stratum_canary, self.stratum_baseline],
            "tolerance": self.tolerance,
            "alternatives": list(self.alternatives),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Evidence:
        """Raises AnalysisError for what ``to_dict`` never gave."""
        try:
            start = cls.none(float(data["tolerance"]), [float(ratio) for ratio in data["alternatives"]])
            log_weights = tuple(float(weight) for weight in data["log_weights"])
            strata = [float(value) for value in data["strata"]]
            if len(log_weights) != len(start.alternatives) or not all(map(math.isfinite, (*log_weights, *strata))):
                raise ValueError("weights do not fit the alternatives")
            return replace(
                start,
                log_weights=log_weights,
                windows_with_events=int(data["windows"]),
                counts=Counts(*map(int, data["counts"])),
                stratum_weight=strata[0],
                stratum_canary=strata[1],
                stratum_baseline=strata[2],
            )
        except (KeyError, TypeError, IndexError, ValueError) as error:
            raise AnalysisError("evidence", "evidence", f"no evidence: {error}") from error


def log_e_value(
    windows: Iterable[Counts], tolerance: float = TOLERANCE, alternatives: Sequence[float] = ALTERNATIVES
) -> float:
    """The natural logarithm of E after these windows."""
    evidence = Evidence.none(tolerance, alternatives)
    for counts in windows:
        evidence = evidence.add(counts)
    return evidence.log_e
