"""When checks that an endpoint passes or fails make it healthy or unhealthy (active health)."""

from __future__ import annotations


class Checked:
    """An endpoint under checks. It counts as ``healthy`` until enough of them in a row say otherwise."""

    __slots__ = ("_streak", "healthy")

    def __init__(self) -> None:
        self.healthy = True
        self._streak = 0

    def saw(self, passed: bool, *, healthy: int, unhealthy: int) -> bool:
        """Take in one check; the thresholds are in checks in a row. True if the endpoint changed sides."""
        if passed == self.healthy:
            self._streak = 0
            return False
        self._streak += 1
        if self._streak < (healthy if passed else unhealthy):
            return False
        self.healthy = passed
        self._streak = 0
        return True


def next_check_s(interval_s: float, jitter_percent: int, chance: float) -> float:
    """The time to the next check: the interval, up to the jitter shorter or longer, by a chance in [0, 1)."""
    return interval_s * (1 + jitter_percent / 100 * (2 * chance - 1))
