"""How many proxies this process lets join or renew at once, so that a herd of them leaves room for everybody else.

A thousand proxies that restart together would otherwise take every thread and every database connection, and a person
would wait behind them, or be answered 503. A few work, some wait, and whoever comes on top is told when to come back:
one after the other, as fast as they were let through of late, but no slower than a quarter of the pace that is set:
what one takes amid a herd says little about what it takes later. ``security.pace`` limits what all processes sign.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings

from meshui.core.errors import Throttled

AT_ONCE = 4
"""Of the twelve database connections of a process."""
WAITING = 60
"""About a second's worth: who was told the same second comes back together."""
WAIT_S = 3.0
"""Less than a proxy waits for an answer: what joins for one that gave up would evict the one that asked again."""
LONGEST_WAIT_S = 60.0
SLOWEST = 4
"""So many times slower than the pace."""
_RECENT = 0.2
"""How much the last one counts in what one takes of late."""


class Gate:
    """``at_once`` may be within and ``waiting`` more before it."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self._at_once, self._most = at_once, at_once + waiting
        self._slots = threading.Semaphore(at_once)
        self._lock = threading.Lock()
        self._here = 0
        self._each_s = 0.0
        self._promised = 0.0

    @contextmanager
    def passed(self) -> Iterator[None]:
        """Wait for a place, and hold it. Raises Throttled, with the seconds to wait, where there is none in time."""
        self._come()
        try:
            if not self._slots.acquire(timeout=WAIT_S):
                raise self._later()
            try:
                began = time.monotonic()
                yield
                self._each_s += _RECENT * (time.monotonic() - began - self._each_s)
            finally:
                self._slots.release()
        finally:
            with self._lock:
                self._here -= 1

    def _come(self) -> None:
        with self._lock:
            if self._here < self._most:
                self._here += 1
                return
        raise self._later()

    def _later(self) -> Throttled:
        with self._lock:
            now, pace_s = time.monotonic(), 1 / settings.MESHUI.csr_rate
            later = max(self._promised, now) + min(max(self._each_s / self._at_once, pace_s), SLOWEST * pace_s)
            self._promised = min(later, now + LONGEST_WAIT_S)
            seconds = max(1, math.ceil(self._promised - now))
        return Throttled(f"many proxies ask at once, try again in {seconds} s", retry_after=seconds)


gate = Gate(AT_ONCE, WAITING)
"""This process's own."""
