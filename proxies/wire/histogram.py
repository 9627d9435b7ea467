"""The latency histogram: log-linear buckets, 16 to an octave, over integer microseconds.

A bucket is at most 1/16 of its value wide, so a value read back from a bucket's middle is within 3.2 %. Values
under 32 us are exact. Layout after HdrHistogram's; the index costs one bit_length and two shifts.
"""

from __future__ import annotations

from collections.abc import Iterable

SUB_BITS = 4
MAX_US = 60_000_000
BUCKETS = 368
"""Indices run from 0 to BUCKETS - 1; a value above MAX_US counts as MAX_US."""


def bucket(us: int) -> int:
    """Index of a duration in microseconds (negative counts as 0)."""
    if us < 16:
        return us if us > 0 else 0
    if us > MAX_US:
        us = MAX_US
    e = us.bit_length() - 5
    return (e << SUB_BITS) + (us >> e)


def lower_bound(index: int) -> int:
    """The smallest duration, in microseconds, that falls into the bucket."""
    if index < 32:
        return index
    e = (index >> SUB_BITS) - 1
    return ((index & 15) + 16) << e


def middle(index: int) -> float:
    """The duration, in microseconds, that stands for the bucket."""
    return (lower_bound(index) + lower_bound(index + 1) - 1) / 2


def percentile(counts: Iterable[tuple[int, int]], q: float) -> float | None:
    """The q-quantile (0..1) in microseconds of (bucket, count) pairs, or None of an empty histogram."""
    ordered = sorted(counts)
    total = sum(count for _, count in ordered)
    if not total:
        return None
    rank = q * total
    seen = 0
    for index, count in ordered:
        seen += count
        if seen >= rank:
            return middle(index)
    return middle(ordered[-1][0])
