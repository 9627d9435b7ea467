"""Which endpoints are near, and when traffic goes farther.

A locality is a path such as ``region/zone``. Endpoints form levels by how much of the proxy's own path they share;
traffic stays on the nearest level until too few of it are healthy, then spills to the next (Envoy's priority levels and
panic).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

OVERPROVISION = 1.4
"""A level carries all its traffic as long as healthy * 1.4 >= all of it: until about 72 % are healthy."""


class Share(NamedTuple):
    """``portion`` of the requests go to a level; to all of its endpoints, healthy or not, where ``panic`` says so."""

    portion: float
    panic: bool


def level(own: str, other: str) -> int:
    """How far away: 0 for the same locality, one more for each part that is not shared. Without an own locality
    everything is equally near."""
    parts = own.split("/") if own else []
    shared = 0
    for mine, theirs in zip(parts, other.split("/"), strict=False):
        if mine != theirs:
            break
        shared += 1
    return len(parts) - shared


def spread(levels: Sequence[tuple[int, int]], panic_percent: int) -> list[Share]:
    """The share of each level, nearest first, given ``(healthy, all)`` endpoints of each.

    Panic is for when all levels together cannot carry the traffic: a level under the percentage is then used
    whole, because what looks like its endpoints' failure is more likely overload or a fault in between. Portions
    sum to 1, or to 0 where nothing can be used.
    """
    able = [min(1.0, OVERPROVISION * healthy / total) if total else 0.0 for healthy, total in levels]
    if sum(able) >= 1:
        left = 1.0
        portions = []
        for part in able:
            portions.append(min(part, left))
            left -= portions[-1]
        return [Share(portion, False) for portion in portions]
    panics = [healthy * 100 < panic_percent * total for healthy, total in levels]
    if not any(able):
        nearest = next((index for index, (_, total) in enumerate(levels) if total), -1)
        return [Share(float(index == nearest and panics[index]), panics[index]) for index in range(len(levels))]
    return [Share(part / sum(able), panic) for part, panic in zip(able, panics, strict=True)]
