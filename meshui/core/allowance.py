"""How much of something may pass in a time: a token bucket, that starts full."""

from __future__ import annotations

import time


class Allowance:
    """``per_s`` a second; what was not taken is left for later, up to that of ``burst_s`` seconds."""

    def __init__(self, per_s: float, burst_s: float) -> None:
        self._per_s = per_s
        self._most = per_s * burst_s
        self._left = self._most
        self._at = time.monotonic()

    @property
    def left(self) -> int:
        """How much may pass now."""
        now = time.monotonic()
        self._left = min(self._most, self._left + (now - self._at) * self._per_s)
        self._at = now
        return int(self._left)

    def take(self, amount: int) -> None:
        """Let ``amount`` pass, which is no more than ``left``."""
        self._left -= amount
