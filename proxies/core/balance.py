"""Choosing one of several endpoints: each policy compiled into a function that is called for every request.

Weights are passed beside the endpoints (they may be scaled while an endpoint warms up), random numbers and the clock
are passed in. A weight of one endpoint relative to the others is its share, where a policy looks at nothing else.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from heapq import heapify, heapreplace
from itertools import accumulate, cycle, islice
from math import exp
from typing import Protocol, TypeVar

EWMA_DECAY_S = 10.0
"""How fast an old latency is forgotten: to a third after so long."""
WARM_FROM = 0.1
"""The part of its weight that a new endpoint starts with."""

Rng = Callable[[], float]
T = TypeVar("T")


class Loaded(Protocol):
    @property
    def active(self) -> int:
        """Requests under way."""


class Timed(Loaded, Protocol):
    latency: Latency


E = TypeVar("E", bound=Loaded)
M = TypeVar("M", bound=Timed)


def draw(endpoints: Sequence[T], weights: Sequence[float], rng: Rng) -> Callable[[], T]:
    """At random, by weight."""
    if len(endpoints) == 1:
        only = endpoints[0]
        return lambda: only
    if len(set(weights)) == 1:
        count = len(endpoints)
        return lambda: endpoints[int(rng() * count)]
    bounds = list(accumulate(weights))
    total = bounds[-1]
    last = len(endpoints) - 1
    return lambda: endpoints[min(last, bisect(bounds, rng() * total))]


def least_request(endpoints: Sequence[E], weights: Sequence[float], rng: Rng) -> Callable[[], E]:
    """The less busy of two, each drawn by weight (Mitzenmacher 2001)."""
    drawn = draw(endpoints, weights, rng)
    if len(endpoints) == 1:
        return drawn

    def choose() -> E:
        first, second = drawn(), drawn()
        return first if first.active <= second.active else second

    return choose


def peak_ewma(endpoints: Sequence[M], weights: Sequence[float], rng: Rng, clock: Rng) -> Callable[[], M]:
    """Of two drawn by weight, the one that would answer sooner: its latency times the requests before this one."""
    drawn = draw(endpoints, weights, rng)
    if len(endpoints) == 1:
        return drawn

    def choose() -> M:
        first, second = drawn(), drawn()
        now = clock()
        cost = first.latency.at(now) * (first.active + 1)
        return first if cost <= second.latency.at(now) * (second.active + 1) else second

    return choose


def round_robin(endpoints: Sequence[T], weights: Sequence[float], rng: Rng) -> Callable[[], T]:
    """In turn, from a random start so that proxies do not move together; by weight, the earliest deadline first."""
    if len(set(weights)) == 1:
        turns = cycle(endpoints)
        next(islice(turns, int(rng() * len(endpoints)), None))
        return lambda: next(turns)
    line = [(rng() / weight, index) for index, weight in enumerate(weights)]
    heapify(line)

    def choose() -> T:
        deadline, index = line[0]
        heapreplace(line, (deadline + 1 / weights[index], index))
        return endpoints[index]

    return choose


class Latency:
    """A moving average of an endpoint's latency that takes a rise at once and forgets it slowly (Finagle's)."""

    __slots__ = ("_at", "_seconds")

    def __init__(self) -> None:
        self._seconds = 0.0
        self._at = 0.0

    def at(self, now: float) -> float:
        """The average in seconds; while nothing is heard it falls, so that a slow endpoint is tried again."""
        elapsed = now - self._at
        return self._seconds * exp(-elapsed / EWMA_DECAY_S) if elapsed > 0 else self._seconds

    def saw(self, seconds: float, now: float) -> None:
        before = self.at(now)
        if seconds > before:
            self._seconds = seconds
        else:
            weight = exp(-max(0.0, now - self._at) / EWMA_DECAY_S)
            self._seconds = self._seconds * weight + seconds * (1 - weight)
        self._at = now


def warmth(age_s: float, window_s: float) -> float:
    """The part of its weight that an endpoint of this age gets: from a tenth to all of it over the window."""
    return 1.0 if age_s >= window_s else max(WARM_FROM, age_s / window_s)
