"""How finely the past is kept: ten seconds, then five minutes, then hours, each for longer than the one before. Pure.

A level's buckets are sums of the level below, aligned to multiples of their span.
"""

from __future__ import annotations

import math
from typing import Literal

from meshui.telemetry.frames import SPAN_S

Level = Literal[10, 300, 3600]
"""The seconds in one of its buckets."""

FINE: Level = 10
MIDDLE: Level = 300
COARSE: Level = 3600
LEVELS: tuple[Level, ...] = (FINE, MIDDLE, COARSE)
COARSE_DAYS: dict[Level, int] = {MIDDLE: 35, COARSE: 400}
"""Days that summed levels are kept: the period of an objective and a week, and a year to compare with."""

POINTS = 90
"""About as many steps a series has where none are asked for."""

assert FINE == SPAN_S


def below(level: Level) -> Level:
    """The level that a summed one is made from."""
    return LEVELS[LEVELS.index(level) - 1]


def dividing(step_s: int) -> Level:
    """The coarsest level whose buckets fill steps of so many seconds, a multiple of ten."""
    return next(level for level in reversed(LEVELS) if step_s % level == 0)


def finest(age_s: float, fine_days: int) -> Level:
    """The finest level that reaches back so many seconds; ``fine_days`` is how long ten-second rollups are kept."""
    days = age_s / 86_400
    if days <= fine_days:
        return FINE
    return MIDDLE if days <= COARSE_DAYS[MIDDLE] else COARSE


def whole(window_s: float) -> Level:
    """The level of which a window is some thirty buckets at most, up to a day."""
    return FINE if window_s <= MIDDLE else MIDDLE if window_s <= 2 * COARSE else COARSE


def step_for(span_s: float, least: Level = FINE) -> int:
    """About ``POINTS`` steps, in whole buckets of a level that makes few rows of it; no finer than ``least``."""
    wanted = span_s / POINTS
    level = FINE if wanted <= 60 else MIDDLE if wanted <= 1200 else COARSE
    level = max(level, least)
    return max(level, math.ceil(wanted / level) * level)
