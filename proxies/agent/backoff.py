"""How long to wait before trying again, and how often to say so."""

from __future__ import annotations

import logging
from random import SystemRandom
from time import monotonic

random = SystemRandom()
"""Seeded by the system: proxies started by one image in one second must not draw the same delays."""


class Backoff:
    """Exponential with full jitter: each delay is uniform between nothing and a ceiling that doubles.

    ``first`` and ``most`` are the lowest and highest ceilings, in seconds.
    """

    def __init__(self, first: float, most: float) -> None:
        self._first = first
        self._most = most
        self._ceiling = first

    def delay(self, at_least: float = 0.0) -> float:
        """Seconds to wait now: ``at_least`` what the other side asked for, and up to a fifth more, or a second, so that
        those who were told the same do not come together."""
        if at_least:
            return at_least + random.uniform(0, max(at_least / 5, 1.0))
        ceiling, self._ceiling = self._ceiling, min(self._ceiling * 2, self._most)
        return random.uniform(0, ceiling)

    def reset(self) -> None:
        self._ceiling = self._first


def around(seconds: float, jitter: float) -> float:
    """``seconds`` give or take the share ``jitter`` of it."""
    return seconds * random.uniform(1 - jitter, 1 + jitter)


class Complaint:
    """A warning that is said at once, then at most once a minute while its cause lasts."""

    EVERY_S = 60.0

    def __init__(self, log: logging.Logger, what: str) -> None:
        self._log = log
        self._what = what
        self._said_at: float | None = None
        self.count = 0

    def __call__(self, why: object) -> None:
        self.count += 1
        if self._said_at is None or monotonic() - self._said_at >= self.EVERY_S:
            self._said_at = monotonic()
            self._log.warning("%s: %s", self._what, why)

    def over(self) -> None:
        """The cause is gone: say so if it was said to be there."""
        if self._said_at is not None:
            self._log.warning("%s: over", self._what)
            self._said_at = None
