"""One place where rollouts become what the API and the live topics answer."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db.models import Max, QuerySet
from django.utils import timezone

from meshui.core.actors import EVERYWHERE, Actor
from meshui.delivery.settle import Progress, answers, progress
from meshui.delivery.shown import AnswerView
from meshui.rollouts import selectors
from meshui.rollouts.models import Approval, Measurement, Rollout, RolloutEvent
from meshui.rollouts.plan import AnyStep, Bake, Plan, SetMatch, SetMirror, SetWeight, Webhook, place
from meshui.rollouts.planning import spelled, spelled_step
from meshui.rollouts.shapes import (
    AcksView,
    ApprovalView,
    EventView,
    MeasurementView,
    MetricView,
    PlanView,
    RolloutView,
    SampleView,
    SideView,
    StepView,
    TrafficView,
    VerdictView,
    WeightsView,
)
from meshui.telemetry.selectors import VersionTraffic, version_traffic
from meshui.traffic.selectors import split_of

WINDOW_S = 30
"""Of the traffic that is shown beside a rollout."""
SILENT = SideView(rps=0.0, error_rate=None, p50_ms=None, p95_ms=None, p99_ms=None, sample=0)
NO_SAMPLE = SampleView(total=0, bad=0, rate=None)
NO_VERDICT = VerdictView(
    kind="none", metric="", E=None, limit=None, canary=NO_SAMPLE, baseline=NO_SAMPLE, reason="nothing was measured yet"
)

Traffic = Mapping[str, VersionTraffic]


@dataclass(frozen=True, slots=True)
class _Around:
    """What is read for many rollouts at once."""

    counts: Mapping[int, Progress]
    traffic: Mapping[str, Traffic]
    approvals: Mapping[int, Sequence[Approval]]
    newest: Mapping[int, int]
    """The newest rollout of each service that is no draft."""


def rollout_views(rows: Sequence[Rollout], actor: Actor | None) -> list[RolloutView]:
    """Rollouts as ``actor`` is shown them; as many queries for one as for all. Of nobody in particular (None), ``may``
    has what somebody may."""
    around = _around(rows)
    return [_view(row, actor, around) for row in rows]


def rollout_view(row: Rollout, actor: Actor | None) -> RolloutView:
    return rollout_views([row], actor)[0]


def with_all(rows: QuerySet[Rollout]) -> QuerySet[Rollout]:
    """With what a view needs of the service."""
    return rows.select_related("service__namespace").prefetch_related("service__versions")


def _around(rows: Sequence[Rollout]) -> _Around:
    revisions = {row.revision for row in rows if row.revision is not None}
    services = {str(row.service) for row in rows if row.active}
    approvals: dict[int, list[Approval]] = {}
    for approval in Approval.objects.filter(rollout__in=[row.pk for row in rows if row.pk]):
        approvals.setdefault(approval.rollout_id, []).append(approval)
    return _Around(
        counts=progress(revisions),
        traffic=version_traffic(services=services, window_s=WINDOW_S),
        approvals=approvals,
        newest=_newest({row.service_id for row in rows}),
    )


def _newest(services: Collection[int]) -> dict[int, int]:
    started = Rollout.objects.filter(service__in=services).exclude(state=Rollout.State.DRAFT)
    return dict(started.order_by().values_list("service").annotate(newest=Max("pk")))


def _somebody(row: Rollout) -> Actor:
    """One who may all that can be done to the rollout."""
    approver = next((name for name in selectors.plan_of(row).approvers if name != row.created_by), "")
    return Actor(name=approver, grants={EVERYWHERE: frozenset({"view", "traffic.write"})})


def _view(row: Rollout, actor: Actor | None, around: _Around) -> RolloutView:
    plan = selectors.plan_of(row)
    reveals = bool(actor and actor.may("traffic.write", row.service.namespace.name))
    traffic = around.traffic.get(str(row.service), {})
    counts = around.counts.get(row.revision, Progress()) if row.revision is not None else Progress()
    return msgspec.convert(
        {
            "id": str(row.pk or ""),
            "service": str(row.service),
            "stable": row.stable,
            "canary": row.canary,
            "strategy": row.strategy,
            "state": row.state,
            "pause_reason": row.pause_reason,
            "step_index": row.step_index,
            "step_phase": row.step_phase,
            "attempt": row.attempt,
            "steps": [_step(row, index, step) for index, step in enumerate(plan.steps)],
            "plan": _plan(plan, whole=reveals),
            "weights": _weights(row, traffic),
            "acks": AcksView(
                total=counts.total,
                acked=counts.acked,
                nacked=counts.nacked,
                waiting=counts.waiting,
                offline=counts.offline,
                revision=row.revision,
            ),
            "verdict": row.verdict or NO_VERDICT,
            "metrics": [msgspec.convert({"value": None, **metric}, MetricView) for metric in row.metrics],
            "traffic": TrafficView(canary=_side(traffic.get(row.canary)), stable=_side(traffic.get(row.stable))),
            "reason": row.reason,
            "created_by": row.created_by,
            "created_at": row.created_at or timezone.now(),
            "started_at": row.started_at,
            "finished_at": row.finished_at,
            "next_due_at": row.next_due_at if row.active else None,
            "deadline_at": _deadline(row, plan),
            "revision": row.revision,
            "version": selectors.rollout_version(row),
            "approvals": [_approval(approval) for approval in around.approvals.get(row.pk, ())],
            "may": selectors.allowed_actions(row, actor or _somebody(row)),
            "undo_until": _undo_until(row, around.newest),
            "undo_of": str(row.undo_of_id) if row.undo_of_id else None,
        },
        RolloutView,
    )


def _plan(plan: Plan, *, whole: bool) -> PlanView:
    """Addresses in full only for who may write them: a webhook's is often its password."""
    if not whole:
        plan = msgspec.structs.replace(
            plan,
            steps=tuple(Webhook(url=place(step.url)) if isinstance(step, Webhook) else step for step in plan.steps),
            notify=tuple(
                entry if entry.kind == "email" else msgspec.structs.replace(entry, target=place(entry.target))
                for entry in plan.notify
            ),
        )
    return msgspec.convert(spelled(plan), PlanView)


