"""From a metric's state to a verdict, and from several verdicts to one.

Pure: time comes in as what has elapsed. What a verdict means for a rollout is one table; of several metrics the first
row that any of them is in decides, and metrics in dry run are left out:

| kind | when | the rollout |
|---|---|---|
| fail | the canary is worse, or broken, or a custom metric is over its failure limit | rolls back |
| error | the metric's source is down | holds at once; pauses after 2 min, or over its error limit |
| no_data | nothing to judge by for 5 min | pauses |
| inconclusive | none of the others | waits; pauses over a custom metric's inconclusive limit |
| pass | all that a pass needs | goes on |

*Worse*: E >= deciding metrics / alpha, bad canary requests in at least two windows, and a gap over 0.1 points.
*Broken*: errors in at least half of 20 or more canary requests, two ticks in a row, while the baseline's were fine.
*A pass* needs 200 canary requests in this step, the bake elapsed, E below 10, and a canary that is not failing half its
requests at the moment (whoever's fault that is); of a custom metric, good values in a row and the bake.

A tick without data is at most inconclusive: neither silence nor an error ever passes or rolls back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from meshui.rollouts.analysis.evidence import NONE, AnalysisError, Counts
from meshui.rollouts.analysis.metrics import Absence, CountMetric, CountState, Metric, MetricState, ValueMetric

Kind = Literal["fail", "error", "no_data", "inconclusive", "pass"]
PRECEDENCE: tuple[Kind, ...] = ("fail", "error", "no_data", "inconclusive", "pass")

MIN_WINDOWS = 2
"""Windows with bad canary requests that a failure needs: one burst is not enough."""
MIN_GAP = 0.001
"""A failure needs the canary's rate to exceed the baseline's by more than this."""
PASS_BELOW = 10.0
FAST_RATE = 0.5
FAST_REQUESTS = 20
FAST_TICKS = 2


@dataclass(frozen=True, slots=True)
class Rules:
    """``alpha`` is the chance (0..1) that a whole rollout of a good canary is ever rolled back by the count metrics,
    ``deciding`` the number of count metrics that share it. ``min_requests`` are canary requests in a step; after
    ``quiet_s`` seconds without data, or ``down_s`` with the source down, a person is asked."""

    alpha: float = 0.01
    deciding: int = 1
    min_requests: int = 200
    quiet_s: float = 300.0
    down_s: float = 120.0

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1:
            raise AnalysisError("alpha", "alpha", "expected a probability between 0 and 1")
        if min(self.min_requests, self.deciding, self.quiet_s, self.down_s) < 0:
            raise AnalysisError("rules", "min_requests", "counts and durations are 0 or more")

    @property
    def limit(self) -> float:
        """What E must reach to fail a metric."""
        return max(1, self.deciding) / self.alpha


def rules_for(metrics: Sequence[Metric], *, alpha: float = 0.01, min_requests: int = 200) -> Rules:
    """Rules whose alpha is split over the count metrics that decide."""
    deciding = sum(isinstance(metric, CountMetric) and not metric.dry_run for metric in metrics)
    return Rules(alpha, deciding, min_requests)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one metric says. ``code`` is stable, ``reason`` a sentence with its numbers. Rates are 0..1, None where
    nothing compares; ``e`` is at most 1e12, ``log_e`` its natural logarithm unbounded. Of a custom metric ``value`` is
    the last measurement and there is no E. ``pause`` asks for a person."""

    metric: str
    kind: Kind
    code: str
    reason: str
    e: float | None = None
    log_e: float | None = None
    limit: float | None = None
    canary: float | None = None
    baseline: float | None = None
    counts: Counts = NONE
    value: float | None = None
    pause: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What all metrics say together. ``verdict`` is the one that decided, or stands nearest to failing; None where no
    metric decides."""

    kind: Kind
    pause: bool
    code: str
    reason: str
    verdict: Verdict | None
    verdicts: tuple[Verdict, ...]


def judge(metric: Metric, state: MetricState, rules: Rules, *, bake_elapsed: bool) -> Verdict:
    """The verdict on one metric after a tick. ``bake_elapsed``: whether this step has baked for as long as it must."""
    if isinstance(metric, CountMetric) and isinstance(state, CountState):
        return _judge_counts(metric, state, rules, bake_elapsed)
    if isinstance(metric, ValueMetric) and not isinstance(state, CountState):
        kind, code, reason, pause = _absent(state.absence, rules, metric.error_limit) or _judge_value(
            metric, state.failures, state.successes, state.inconclusives, state.value, bake_elapsed
        )
        return Verdict(metric.name, kind, code, reason, value=state.value, pause=pause, dry_run=metric.dry_run)
    raise AnalysisError("state", metric.name, f"the state is none of {metric.name}")


def combine(verdicts: Sequence[Verdict], *, bake_elapsed: bool) -> Decision:
    """The first row of the table that any deciding metric is in. Where no metric decides, the bake alone does."""
    deciding = [verdict for verdict in verdicts if not verdict.dry_run]
    if not deciding:
        kind: Kind = "pass" if bake_elapsed else "inconclusive"
        return Decision(kind, False, "no_metrics", "no metric decides", None, tuple(verdicts))
    kind = min((verdict.kind for verdict in deciding), key=PRECEDENCE.index)
    spoken = max((verdict for verdict in deciding if verdict.kind == kind), key=_weight)
    pause = kind != "fail" and any(verdict.pause for verdict in deciding)
    return Decision(kind, pause, spoken.code, spoken.reason, spoken, tuple(verdicts))


def _weight(verdict: Verdict) -> tuple[bool, float]:
    return verdict.pause, verdict.e / verdict.limit if verdict.e is not None and verdict.limit else 0.0


# --- counts -----------------------------------------------------------------------------------------------------

_Said = tuple[Kind, str, str, bool]
"""Kind, code, reason, and whether to pause."""


def _judge_counts(metric: CountMetric, state: CountState, rules: Rules, bake_elapsed: bool) -> Verdict:
    evidence = state.evidence
    kind, code, reason, pause = (
        _absent(state.absence, rules, None)
        or _fast_fail(metric, state)
        or _worse(metric, state, rules)
        or _not_yet(metric, state, rules, bake_elapsed)
        or ("pass", "healthy", f"{_rates(metric, state)}, E {evidence.e:.3g} of {rules.limit:g}", False)
    )
    return Verdict(
        metric.name,
        kind,
        code,
        reason,
        e=evidence.e,
        log_e=evidence.log_e,
        limit=rules.limit,
        canary=evidence.canary_rate,
        baseline=evidence.baseline_rate,
        counts=evidence.counts,
        pause=pause,
        dry_run=metric.dry_run,
    )


def _fast_fail(metric: CountMetric, state: CountState) -> _Said | None:
    """A canary that is simply broken. Where the baseline fails too, it is not the canary's doing."""
    if metric.kind != "errors" or len(state.recent) < FAST_TICKS:
        return None
    if not all(_failing(window) and not _baseline_failing(window) for window in state.recent[-FAST_TICKS:]):
        return None
    last = state.recent[-1]
    told = f"{last.canary_bad} of {last.canary_total} canary requests failed, {FAST_TICKS} ticks in a row"
    return "fail", "fast_fail", told, False


