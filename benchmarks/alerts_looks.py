"""Fills in rollups and promises, then looks, for ``benchmarks.alerts``: prints medians in milliseconds as JSON.

Runs as a process of its own, because Django reads its settings once.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable

import django

django.setup()

from meshui.alerts import beginnings, conditions, evaluate, overview  # noqa: E402
from meshui.catalog.models import Service  # noqa: E402
from meshui.core.actors import system  # noqa: E402
from meshui.telemetry import coarse, levels, rollups, selectors, sparklines, window  # noqa: E402
from meshui.telemetry.frames import SPAN_S, Frame, total  # noqa: E402
from meshui.telemetry.models import Objective  # noqa: E402
from meshui.telemetry.objectives import selectors as objectives  # noqa: E402
from meshui.telemetry.selectors import Remembered  # noqa: E402

RUNS = 5
RECENT_S = 120
"""Of ten-second rollups."""
HOURS = 24
"""Of hourly ones."""
PROMISING = 10
"""One service in so many promises something."""


def main() -> None:
    _fill()
    actor = system("benchmark")
    looks: dict[str, Callable[[], object]] = {
        "look_ms": evaluate.evaluate,
        "edges_ms": lambda: list(conditions.edge_failing()),
        "budgets_ms": lambda: list(conditions.objective_burn()),
        "overview_ms": lambda: overview.overview(actor),
        "charts_ms": lambda: sparklines.sparklines(None),
    }
    took = {name: round(_median(look)) for name, look in looks.items()}
    took["again_ms"] = round(_median(looks["overview_ms"], forget=False))
    print(json.dumps(took))


def _median(look: Callable[[], object], *, forget: bool = True) -> float:
    took = []
    for _ in range(RUNS):
        if forget:
            _forget()
        began = time.perf_counter()
        look()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _forget() -> None:
    objectives.forget()
    beginnings._found = Remembered(16)
    overview._before = Remembered(1)
    sparklines._whole = Remembered(1)
    selectors._wholes, selectors._graphs = Remembered(16), Remembered(64)


def _fill() -> None:
    frames = window.shared()
    newest = int(frames.newest or time.time())
    frame = total(0.0, [each for each, _ in frames.frames(newest - 1, newest, blocks=False)])
    end = newest // SPAN_S * SPAN_S
    for start in range(end - RECENT_S, end, SPAN_S):
        rollups.write(start, [_at(frame, start)])
    hour = newest // levels.COARSE * levels.COARSE
    for start in range(hour - HOURS * levels.COARSE, hour, levels.COARSE):
        rollups.write(start, [_at(frame, start)])
        coarse.write(levels.MIDDLE, start)
        coarse.write(levels.COARSE, start)
    Objective.objects.bulk_create(
        Objective(service=service, availability=99.9)
        for number, service in enumerate(Service.objects.order_by("pk"))
        if number % PROMISING == 0
    )


def _at(frame: Frame, start: int) -> Frame:
    return Frame(float(start + SPAN_S), frame.keys, frame.counts, frame.histograms, frame.flags)


if __name__ == "__main__":
    main()
