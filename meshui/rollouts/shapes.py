"""What the API and the live topics answer about rollouts. ``shown`` makes these of rows."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from meshui.core.api.bodies import View
from meshui.delivery.shown import ProgressView
from meshui.rollouts.bodies import PlanBody
from meshui.rollouts.plan import Strategy
from meshui.rollouts.states import Phase, State

VerdictKind = Literal["pass", "fail", "inconclusive", "no_data", "error", "none"]
Action = Literal["start", "pause", "resume", "approve", "reject", "skip-step", "promote", "abort", "retry"]


class StepView(View, frozen=True, kw_only=True):
    """``weight`` of a set_weight, else null. ``detail`` says what the step does in a few words."""

    index: int
    kind: str
    weight: int | None
    detail: str
    state: Literal["done", "current", "todo"]
    started_at: datetime | None
    done_at: datetime | None


class PlanView(PlanBody, frozen=True, kw_only=True):
    """The plan as it is frozen, in the words of a body. Webhooks' addresses are whole only for who may write traffic
    there, and never over WebSocket."""

    service: str


class WeightsView(View, frozen=True, kw_only=True):
    """Percent that is wanted; percent that all proxies last took; the part (0..1) of the last 30 seconds' requests."""

    desired: dict[str, int]
    acknowledged: dict[str, int] | None
    observed: dict[str, float] | None


class AcksView(ProgressView, frozen=True, kw_only=True):
    """What proxies answered to ``revision``, the rollout's latest; null before the first."""

    revision: int | None


class SampleView(View, frozen=True, kw_only=True):
    """``rate`` is the part (0..1) of bad requests, null where there were none."""

    total: int
    bad: int
    rate: float | None


class VerdictView(View, frozen=True, kw_only=True):
    """``E`` is the evidence against the canary, ``limit`` where it fails; null for metrics that have none."""

    kind: VerdictKind
    metric: str
    E: float | None
    limit: float | None
    canary: SampleView
    baseline: SampleView
    reason: str


class MetricView(VerdictView, frozen=True, kw_only=True):
    """The verdict of one metric. ``value`` is the newest of a query."""

    name: str
    dry_run: bool
    value: float | None


class SideView(View, frozen=True, kw_only=True):
    """What one version answered in the last 30 seconds; ``sample`` are its requests."""

    rps: float
    error_rate: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    sample: int


class TrafficView(View, frozen=True, kw_only=True):
    canary: SideView
    stable: SideView


class ApprovalView(View, frozen=True, kw_only=True):
    by: str
    at: datetime
    step_index: int
    decision: Literal["approved", "rejected"]
    reason: str


class RolloutView(View, frozen=True, kw_only=True):
    """``reason`` says in a sentence, with numbers, why it is where it is. ``may`` are the actions that its state allows
    you now; over WebSocket, where one message goes to many, those that it allows anybody who may write traffic there.
    ``deadline_at`` is when the current step pauses. ``version`` is its ETag. ``id`` is empty in a dry run."""

    id: str
    service: str
    stable: str
    canary: str
    strategy: Strategy
    state: State
    pause_reason: str
    step_index: int
    step_phase: Phase | Literal[""]
    attempt: int
    steps: list[StepView]
    plan: PlanView
    weights: WeightsView
    acks: AcksView
    verdict: VerdictView
    metrics: list[MetricView]
    traffic: TrafficView
    reason: str
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    next_due_at: datetime | None
    deadline_at: datetime | None
    revision: int | None
    version: str
    approvals: list[ApprovalView]
    may: list[Action]
    undo_until: datetime | None
    undo_of: str | None


class EventView(View, frozen=True, kw_only=True):
    """One line of a rollout's story; ``seq`` rises by one with each."""

    seq: int
    at: datetime
    kind: str
    actor: str
    step: int | None
    detail: str
    data: dict[str, Any]


class MeasurementView(View, frozen=True, kw_only=True):
    """One metric at one tick: what was counted since the tick before, and the evidence until then."""

    at: datetime
    metric: str
    step_index: int
    attempt: int
    canary: SampleView
    baseline: SampleView
    log_e: float | None
    e: float | None
    limit: float | None
    value: float | None
    verdict: VerdictKind
    dry_run: bool


class LiveRolloutView(RolloutView, frozen=True, kw_only=True):
    """The state of the topic ``rollout:{id}``."""

    events: list[EventView]


class LiveRolloutDiff(View, frozen=True, kw_only=True):
    """What follows it: the rollout whole, and the events that are new."""

    rollout: RolloutView
    events: list[EventView]


# --- before a rollout -------------------------------------------------------------------------------------------


class CheckView(View, frozen=True, kw_only=True):
    name: str
    ok: bool
    detail: str


class CandidateView(View, frozen=True, kw_only=True):
    name: str
    weight: int
    instances: int
    healthy: int


class PreflightView(View, frozen=True, kw_only=True):
    """Whether a rollout could start now. ``rate_rps`` is what the service gets (null: no telemetry)."""

    checks: list[CheckView]
    rate_rps: float | None
    stable: str
    versions: list[CandidateView]
    active_rollout: str | None


class DetectView(View, frozen=True, kw_only=True):
    """For a step that analyses: after how many minutes, in half of all cases, a doubling of errors would have ended
    the rollout; null: not in a week. ``share`` is the canary's part (0..1)."""

    index: int
    share: float
    minutes_to_detect: float | None


class EstimateView(View, frozen=True, kw_only=True):
    """``total_minutes`` is the least that all steps take. The rates are the last ten minutes', null without traffic.
    ``assumed_error`` is the error rate whose doubling would be noticed: stable's, but not less than 0.5 %."""

    baseline_error: float | None
    assumed_error: float
    rate_rps: float | None
    steps: list[DetectView]
    total_minutes: float


class RolloutWritten(RolloutView, frozen=True, kw_only=True):
    """A rollout that was just made; in a dry run also whether it could start, and how long it might take."""

    preflight: PreflightView | None
    estimate: EstimateView | None
