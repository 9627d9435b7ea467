"""What waits to be reported, bounded in number and size: what is beyond is dropped, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Bounded(Generic[T]):
    """At most ``most`` items of ``room`` bytes together, by the estimate of ``size_of``."""

    def __init__(self, most: int, room: int, size_of: Callable[[T], int]) -> None:
        self._most = most
        self._room = room
        self._size_of = size_of
        self._waiting: list[T] = []
        self._size = 0
        self._dropped = 0

    def add(self, item: T) -> bool:
        """Whether there was room for it."""
        size = self._size_of(item)
        if len(self._waiting) >= self._most or self._size + size > self._room:
            self._dropped += 1
            return False
        self._waiting.append(item)
        self._size += size
        return True

    def absorb(self, items: Iterable[T], dropped: int) -> None:
        """Add what another process collected."""
        for item in items:
            self.add(item)
        self._dropped += dropped

    def collect(self) -> tuple[list[T], int]:
        """What came since the last call, and how much more there was."""
        waiting, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        self._size = 0
        return waiting, dropped
