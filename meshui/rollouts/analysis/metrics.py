"""Metrics: what is judged, and the state that each one carries from tick to tick.

Pure. A state is a value; ``observe`` gives the next one and ``to_dict`` / ``state_from_dict`` keep it in a row. The
thresholds are in ``verdict``: a state only adds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from meshui.rollouts.analysis.conditions import Condition
from meshui.rollouts.analysis.evidence import AnalysisError, Counts, Evidence
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable, Value

RECENT = 2
"""Windows remembered one by one, for the fast fail."""


@dataclass(frozen=True, slots=True)
class CountMetric:
    """A built-in metric: bad requests of canary and baseline. ``errors`` are those answered 5xx or not at all, ``slow``
    those over ``objective_ms`` (see ``latency``). A ``dry_run`` metric is measured and never decides."""

    name: str = "errors"
    kind: Literal["errors", "slow"] = "errors"
    objective_ms: float = 300.0
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ValueMetric:
    """A custom metric: a PromQL query that gives one number, as users of Argo Rollouts know it.

    A measurement fails where ``failure`` holds, else succeeds where ``success`` holds, else is inconclusive; where only
    one condition is given, the measurement is the other thing whenever it does not hold. Raises AnalysisError without
    any. The metric fails with more than ``failure_limit`` failed measurements since the rollout began, passes a step
    after ``consecutive_success`` good ones in a row, and asks for a pause after more than ``inconclusive_limit``
    inconclusive ones in a step, or more than ``error_limit`` failed readings in a row (None: time alone decides).
    """

    name: str
    query: str
    success: Condition | None = None
    failure: Condition | None = None
    failure_limit: int = 0
    consecutive_success: int = 1
    inconclusive_limit: int = 0
    error_limit: int | None = None
    dry_run: bool = False

    def __post_init__(self) -> None:
        if self.success is None and self.failure is None:
            raise AnalysisError("condition", "success", f"{self.name} needs a success or a failure condition")
        limits = (self.failure_limit, self.inconclusive_limit, self.error_limit or 0)
        if min(limits) < 0 or self.consecutive_success < 1:
            raise AnalysisError("limit", "failure_limit", "limits are 0 or more, consecutive_success 1 or more")

    def phase(self, value: float) -> Literal["success", "failure", "inconclusive"]:
        """What one measurement says."""
        if self.failure is not None and self.failure.holds(value):
            return "failure"
        if self.success is None:
            return "success"
        if self.success.holds(value):
            return "success"
        return "failure" if self.failure is None else "inconclusive"


Metric = CountMetric | ValueMetric


@dataclass(frozen=True, slots=True)
class Absence:
    """For how long nothing was to be had. ``quiet_s`` seconds without data, ``down_s`` seconds with the source down and
    ``errors`` failed readings, each without a break; ``reason`` says why for the last of them, empty where there is
    data."""

    quiet_s: float = 0.0
    down_s: float = 0.0
    errors: int = 0
    reason: str = ""

    def without(self, observation: NoData | Unavailable, seconds: float) -> Absence:
        if isinstance(observation, Unavailable):
            reason = f"{observation.code}: {observation.detail}"
            return Absence(self.quiet_s, self.down_s + seconds, self.errors + 1, reason)
        return Absence(self.quiet_s + seconds, reason=observation.reason)


PRESENT = Absence()


@dataclass(frozen=True, slots=True)
class CountState:
    """``evidence`` of the whole rollout; canary requests of this step; the last windows, newest last."""

    evidence: Evidence = field(default_factory=Evidence.none)
    step_requests: int = 0
    recent: tuple[Counts, ...] = ()
    absence: Absence = PRESENT

    def observe(self, metric: Metric, observation: Observation, seconds: float) -> CountState:
        """With what was read for the last ``seconds``. A window without canary requests is no data, though it adds to
        the sums."""
        if isinstance(observation, NoData | Unavailable):
            return replace(self, recent=(), absence=self.absence.without(observation, seconds))
        if not isinstance(observation, Counts):
            raise AnalysisError("observation", metric.name, f"{metric.name} is judged by counts")
        state = replace(self, evidence=self.evidence.add(observation))
        if not observation.canary_total:
            quiet = self.absence.without(NoData("the canary got no requests"), seconds)
            return replace(state, recent=(), absence=quiet)
        return replace(
            state,
            step_requests=self.step_requests + observation.canary_total,
            recent=(*self.recent, observation)[-RECENT:],
            absence=PRESENT,
        )

    def next_step(self) -> CountState:
        """At the start of a step: requests are counted anew, evidence stays."""
        return replace(self, step_requests=0)

    def resumed(self) -> CountState:
        """After somebody resumed a rollout that was paused: absence is counted anew."""
        return replace(self, absence=PRESENT, recent=())

    def to_dict(self) -> dict[str, Any]:
        return {
            "evidence": self.evidence.to_dict(),
            "step_requests": self.step_requests,
            "recent": [[c.canary_total, c.canary_bad, c.baseline_total, c.baseline_bad] for c in self.recent],
            "absence": _absence_to_dict(self.absence),
        }


@dataclass(frozen=True, slots=True)
class ValueState:
    """Failed measurements of the whole rollout; good ones in a row and inconclusive ones of this step."""

    value: float | None = None
    failures: int = 0
    successes: int = 0
    inconclusives: int = 0
    absence: Absence = PRESENT

    def observe(self, metric: Metric, observation: Observation, seconds: float) -> ValueState:
        if isinstance(observation, NoData | Unavailable):
            return replace(self, successes=0, absence=self.absence.without(observation, seconds))
        if not isinstance(observation, Value) or not isinstance(metric, ValueMetric):
            raise AnalysisError("observation", metric.name, f"{metric.name} is judged by a value")
        phase = metric.phase(observation.value)
        return ValueState(
            observation.value,
            self.failures + (phase == "failure"),
            self.successes + 1 if phase == "success" else 0,
            self.inconclusives + (phase == "inconclusive"),
        )

    def next_step(self) -> ValueState:
        return replace(self, successes=0, inconclusives=0)

    def resumed(self) -> ValueState:
        return replace(self, inconclusives=0, absence=PRESENT)

    def to_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "failures": self.failures,
            "successes": self.successes,
            "inconclusives": self.inconclusives,
            "absence": _absence_to_dict(self.absence),
        }


MetricState = CountState | ValueState


def start(metric: Metric) -> MetricState:
    """The state of a metric that nothing was read of."""
    return CountState() if isinstance(metric, CountMetric) else ValueState()


def state_from_dict(metric: Metric, data: Mapping[str, Any]) -> MetricState:
    """What ``to_dict`` gave. Raises AnalysisError for anything else."""
    try:
        absence = Absence(**data["absence"])
        if isinstance(metric, CountMetric):
            return CountState(
                Evidence.from_dict(data["evidence"]),
                int(data["step_requests"]),
                tuple(Counts(*map(int, window)) for window in data["recent"]),
                absence,
            )
        value = data["value"]
        return ValueState(
            None if value is None else float(value),
            int(data["failures"]),
            int(data["successes"]),
            int(data["inconclusives"]),
            absence,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise AnalysisError("state", metric.name, f"no state of {metric.name}: {error}") from error


def _absence_to_dict(absence: Absence) -> dict[str, Any]:
    return {
        "quiet_s": absence.quiet_s,
        "down_s": absence.down_s,
        "errors": absence.errors,
        "reason": absence.reason,
    }
