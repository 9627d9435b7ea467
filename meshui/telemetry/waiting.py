"""What is taken from reports and waits to be written. A database that is slow or away costs the oldest of it, never a
frame."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import Generic, TypeVar

from channels.db import DatabaseSyncToAsync
from django.db import Error as DatabaseError

log = logging.getLogger(__name__)

EVERY_S = 0.5
TELL_EVERY_S = 60.0

T = TypeVar("T")


class Waiting(Generic[T]):
    """At most ``most`` of ``what`` wait, and are kept ``batch`` at a time."""

    def __init__(self, what: str, *, most: int, batch: int) -> None:
        self._what = what
        self._batch = batch
        self._waiting: deque[T] = deque(maxlen=most)
        self._lost = 0
        self._tell_at = 0.0
        self._complained = False

    def keep(self, items: list[T]) -> None:
        """Write items to the database; runs in a thread. Raises DatabaseError."""
        raise NotImplementedError

    def add(self, item: T) -> None:
        self._lost += len(self._waiting) == self._waiting.maxlen
        self._waiting.append(item)

    def lose(self, count: int) -> None:
        """Count what was lost before it came here."""
        self._lost += count

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            more = await self.write()
            await asyncio.sleep(0 if more else EVERY_S)

    async def write(self) -> bool:
        """Write some of what waits; whether there may be more."""
        batch = [self._waiting.popleft() for _ in range(min(self._batch, len(self._waiting)))]
        try:
            # A thread of its own: frames and heartbeats share one, and must not wait for this.
            await DatabaseSyncToAsync(self.keep, thread_sensitive=False)(batch)
        except DatabaseError as error:
            self._put_back(batch)
            if not self._complained:
                log.warning("%s wait: %s", self._what, error)
            self._complained = True
            return False
        self._complained = False
        self._tell_lost()
        return len(batch) == self._batch

    def _tell_lost(self) -> None:
        now = time.monotonic()
        if self._lost and now >= self._tell_at:
            log.warning("%d %s were dropped: more came than is kept", self._lost, self._what)
            self._lost, self._tell_at = 0, now + TELL_EVERY_S

    def _put_back(self, batch: list[T]) -> None:
        assert self._waiting.maxlen is not None
        room = self._waiting.maxlen - len(self._waiting)
        self._lost += max(0, len(batch) - room)
        self._waiting.extendleft(reversed(batch[len(batch) - room :] if room < len(batch) else batch))
