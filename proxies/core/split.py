"""Which version a request goes to: by weight, at random or by who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from proxies.wire.resources import WeightedVersion

T = TypeVar("T")


def compile_split(split: Sequence[WeightedVersion], lane: Callable[[str], T]) -> Callable[[float], T | None]:
    """A choice among the split's versions, each made into what ``lane`` gives for it, by a number in [0, 1). A
    version's share is its weight over the sum. None is chosen only where all weights are 0."""
    lanes = [(item.weight, lane(item.version)) for item in split if item.weight]
    if not lanes:
        return lambda share: None
    if len(lanes) == 1:
        only = lanes[0][1]
        return lambda share: only
    total = sum(weight for weight, _ in lanes)
    bounds: list[tuple[float, T]] = []
    reached = 0
    for weight, chosen in lanes:
        reached += weight
        bounds.append((reached / total, chosen))
    last = lanes[-1][1]

    def choose(share: float) -> T:
        for bound, chosen in bounds:
            if share < bound:
                return chosen
        return last

    return choose
