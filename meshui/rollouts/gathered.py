"""What the analysis has gathered of a rollout, in its row: the state of each metric, and how far telemetry was read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import msgspec

from meshui.rollouts import judging
from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.analysis.metrics import Metric, MetricState, start, state_from_dict
from meshui.rollouts.models import Rollout
from meshui.rollouts.plan import Plan

log = logging.getLogger(__name__)


def metrics_of(row: Rollout) -> tuple[Metric, ...]:
    """The metrics of its plan."""
    return judging.judged(msgspec.convert(row.plan, Plan).analysis)


def until(row: Rollout) -> float | None:
    """How far telemetry was read, by the clock of its frames; None before the first look."""
    found: float | None = row.evidence.get("until")
    return found


def states(row: Rollout) -> dict[str, MetricState]:
    """The state of each metric."""
    return {metric.name: _state(row, metric) for metric in metrics_of(row)}


def keep(row: Rollout, states: Mapping[str, MetricState], until: float | None) -> None:
    row.evidence = {"until": until, "states": {name: state.to_dict() for name, state in states.items()}}


def change(row: Rollout, how: Callable[[MetricState], MetricState]) -> None:
    """Change the state of each metric."""
    keep(row, {name: how(state) for name, state in states(row).items()}, until(row))


def forget(row: Rollout) -> None:
    """Judge afresh, by what comes from now on."""
    row.evidence = {"until": until(row)}
    row.verdict, row.metrics = None, []


def _state(row: Rollout, metric: Metric) -> MetricState:
    stored = row.evidence.get("states", {}).get(metric.name)
    try:
        return start(metric) if stored is None else state_from_dict(metric, stored)
    except AnalysisError:  # another release kept it otherwise: judging begins anew rather than never again
        log.warning("rollout %s: what was gathered of %s cannot be read", row.pk, metric.name)
        return start(metric)
