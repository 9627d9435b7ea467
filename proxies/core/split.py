"""Which version a request goes to: by weight, at random or by who asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import log
from typing import TypeVar

from proxies.core.head import RequestHead
from proxies.core.peers import Peer
from proxies.wire.routing import WeightedVersion

T = TypeVar("T")


def compile_split(
    split: Sequence[WeightedVersion], lane: Callable[[str], T], rng: Callable[[], float]
) -> Callable[[RequestHead, Peer], T | None]:
    """A choice among the split's versions, each made into what ``lane`` gives for it, by random numbers in [0, 1). A
    version's share is its weight over the sum. None is chosen only where all weights are 0. Whose request it is means
    nothing here; the arguments are those of every choice, so that nothing stands between it and its caller."""
    lanes = [(item.weight, lane(item.version)) for item in split if item.weight]
    if len(lanes) < 2:
        only = lanes[0][1] if lanes else None
        return lambda head, peer: only
    total = sum(weight for weight, _ in lanes)
    bounds: list[tuple[float, T]] = []
    reached = 0
    for weight, chosen in lanes:
        reached += weight
        bounds.append((reached / total, chosen))
    last = lanes[-1][1]

    def choose(head: RequestHead, peer: Peer) -> T:
        share = rng()
        for bound, chosen in bounds:
            if share < bound:
                return chosen
        return last

    return choose


def compile_sticky(split: Sequence[WeightedVersion], lane: Callable[[str], T]) -> Callable[[bytes], T | None]:
    """A choice among the split's versions by the hash of who asks; each version's share of all that ask is its weight
    over the sum. None is chosen only where all weights are 0.

    Weighted rendezvous hashing (Schindelhauer and Schomaker 2005): every version draws a number from the key, and the
    lowest drawn number over weight wins. So where one version's weight rises and no other's does, it keeps all it had
    and only gains; and nobody moves between two versions whose weights stand in the same proportion as before.
    """
    lanes = [(item.version.encode(), item.weight, lane(item.version)) for item in split if item.weight]
    if not lanes:
        return lambda key: None

    def choose(key: bytes) -> T:
        return min(lanes, key=lambda entry: _draw(key, entry[0]) / entry[1])[2]

    return choose


def _draw(key: bytes, version: bytes) -> float:
    """A number from the exponential distribution, always the same for the same key and version."""
    bits = int.from_bytes(blake2b(key, digest_size=8, key=version).digest(), "big")
    return -log((bits + 1) / (1 << 64))
