"""One coarse timer for every timeout of a proxy.

Owns a ticking clock and the slots of what waits. A timer that is put off (the common case: each request moves its
connection's deadline) costs one comparison; it is filed again only when its old slot comes up.
"""

from __future__ import annotations

import asyncio
from time import monotonic

from mypy_extensions import mypyc_attr

TICK_S = 0.1
NEVER = float("inf")


@mypyc_attr(allow_interpreted_subclasses=True)
class Timer:
    """Something with a deadline. Subclasses implement ``expire``, called once per deadline reached."""

    __slots__ = ("_slot", "deadline")

    def __init__(self) -> None:
        self.deadline = NEVER
        self._slot: int | None = None

    def expire(self) -> None:
        raise NotImplementedError


class Wheel:
    """Deadlines are in seconds of ``monotonic`` and met within two ticks, never early."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.now = monotonic()
        """The time of the last tick: good enough for idle times, and free."""
        self._loop = loop
        self._slots: dict[int, set[Timer]] = {}
        self._reached = int(self.now / TICK_S)
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._handle = self._loop.call_later(TICK_S, self._tick)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def arm(self, timer: Timer, deadline: float) -> None:
        """Set the deadline of a timer, replacing its former one. NEVER disarms."""
        timer.deadline = deadline
        slot = timer._slot
        if slot is None:
            if deadline != NEVER:
                self._file(timer)
        elif deadline < slot * TICK_S:
            self.disarm(timer)
            timer.deadline = deadline
            self._file(timer)

    def disarm(self, timer: Timer) -> None:
        timer.deadline = NEVER
        if timer._slot is not None:
            self._slots.get(timer._slot, set()).discard(timer)
            timer._slot = None

    def _file(self, timer: Timer) -> None:
        slot = max(int(timer.deadline / TICK_S) + 1, self._reached + 1)
        timer._slot = slot
        waiting = self._slots.get(slot)
        if waiting is None:
            waiting = self._slots[slot] = set()
        waiting.add(timer)

    def _tick(self) -> None:
        self.now = monotonic()
        self._handle = self._loop.call_later(TICK_S, self._tick)
        for slot in range(self._reached + 1, int(self.now / TICK_S) + 1):
            self._reached = slot
            for timer in self._slots.pop(slot, ()):
                if timer._slot != slot:  # an earlier timer's expiry moved this one
                    continue
                timer._slot = None
                if timer.deadline <= self.now:
                    timer.deadline = NEVER
                    timer.expire()
                elif timer.deadline != NEVER:
                    self._file(timer)
