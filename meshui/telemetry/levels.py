"""How finely the past is kept: ten seconds, then five minutes, then hours, each for longer than the one before. Pure.

A level's buckets are sums of the level below, aligned to multiples of their span.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

from meshui.telemetry.frames import SPAN_S

Level = Literal[10, 300, 3600]
"""The seconds in one of its buckets."""

FINE: Level = 10
MIDDLE: Level = 300
COARSE: Level = 3600
LEVELS: tuple[Level, ...] = (FINE, MIDDLE, COARSE)
SUMMED: tuple[Level, ...] = (MIDDLE, COARSE)

POINTS = 90
"""About as many steps a series has where none are asked for."""

assert FINE == SPAN_S


def below(level: Level) -> Level:
    """The level that a summed one is made from."""
    return LEVELS[LEVELS.index(level) - 1]


def dividing(step_s: int) -> Level:
    """The coarsest level whose buckets fill steps of so many seconds, a multiple of ten."""
    return next(level for level in reversed(LEVELS) if step_s % level == 0)


def finest(age_s: float, days: Mapping[Level, int]) -> Level:
    """The finest level that reaches back so many seconds; ``days`` is how long each is kept."""
    reaching = (level for level in LEVELS if age_s <= days[level] * 86_400)
    return next(reaching, COARSE)


def whole(window_s: float) -> Level:
    """The level of which a window is some twenty buckets at most, up to a day."""
    return FINE if window_s <= 120 else MIDDLE if window_s <= 2 * COARSE else COARSE


def step_for(span_s: float, least: Level = FINE) -> int:
    """About ``POINTS`` steps, in whole buckets of a level that makes few rows of it; no finer than ``least``."""
    wanted = span_s / POINTS
    level = FINE if wanted <= 60 else MIDDLE if wanted <= 1200 else COARSE
    level = max(level, least)
    return max(level, math.ceil(wanted / level) * level)
