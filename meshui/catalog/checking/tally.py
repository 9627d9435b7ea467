"""When a row of answers is a verdict. Pure."""

from __future__ import annotations


class Tally:
    """Thresholds keep one lost packet from turning an instance; the first answer of all decides at once."""

    def __init__(self, passing: bool | None, healthy_after: int, unhealthy_after: int) -> None:
        """``passing`` is the verdict so far; None where there was none."""
        self.passing = passing
        self._needed = {True: healthy_after, False: unhealthy_after}
        self._row = 0

    def count(self, good: bool) -> bool:
        """Count an answer; whether it made a new verdict."""
        if good == self.passing:
            self._row = 0
            return False
        self._row += 1
        if self.passing is not None and self._row < self._needed[good]:
            return False
        self.passing, self._row = good, 0
        return True
