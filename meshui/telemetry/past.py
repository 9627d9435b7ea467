"""Sums of any time, however long ago: frames in memory where they reach, else the coarsest rollups that fit.

A window of the past is answered from few rows: its ends are rounded to the buckets it is read from, and what hours and
five minutes do not hold yet comes from finer rollups, or from frames.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
from django.db.models import Q

from meshui.telemetry import coarse, levels, window
from meshui.telemetry.frames import SPAN_S, Frame, Ints
from meshui.telemetry.levels import Level
from meshui.telemetry.sums import Sums
from meshui.telemetry.window import KEPT_S, View

MAX_ROLLUPS = 300_000
"""Rows that one answer may be made of."""

Piece = tuple[Frame, int]
"""What was counted in some time, and how many seconds of that were observed."""


def view_then(window_s: int, at: float) -> View | None:
    """The sums of the ``window_s`` seconds up to ``at`` (Unix seconds). None where nothing was observed. Raises
    InvalidInput where that is too much to read."""
    frames = window.shared()
    if window_s <= KEPT_S and reaches(at - window_s):
        return frames.view(window_s, at)
    level = level_of(window_s, at - window_s)
    since = (at - window_s) // level * level
    return view_of(_pieces(level, since, at), window_s, level)


def views(start: int, step_s: int, steps: int) -> Iterator[tuple[int, View | None]]:
    """The sums of each step, with its end: frames where they reach back to the start, else rollups of the coarsest
    level that fills steps. Raises InvalidInput where that is too much to read."""
    ends = [start + step_s * (number + 1) for number in range(steps)]
    if reaches(start):
        frames = window.shared()
        yield from ((end, frames.view(step_s, end)) for end in ends)
        return
    level = levels.dividing(step_s)
    found = coarse.pieces(level, start, ends[-1], Q(), MAX_ROLLUPS)
    by_step = groupby(found, key=lambda piece: int(-(-(piece[0].at - start) // step_s)) - 1)
    made = {number: view_of(pieces, step_s, level) for number, pieces in by_step}
    yield from ((end, made.get(number)) for number, end in enumerate(ends))


def reaches(since: float) -> bool:
    """Whether this process's frames go back to ``since``."""
    oldest = window.shared().oldest
    return oldest is not None and since >= oldest


def finest_level(since: float) -> Level:
    """The finest rollups that reach back to ``since``."""
    return levels.finest(time.time() - since, coarse.kept_days())


def level_of(window_s: int, since: float) -> Level:
    """What a window that began at ``since`` is read from: at most some twenty buckets of it."""
    return max(levels.whole(window_s), finest_level(since))


def _pieces(level: Level, since: float, until: float) -> Iterator[Piece]:
    """Rollups, and frames for what the middle level does not hold yet."""
    live = coarse.summed_until(levels.MIDDLE) if level > levels.FINE else None
    if live is None or not since < live < until or not reaches(live):
        yield from coarse.pieces(level, since, until, Q(), MAX_ROLLUPS)
        return
    yield from coarse.pieces(level, since, live, Q(), MAX_ROLLUPS)
    yield from window.shared().frames(live, until, blocks=True)


def view_of(pieces: Iterable[Piece], window_s: int, resolution_s: int = SPAN_S) -> View | None:
    """The sums of what was read from rollups, in the order of time; None of nothing."""
    sums, index, names = Sums(), dict[str, int](), list[str]()
    covered, as_of = 0, None
    for frame, seconds in pieces:
        sums.add(_numbered(frame.keys, index, names), frame)
        covered += seconds
        as_of = frame.at
    if as_of is None:
        return None
    return View(
        as_of=as_of,
        window_s=window_s,
        covered_s=float(max(1, covered)),
        keys=tuple(names),
        totals=sums.totals(len(names)),
        source="rollups",
        resolution_s=resolution_s,
    )


def _numbered(keys: list[str], index: dict[str, int], names: list[str]) -> Ints:
    for key in keys:
        if key not in index:
            index[key] = len(names)
            names.append(key)
    return np.fromiter((index[key] for key in keys), np.int64, len(keys))
