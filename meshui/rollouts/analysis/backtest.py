"""What a template would have done on traffic that was recorded: the verdicts tick by tick, and where they lead.

Pure. The recording's windows stand for one step after another: a pass ends a step, the pass of the last step ends the
run, a failure ends it at once, and a pause is noted where it would have begun and the run goes on as if somebody had
resumed it. Recorded weights are what they were; a backtest cannot know what other weights would have brought.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from meshui.rollouts.analysis.metrics import Metric, MetricState, start
from meshui.rollouts.analysis.observations import NoData, Observation
from meshui.rollouts.analysis.verdict import Decision, Rules, combine, judge

Outcome = Literal["promoted", "rolled_back", "undecided"]


@dataclass(frozen=True, slots=True)
class Window:
    """``seconds`` that ended ``at`` (Unix seconds), and what was observed of each metric by name."""

    at: float
    seconds: float
    observations: Mapping[str, Observation]


@dataclass(frozen=True, slots=True)
class Tick:
    """``step`` counts from 0."""

    at: float
    step: int
    decision: Decision


@dataclass(frozen=True, slots=True)
class Backtest:
    """``undecided``: the recording ended first. ``after_s`` is from the recording's start to the outcome; ``pauses``
    are the times at which somebody would have been asked."""

    outcome: Outcome
    at: float | None
    after_s: float
    ticks: tuple[Tick, ...]
    pauses: tuple[float, ...]


def backtest(
    metrics: Sequence[Metric], rules: Rules, windows: Iterable[Window], *, bake_s: float = 60.0, steps: int = 1
) -> Backtest:
    """Run over the windows, oldest first. A metric that a window lacks has no data in it."""
    states = {metric.name: start(metric) for metric in metrics}
    ticks: list[Tick] = []
    pauses: list[float] = []
    step, baked_s, elapsed_s, paused = 0, 0.0, 0.0, False
    for window in windows:
        states = _observe(metrics, states, window)
        elapsed_s += window.seconds
        baked_s += window.seconds
        decision = _decide(metrics, states, rules, bake_elapsed=baked_s >= bake_s)
        ticks.append(Tick(window.at, step, decision))
        if decision.pause and not paused:
            pauses.append(window.at)
        paused = decision.pause
        if decision.kind == "fail":
            return Backtest("rolled_back", window.at, elapsed_s, tuple(ticks), tuple(pauses))
        if decision.kind == "pass":
            step, baked_s = step + 1, 0.0
            if step == steps:
                return Backtest("promoted", window.at, elapsed_s, tuple(ticks), tuple(pauses))
            states = {name: state.next_step() for name, state in states.items()}
    return Backtest("undecided", None, elapsed_s, tuple(ticks), tuple(pauses))


def _observe(metrics: Sequence[Metric], states: Mapping[str, MetricState], window: Window) -> dict[str, MetricState]:
    missing = NoData("nothing was recorded")
    return {
        metric.name: states[metric.name].observe(metric, window.observations.get(metric.name, missing), window.seconds)
        for metric in metrics
    }


def _decide(
    metrics: Sequence[Metric], states: Mapping[str, MetricState], rules: Rules, *, bake_elapsed: bool
) -> Decision:
    verdicts = [judge(metric, states[metric.name], rules, bake_elapsed=bake_elapsed) for metric in metrics]
    return combine(verdicts, bake_elapsed=bake_elapsed)
