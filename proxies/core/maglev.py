"""Consistent hashing by a lookup table (Eisenbud et al., Maglev, NSDI 2016, section 3.4).

A key meets the same endpoint as long as that one is there; when one goes, its keys spread over the others and few
other keys move. Building costs time linear in the table, looking up is one index.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from hashlib import blake2b
from itertools import accumulate, cycle
from typing import TypeVar

T = TypeVar("T")

_SIZES = ((100, 4093), (1 << 62, 16381))
"""The table's size (a prime) up to so many endpoints. Keys move when it changes, so it seldom does."""


def key_hash(key: bytes) -> int:
    """64 bits, the same in every proxy."""
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big")


def maglev(endpoints: Sequence[T], names: Sequence[str], weights: Sequence[float]) -> Callable[[int], T]:
    """The choice of an endpoint by a hash. ``names`` are what endpoints are known by to all proxies."""
    if len(endpoints) == 1:
        only = endpoints[0]
        return lambda key: only
    table = _table(names, weights)
    size = len(table)
    return lambda key: endpoints[table[key % size]]


def by_portion(picks: Sequence[Callable[[int], T]], portions: Sequence[float]) -> Callable[[int], T]:
    """A choice among choices that depends on the hash alone too, by portions that sum to 1."""
    bounds = list(accumulate(portions))
    last = len(picks) - 1
    # The table uses the hash's remainder; this uses its high bits, so that neither follows from the other.
    return lambda key: picks[min(last, bisect(bounds, (key >> 32) / 2**32))](key)


def _table(names: Sequence[str], weights: Sequence[float]) -> list[int]:
    size = next(size for most, size in _SIZES if len(names) <= most)
    heaviest = max(weights)
    places = []
    for name in names:
        digest = key_hash(name.encode())
        places.append((digest % size, digest // size % (size - 1) + 1))
    table = [-1] * size
    tried = [0] * len(names)
    turns = [0.0] * len(names)
    left = size
    for index in cycle(range(len(names))):
        turns[index] += weights[index] / heaviest
        if turns[index] < 1:
            continue
        turns[index] -= 1
        offset, skip = places[index]
        place = (offset + tried[index] * skip) % size
        while table[place] >= 0:
            tried[index] += 1
            place = (offset + tried[index] * skip) % size
        table[place] = index
        tried[index] += 1
        left -= 1
        if not left:
            break
    return table