def _worse(metric: CountMetric, state: CountState, rules: Rules) -> _Said | None:
    evidence = state.evidence
    if evidence.e < rules.limit or evidence.windows_with_events < MIN_WINDOWS or evidence.gap <= MIN_GAP:
        return None
    return "fail", "worse", f"{_rates(metric, state)}, E {evidence.e:.3g} of {rules.limit:g}", False


def _not_yet(metric: CountMetric, state: CountState, rules: Rules, bake_elapsed: bool) -> _Said | None:
    """The first condition of a pass that is missing."""
    if metric.kind == "errors" and state.recent and _failing(state.recent[-1]):
        last = state.recent[-1]
        told = f"{last.canary_bad} of {last.canary_total} canary requests failed"
        return "inconclusive", "failing", told, False
    if state.evidence.e >= PASS_BELOW:
        told = f"E {state.evidence.e:.3g}: below {PASS_BELOW:g} to pass, {rules.limit:g} to fail"
        return "inconclusive", "suspicious", told, False
    if state.step_requests < rules.min_requests:
        told = f"{state.step_requests} of {rules.min_requests} canary requests"
        return "inconclusive", "too_few_requests", told, False
    if not bake_elapsed:
        return "inconclusive", "baking", "the step bakes", False
    return None


def _failing(window: Counts) -> bool:
    return window.canary_total >= FAST_REQUESTS and window.canary_bad >= FAST_RATE * window.canary_total


def _baseline_failing(window: Counts) -> bool:
    return window.baseline_total > 0 and window.baseline_bad >= FAST_RATE * window.baseline_total


def _rates(metric: CountMetric, state: CountState) -> str:
    canary, baseline = state.evidence.canary_rate, state.evidence.baseline_rate
    what = "failed" if metric.kind == "errors" else f"took over {metric.objective_ms:g} ms"
    if canary is None or baseline is None:
        counts = state.evidence.counts
        return f"{counts.canary_bad} of {counts.canary_total} canary requests {what}, nothing to compare with"
    return f"{canary:.2%} of canary requests {what}, {baseline:.2%} of the baseline's"


# --- custom metrics ---------------------------------------------------------------------------------------------


def _judge_value(
    metric: ValueMetric, failures: int, successes: int, inconclusives: int, value: float | None, bake_elapsed: bool
) -> _Said:
    told = f"{metric.name} is {value:.6g}" if value is not None else f"{metric.name} was not measured"
    if failures > metric.failure_limit:
        return "fail", "failure_limit", f"{told}; {failures} failed measurements of {metric.failure_limit}", False
    if inconclusives > metric.inconclusive_limit:
        said = f"{told}; {inconclusives} inconclusive measurements of {metric.inconclusive_limit}"
        return "inconclusive", "inconclusive_limit", said, True
    if successes < metric.consecutive_success:
        said = f"{told}; {successes} of {metric.consecutive_success} good measurements in a row"
        return "inconclusive", "too_few_successes", said, False
    if not bake_elapsed:
        return "inconclusive", "baking", "the step bakes", False
    return "pass", "healthy", told, False


# --- both -------------------------------------------------------------------------------------------------------


def _absent(absence: Absence, rules: Rules, error_limit: int | None) -> _Said | None:
    """What to say where the last tick brought nothing."""
    if absence.errors:
        pause = absence.down_s >= rules.down_s or (error_limit is not None and absence.errors > error_limit)
        return "error", "source_down", f"no answer for {absence.down_s:.0f} s: {absence.reason}", pause
    if absence.quiet_s >= rules.quiet_s:
        return "no_data", "no_data", f"no data for {absence.quiet_s:.0f} s: {absence.reason}", True
    if absence.reason:
        return "inconclusive", "waiting", f"no data for {absence.quiet_s:.0f} s: {absence.reason}", False
    return None