def _weights(row: Rollout, traffic: Traffic) -> WeightsView:
    observed = {version: seen.share for version, seen in traffic.items() if seen.share is not None}
    both = {row.stable: 0, row.canary: 0}
    return WeightsView(
        desired=both | (row.weights or split_of(row.service)),
        acknowledged=both | row.good["weights"] if row.good else None,
        observed=observed or None,
    )


def _side(seen: VersionTraffic | None) -> SideView:
    if seen is None:
        return SILENT
    return SideView(
        rps=seen.rps,
        error_rate=seen.error_rate,
        p50_ms=seen.p50_ms,
        p95_ms=seen.p95_ms,
        p99_ms=seen.p99_ms,
        sample=seen.requests,
    )


def _deadline(row: Rollout, plan: Plan) -> datetime | None:
    if row.state != Rollout.State.PROGRESSING or row.step_since is None:
        return None
    return row.step_since + timedelta(milliseconds=plan.safety.step_deadline_ms)


def _undo_until(row: Rollout, newest: Mapping[int, int]) -> datetime | None:
    """As ``selectors.undo_until``, without a query for each."""
    if row.state != Rollout.State.SUCCEEDED or row.finished_at is None or newest.get(row.service_id) != row.pk:
        return None
    until = row.finished_at + selectors.UNDO_WINDOW
    return until if until > timezone.now() else None


def _approval(row: Approval) -> ApprovalView:
    shown = {name: getattr(row, name) for name in ApprovalView.__struct_fields__}
    return msgspec.convert(shown, ApprovalView)


# --- steps ------------------------------------------------------------------------------------------------------


def _step(row: Rollout, index: int, step: AnyStep) -> StepView:
    started, done = row.step_times.get(str(index), (None, None))
    return msgspec.convert(
        {
            "index": index,
            "kind": step.kind,
            "weight": step.weight if isinstance(step, SetWeight) else None,
            "detail": _detail(step),
            "state": _step_state(row, index),
            "started_at": started,
            "done_at": done,
        },
        StepView,
    )


def _step_state(row: Rollout, index: int) -> str:
    if index < row.step_index:
        return "done"
    return "current" if index == row.step_index and row.active else "todo"


def _detail(step: AnyStep) -> str:
    """What a step does, apart from its kind."""
    match step:
        case Bake():
            return str(spelled_step(step)["bake"])
        case SetMatch():
            return f"{len(step.matches)} match{'' if len(step.matches) == 1 else 'es'}"
        case SetMirror():
            return f"{step.percent:g} %"
        case Webhook():
            return place(step.url)
        case SetWeight():
            return f"{step.weight} %"
    return ""


# --- its story --------------------------------------------------------------------------------------------------


def event_view(row: RolloutEvent) -> EventView:
    return EventView(
        seq=row.seq, at=row.at, kind=row.kind, actor=row.actor, step=row.step, detail=row.detail, data=row.data
    )


def measurement_view(row: Measurement) -> MeasurementView:
    shown: dict[str, Any] = {name: getattr(row, name, None) for name in MeasurementView.__struct_fields__}
    shown |= {
        "canary": _sample(row.canary_total, row.canary_bad),
        "baseline": _sample(row.baseline_total, row.baseline_bad),
        "e": None if row.log_e is None else math.exp(min(row.log_e, 690.0)),
    }
    return msgspec.convert(shown, MeasurementView)


def _sample(total: int, bad: int) -> SampleView:
    return SampleView(total=total, bad=bad, rate=bad / total if total else None)


def proxy_answers(row: Rollout, actor: Actor) -> list[AnswerView]:
    """What each proxy that the actor may view answered to the latest revision, refusals first."""
    found = [] if row.revision is None else answers(row.revision)
    return [
        AnswerView(proxy=answer.proxy, service=answer.service, status=answer.status, error=answer.error, at=answer.at)
        for answer in found
        if actor.may("view", answer.service.partition("/")[0])
    ]
