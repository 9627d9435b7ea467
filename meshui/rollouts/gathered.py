"""What the analysis has gathered of a rollout, in its row: the state of each metric, how far telemetry was read, and
what is left of stable's past (``past.py``)."""

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
    kept = {name: state.to_dict() for name, state in states.items()}
    row.evidence = {**row.evidence, "until": until, "states": kept}


def past(row: Rollout) -> Mapping[str, list[tuple[int, int]]] | None:
    """By metric, stable's windows that are left; None where they were not looked up."""
    found: Mapping[str, list[tuple[int, int]]] | None = row.evidence.get("past")
    return found


def keep_past(row: Rollout, windows: Mapping[str, list[tuple[int, int]]]) -> None:
    row.evidence = {**row.evidence, "past": {name: list(each) for name, each in windows.items()}}


def take_past(row: Rollout, metric: str) -> tuple[int, int] | None:
    """The newest of stable's windows that is left, which is then used up."""
    left = list((past(row) or {}).get(metric, ()))
    if not left:
        return None
    total, bad = left.pop()
    keep_past(row, {**(past(row) or {}), metric: left})
    return total, bad


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
