"""Series from the mesh's own telemetry: frames in memory where they reach, else rollups in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterable

from django.db.models import Q

from meshui.telemetry import coarse, levels, window
from meshui.telemetry.frames import SPAN_S, Frame
from meshui.telemetry.levels import Level
from meshui.telemetry.measuring.asked import Asked
from meshui.telemetry.past import MAX_ROLLUPS
from meshui.telemetry.series import Choice, Grid, Measured, Steps
from meshui.telemetry.window import KEPT_S

SLACK_S = 2 * SPAN_S
"""What frames may lack of a series' first step: it begins at a multiple of itself, and asking took a moment."""


def has_frames(since: float) -> bool:
    """Whether frames reach back to ``since`` (Unix seconds), give or take ``SLACK_S``, or nothing does."""
    oldest = window.shared().oldest
    return oldest is not None and since >= min(oldest, time.time() - KEPT_S) - SLACK_S


class Recorded:
    """``measuring.backend.Backend`` over frames and rollups."""

    def measure(self, asked: Asked, grid: Grid) -> Measured:
        """Raises InvalidInput where it is too much to read."""
        steps, choice = Steps(grid), Choice(asked.group_of)
        frames = has_frames(grid.start) and not (asked.own and grid.step_s % SPAN_S)
        level: Level = levels.FINE if frames else levels.dividing(grid.step_s)
        if frames:
            found = _live(grid, asked.own)
        else:
            found = coarse.pieces(level, grid.start, grid.end, _edges(asked), MAX_ROLLUPS, own=asked.own)
        for frame, seconds in found:
            steps.add(frame, seconds, choice)
        if frames:
            return steps.measured("frames", 1 if grid.step_s % SPAN_S else SPAN_S)
        return steps.measured("rollups", level)


def _live(grid: Grid, own: bool) -> Iterable[tuple[Frame, int]]:
    frames = window.instances() if own else window.shared()
    return frames.frames(grid.start, grid.end, blocks=grid.step_s % SPAN_S == 0)


def _edges(asked: Asked) -> Q:
    if asked.edge:
        return Q(source=asked.edge[0], destination=asked.edge[1])
    if asked.service:
        ends = Q(source=asked.service) if asked.outgoing else Q(destination=asked.service)
        return ends & Q(instance=asked.instance) if asked.instance else ends
    return Q(destination__startswith=f"{asked.namespace}/") if asked.namespace else Q()
