"""Routes compiled once: matchers as closures over bytes, and the choice of a version by weight.

Built from the resources of ``proxies.wire``; holds no endpoints and no connections.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from proxies.core import fields
from proxies.core.head import RequestHead
from proxies.core.paths import normalise
from proxies.wire.resources import HeaderMatch, PathMatch, RouteMatch, WeightedVersion

Matcher = Callable[[RequestHead], bool]
T = TypeVar("T")


def compile_match(match: RouteMatch) -> Matcher | None:
    """A predicate over request heads, or None for a match that puts no condition. Raises BadMessage for a path
    that no normalised request path could equal."""
    conditions: list[Matcher] = []
    if match.path is not None and (match.path.kind, match.path.value) != ("prefix", "/"):
        conditions.append(_path(match.path))
    if match.methods:
        methods = frozenset(method.encode() for method in match.methods)
        conditions.append(lambda head: head.method in methods)
    conditions += [_header(header) for header in match.headers]
    if not conditions:
        return None
    if len(conditions) == 1:
        return conditions[0]
    return lambda head: all(condition(head) for condition in conditions)


def _path(match: PathMatch) -> Matcher:
    value = normalise(match.value.encode())
    if match.kind == "exact":
        return lambda head: head.path == value
    stem = value.rstrip(b"/")
    below = stem + b"/"
    return lambda head: head.path.startswith(below) or head.path == stem


def _header(match: HeaderMatch) -> Matcher:
    name, value, invert = match.name.encode(), match.value.encode(), match.invert

    def matches(head: RequestHead) -> bool:
        found = fields.values(head.lines[1:], name)
        if not found or match.kind == "present":
            return bool(found) is not invert
        joined = b", ".join(found)
        same = joined == value if match.kind == "exact" else joined.startswith(value)
        return same is not invert

    return matches


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
