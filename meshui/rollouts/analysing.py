"""One look at the canary: read its metrics, add them to the evidence, and say what that means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec

from meshui.rollouts import gathered, judging, past
from meshui.rollouts.analysis.evidence import NONE, AnalysisError, Counts
from meshui.rollouts.analysis.metrics import CountMetric, CountState, Metric, MetricState
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable
from meshui.rollouts.analysis.verdict import Decision, Verdict, combine, judge
from meshui.rollouts.metrics import mesh, prometheus
from meshui.rollouts.models import Measurement, Rollout
from meshui.rollouts.plan import Analysis, Bake, Plan
from meshui.rollouts.writer import snapshot


@dataclass(frozen=True, slots=True)
class Look:
    """What was read at one tick. ``until`` is how far the telemetry went, by the clock of its frames."""

    at: datetime
    seconds: float
    until: float | None
    observations: Mapping[str, Observation]
    past: past.Windows | None = None
    """Stable's last windows, where it has just lost its traffic."""


def due_at(row: Rollout) -> datetime | None:
    """When to look next: an interval after the last time; None while the canary gets no requests, or all is decided."""
    if not row.active or row.state == Rollout.State.ROLLING_BACK or not snapshot(row).exposed:
        return None
    interval = timedelta(milliseconds=_plan(row).analysis.interval_ms)
    return row.phase_since if row.analysed_until is None else row.analysed_until + interval


def look(row: Rollout, now: datetime, still_ours: Callable[[], None]) -> Look:
    """Read every metric, outside of any transaction: it may take seconds. ``still_ours`` is called in between."""
    plan = _plan(row)
    since = gathered.until(row)
    reading = mesh.read(str(row.service), since)
    found: dict[str, Observation] = {}
    for metric in gathered.metrics_of(row):
        if isinstance(metric, CountMetric):
            found[metric.name] = _counted(reading, metric, row)
        else:
            still_ours()
            found[metric.name] = prometheus.measure(metric.query, _subject(row, plan.analysis))
    seconds = (now - (row.analysed_until or row.step_since or now)).total_seconds()
    until = reading.until if isinstance(reading, mesh.Reading) else since
    return Look(now, max(0.0, seconds), until, found, past.windows(row, now) if past.is_wanted(row) else None)


def weigh(row: Rollout, seen: Look) -> None:
    """Add a look to the row's evidence and say what it means; measurements are written, the row is to be saved.

    The first look only says from when on it counts: what the canary did before the rollout is not its affair.
    """
    states = gathered.states(row)
    row.analysed_until = seen.at
    if seen.past is not None:
        gathered.keep_past(row, seen.past)
    if gathered.until(row) is None and seen.until is not None:
        gathered.keep(row, states, seen.until)
        return
    plan = _plan(row)
    rules = judging.rules(plan.analysis)
    baked = row.step_index >= len(plan.steps) or not isinstance(plan.steps[row.step_index], Bake)
    verdicts: list[Verdict] = []
    measured: list[Measurement] = []
    for metric in gathered.metrics_of(row):
        state = states[metric.name]
        if not (_is_slow(metric) and row.step_phase in ("propagating", "warming")):
            observed = past.beside(row, metric.name, seen.observations[metric.name])
            state = states[metric.name] = state.observe(metric, observed, seen.seconds)
        verdicts.append(judge(metric, state, rules, bake_elapsed=baked))
        measured.append(_measurement(row, verdicts[-1], state, seen))
    decision = combine(verdicts, bake_elapsed=baked)
    gathered.keep(row, states, seen.until)
    row.verdict = _summary(decision)
    row.metrics = [_shown(verdict) for verdict in verdicts]
    Measurement.objects.bulk_create(measured)


def _is_slow(metric: Metric) -> bool:
    """A canary that has just got traffic is slow while its caches fill: that does not count. Errors do at once."""
    return isinstance(metric, CountMetric) and metric.kind == "slow"


def _counted(reading: mesh.Reading | NoData | Unavailable, metric: CountMetric, row: Rollout) -> Observation:
    if not isinstance(reading, mesh.Reading):
        return reading
    try:
        return reading.counts(metric, row.canary, row.stable)
    except AnalysisError as error:
        return NoData(str(error))


def _subject(row: Rollout, analysis: Analysis) -> prometheus.Subject:
    window = max(1, round(analysis.interval_ms / 1000))
    return prometheus.Subject(row.service.full_name, row.canary, row.stable, max(60, window))


def _summary(decision: Decision) -> dict[str, Any]:
    spoken = decision.verdict
    shown = _shown(spoken) if spoken else _shown(Verdict("", decision.kind, decision.code, decision.reason))
    return {**shown, "kind": decision.kind, "pause": decision.pause, "reason": decision.reason, "code": decision.code}


def _shown(verdict: Verdict) -> dict[str, Any]:
    counts = verdict.counts
    return {
        "name": verdict.metric,
        "metric": verdict.metric,
        "kind": verdict.kind,
        "E": verdict.e,
        "limit": verdict.limit,
        "value": verdict.value,
        "canary": {"total": counts.canary_total, "bad": counts.canary_bad, "rate": verdict.canary},
        "baseline": {"total": counts.baseline_total, "bad": counts.baseline_bad, "rate": verdict.baseline},
        "reason": verdict.reason,
        "dry_run": verdict.dry_run,
    }


def _measurement(row: Rollout, verdict: Verdict, state: MetricState, seen: Look) -> Measurement:
    found = seen.observations[verdict.metric]
    counts = found if isinstance(found, Counts) else NONE
    return Measurement(
        rollout=row,
        at=seen.at,
        attempt=row.attempt,
        step_index=row.step_index,
        metric=verdict.metric,
        canary_total=counts.canary_total,
        canary_bad=counts.canary_bad,
        baseline_total=counts.baseline_total,
        baseline_bad=counts.baseline_bad,
        log_e=state.evidence.log_e if isinstance(state, CountState) else None,
        limit=verdict.limit,
        value=verdict.value,
        verdict=verdict.kind,
        dry_run=verdict.dry_run,
    )


def _plan(row: Rollout) -> Plan:
    return msgspec.convert(row.plan, Plan)
