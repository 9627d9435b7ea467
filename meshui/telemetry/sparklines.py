"""Rates and errors of every service over the last fifteen minutes, in one answer: the small charts of a list.

Made once for a step by each process, whoever asks and however many services there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from meshui.core.api.bodies import View as Answer
from meshui.telemetry import registry, window
from meshui.telemetry.frames import CODE_CLASSES, Ints, edge_key
from meshui.telemetry.registry import Services
from meshui.telemetry.selectors import Remembered
from meshui.telemetry.series import Values
from meshui.telemetry.sums import Floats
from meshui.telemetry.window import KEPT_S

STEP_S = 30
STEPS = KEPT_S // STEP_S


class Sparkline(Answer, frozen=True):
    """A value per step: requests or connections a second, and the share of errors, null where there were none."""

    rps: Values
    error_rate: Values


class Sparklines(Answer, frozen=True):
    """``times`` are the steps' starts in Unix seconds. ``services`` are those that were asked something in that time;
    of gateways, which nobody calls, those that asked."""

    step_s: int
    times: list[int]
    services: dict[str, Sparkline]


def sparklines(visible: frozenset[str] | None) -> Sparklines:
    """Of the services in these namespaces (None: in all)."""
    newest = window.shared().newest
    end = int(newest or 0) // STEP_S * STEP_S
    whole = _whole.get("sparklines", (end,), lambda: _made(end, registry.services.get()))
    if visible is None:
        return whole
    shown = {name: line for name, line in whole.services.items() if name.partition("/")[0] in visible}
    return Sparklines(step_s=STEP_S, times=whole.times, services=shown)


_whole: Remembered[Sparklines] = Remembered(1)


def _made(end: int, services: Services) -> Sparklines:
    start = end - STEP_S * STEPS
    place = {name: number for number, name in enumerate(services)}
    nowhere = len(place)
    sums = np.zeros((STEPS, nowhere + 1, 2))
    observed = np.zeros(STEPS)
    keys: list[str] = []
    numbers = np.zeros((0, 2), np.int64)
    for frame, seconds in window.shared().frames(start, end, blocks=True):
        if frame.keys != keys:  # most seconds have the edges of the one before
            keys, numbers = frame.keys, _numbers(frame.keys, place, services)
        step = int(-(-(frame.at - start) // STEP_S)) - 1
        counts = frame.counts
        for kind, values in enumerate((counts[:, : len(CODE_CLASSES)].sum(axis=1), counts[:, 0] + counts[:, 5])):
            for end_of_edge in (0, 1):
                sums[step, :, kind] += np.bincount(numbers[:, end_of_edge], values, nowhere + 1)
        observed[step] += seconds
    times = [start + STEP_S * step for step in range(STEPS)]
    return Sparklines(step_s=STEP_S, times=times, services=_lines(place, sums, observed))


def _numbers(keys: Sequence[str], place: Mapping[str, int], services: Services) -> Ints:
    """By edge, the places of the service that was called, and of the gateway that called it; the last place where there
    is none."""
    numbers = np.full((len(keys), 2), len(place), np.int64)
    for row, text in enumerate(keys):
        key = edge_key(text)
        numbers[row, 0] = place.get(key.destination, len(place))
        caller = services.get(key.source)
        if caller and caller.gateway:
            numbers[row, 1] = place[key.source]
    return numbers


def _lines(place: Mapping[str, int], sums: Floats, observed: Floats) -> dict[str, Sparkline]:
    active = set(np.flatnonzero(sums[:, :, 0].sum(axis=0)).tolist())
    rps = np.round(sums[:, :, 0] / np.maximum(observed, 1)[:, None], 3)
    rates = np.round(sums[:, :, 1] / np.maximum(sums[:, :, 0], 1), 5)
    return {
        name: Sparkline(
            rps=_known(observed > 0, rps[:, number]), error_rate=_known(sums[:, number, 0] > 0, rates[:, number])
        )
        for name, number in place.items()
        if number in active
    }


def _known(known: NDArray[np.bool_], values: Floats) -> Values:
    return [value if ok else None for ok, value in zip(known.tolist(), values.tolist(), strict=True)]
