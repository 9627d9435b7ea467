"""How much of an error budget was left, over time: at the end of each step, of the period up to there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

import numpy as np

from meshui.core.api.bodies import View as Answer
from meshui.telemetry import coarse, levels
from meshui.telemetry.frames import Frame
from meshui.telemetry.levels import Level
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives.burn import PERIOD_S, SAMPLE, Good
from meshui.telemetry.objectives.counting import MAX_ROLLUPS, Promise, edges_of, judge
from meshui.telemetry.objectives.selectors import promise_of
from meshui.telemetry.series import Values
from meshui.telemetry.sums import Floats

Span = Literal["1h", "24h", "7d", "28d"]


class _Span(NamedTuple):
    seconds: int
    step_s: int
    level: Level


SPANS: Mapping[Span, _Span] = {
    "1h": _Span(3600, 60, levels.FINE),
    "24h": _Span(86_400, 900, levels.MIDDLE),
    "7d": _Span(7 * 86_400, 7200, levels.COARSE),
    "28d": _Span(28 * 86_400, 8 * 3600, levels.COARSE),
}


class BudgetHistory(Answer, frozen=True):
    """``times`` are the ends of steps in Unix seconds, the last one now. The part of each budget that was left then, of
    the period of ``period_s`` up to it: 1 where it is untouched, negative where overdrawn, null below the sample. A
    part that is not promised is null."""

    step_s: int
    period_s: int
    times: list[int]
    availability: Values | None
    latency: Values | None


def budget_history(row: Objective | None, span: Span, now: float | None = None) -> BudgetHistory:
    """Of what a service promises now. Raises InvalidInput where that is too much to read."""
    seconds, step_s, level = SPANS[span]
    at = int(time.time() if now is None else now)
    end = -(-at // step_s) * step_s
    times = [*range(end - seconds + step_s, end, step_s), at]
    if row is None:
        return BudgetHistory(step_s, PERIOD_S, times, None, None)
    parts = _parts(promise_of(row), end - seconds, end, step_s, level)
    return BudgetHistory(
        step_s=step_s,
        period_s=PERIOD_S,
        times=times,
        availability=None if row.availability is None else _left(parts, 0, row.availability, step_s),
        latency=None if row.latency_percent is None else _left(parts, 1, row.latency_percent, step_s),
    )


class _Parts(NamedTuple):
    """Requests and bad ones by hour of the period before the span, and by step of the span; the second axis is
    availability and latency."""

    hours: Floats
    steps: Floats


def _parts(promise: Promise, start: int, end: int, step_s: int, level: Level) -> _Parts:
    hour = levels.COARSE
    first = (start - PERIOD_S) // hour * hour
    hours, steps = np.zeros((-(-(start - first) // hour), 2, 2)), np.zeros(((end - start) // step_s, 2, 2))
    edges = edges_of(promise)
    _count(hours, first, hour, promise, coarse.pieces(hour, first, start, edges, MAX_ROLLUPS))
    _count(steps, start, step_s, promise, coarse.pieces(level, start, end, edges, MAX_ROLLUPS))
    return _Parts(hours, steps)


def _count(sums: Floats, start: int, step_s: int, promise: Promise, pieces: Iterable[tuple[Frame, int]]) -> None:
    for frame, _ in pieces:
        place = int(-(-(frame.at - start) // step_s)) - 1
        if 0 <= place < len(sums):
            sums[place] += np.array(judge(frame, promise))


def _left(parts: _Parts, part: int, objective: float, step_s: int) -> Values:
    """What was left at the end of each step: the period that ends there has all steps so far, and of the hours before
    them those that are not older."""
    steps = np.cumsum(parts.steps[:, part], axis=0)
    later = np.cumsum(parts.hours[::-1, part], axis=0)[::-1]
    gone = [-(-step_s * (number + 1) // levels.COARSE) for number in range(len(steps))]
    before = np.array([later[hours] if hours < len(later) else (0.0, 0.0) for hours in gone])
    return [_share(Good(int(total), int(bad)), objective) for total, bad in (steps + before).tolist()]


def _share(good: Good, objective: float) -> float | None:
    if good.requests < SAMPLE:
        return None
    return round(1 - good.bad / (1 - objective / 100) / good.requests, 4)
