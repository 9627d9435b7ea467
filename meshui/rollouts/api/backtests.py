"""A template tried on recorded traffic: from a body to rollups, through the analysis, to an answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Literal

from meshui.catalog.selectors import get_service
from meshui.core.errors import InvalidInput, NotFound
from meshui.rollouts import durations
from meshui.rollouts.analysis.backtest import Backtest, Outcome, Tick, backtest
from meshui.rollouts.api.bodies import BacktestBody, BacktestView, OutcomeView, TickView
from meshui.rollouts.judging import judged, rules
from meshui.rollouts.metrics.mesh import recorded
from meshui.rollouts.plan import Analysis, Metric
from meshui.telemetry.frames import SPAN_S

MAX_S = 7 * 86_400
MAX_WINDOWS = 5_000


def tried(metrics: Sequence[Metric], asked: BacktestBody, *, now: datetime) -> BacktestView:
    """What these metrics would have decided. Custom ones were not recorded: they have no data.

    Raises NotFound (service or version), InvalidInput (a span or interval that is too long, short or in the future).
    """
    since, until, interval_s, bake_s = _span(asked, now)
    known = {version.name for version in get_service(asked.service).versions.all()}
    for version in (asked.canary, asked.stable):
        if version not in known:
            raise NotFound(f"{asked.service} has no version {version}")
    analysis = Analysis(metrics=tuple(metrics), objective_ms=asked.objective_ms, alpha=asked.alpha)
    parts = judged(analysis)
    readings = recorded(asked.service, since, until, interval_s)
    windows = [reading.window(parts, asked.canary, asked.stable) for reading in readings]
    return _shown(backtest(parts, rules(analysis), windows, bake_s=bake_s, steps=asked.steps), len(windows))


def _span(asked: BacktestBody, now: datetime) -> tuple[float, float, int, float]:
    """Unix seconds of the beginning and the end; seconds of a window, and of a bake."""
    try:
        since, until = asked.from_.astimezone(UTC).timestamp(), asked.to.astimezone(UTC).timestamp()
    except OverflowError:
        raise InvalidInput.field("from", "range", "outside the years 1 to 9999 in UTC") from None
    until = min(until, now.timestamp())
    if not 0 <= since < until:
        raise InvalidInput.field("to", "range", "the end lies after the beginning, and the beginning in the past")
    if until - since > MAX_S:
        raise InvalidInput.field("from", "range", "a backtest is of a week at most")
    interval_s = _seconds("interval", asked.interval)
    if interval_s % SPAN_S or not interval_s:
        raise InvalidInput.field("interval", "invalid", f"what is recorded is of {SPAN_S} s: a multiple of that")
    if (until - since) / interval_s > MAX_WINDOWS:
        raise InvalidInput.field("interval", "range", f"at most {MAX_WINDOWS} windows")
    return since, until, int(interval_s), _seconds("bake", asked.bake)


def _seconds(path: str, text: str) -> float:
    try:
        return durations.parse(text) / 1000
    except ValueError as error:
        raise InvalidInput.field(path, "invalid", str(error)) from None


# --- the answer -------------------------------------------------------------------------------------------------

VERDICTS: Mapping[Outcome, Literal["pass", "fail", "inconclusive"]] = {
    "promoted": "pass",
    "rolled_back": "fail",
    "undecided": "inconclusive",
}


def _shown(found: Backtest, windows: int) -> BacktestView:
    last = found.ticks[-1].decision.reason if found.ticks else "nothing was recorded in this time"
    return BacktestView(
        windows=windows,
        ticks=[view for tick in found.ticks for view in _ticks(tick)],
        outcome=OutcomeView(
            verdict=VERDICTS[found.outcome],
            at=None if found.at is None else datetime.fromtimestamp(found.at, UTC),
            reason=last,
        ),
        pauses=[datetime.fromtimestamp(at, UTC) for at in found.pauses],
    )


def _ticks(tick: Tick) -> Iterator[TickView]:
    for verdict in tick.decision.verdicts:
        yield TickView(
            at=datetime.fromtimestamp(tick.at, UTC),
            step=tick.step,
            metric=verdict.metric,
            e=verdict.e,
            limit=verdict.limit,
            verdict=verdict.kind,
            reason=verdict.reason,
        )
