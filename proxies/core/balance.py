"""Choosing an endpoint: power of two choices by active requests (Mitzenmacher 2001; Envoy's LEAST_REQUEST).

Endpoints are anything with ``weight`` and ``active``; the random numbers are passed in.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Protocol, TypeVar


class Loaded(Protocol):
    weight: int
    active: int


E = TypeVar("E", bound=Loaded)


def least_request(endpoints: Sequence[E], rng: Callable[[], float]) -> Callable[[], E | None]:
    """A choice of the less busy of two endpoints, each drawn by its weight. None where there is none."""
    if not endpoints:
        return lambda: None
    if len(endpoints) == 1:
        only = endpoints[0]
        return lambda: only
    draw = _draw_equal(endpoints, rng) if len({e.weight for e in endpoints}) == 1 else _draw(endpoints, rng)

    def choose() -> E:
        first, second = draw(), draw()
        return first if first.active <= second.active else second

    return choose


def _draw_equal(endpoints: Sequence[E], rng: Callable[[], float]) -> Callable[[], E]:
    count = len(endpoints)
    return lambda: endpoints[int(rng() * count)]


def _draw(endpoints: Sequence[E], rng: Callable[[], float]) -> Callable[[], E]:
    bounds = list(accumulate(endpoint.weight for endpoint in endpoints))
    total = bounds[-1]
    return lambda: endpoints[bisect(bounds, rng() * total)]
