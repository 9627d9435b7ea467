"""How rate limits and access policies are used: what they let pass and turned away, from this process's window or from
rollups."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from meshui.telemetry import rollups, window
from meshui.telemetry.frames import SPAN_S, PolicyCounts, added, read_limit_key, read_policy_key
from meshui.telemetry.window import KEPT_S

FINE_S = 120
"""Up to this window a step is one second."""
POINTS = 90


@dataclass(frozen=True, slots=True)
class Usage:
    """``covered_s`` is how much of the window was observed; ``steps`` are the observed ones' starts in Unix seconds,
    and ``counts`` the requests allowed and limited in each, by route (empty: what the service receives) and limit."""

    step_s: int
    covered_s: float
    steps: list[int]
    counts: dict[tuple[str, str], dict[int, tuple[int, int]]] = field(default_factory=dict)


def limit_usage(*, service: str, window_s: int) -> Usage:
    """What the limits of one service counted in the last ``window_s`` seconds."""
    step_s = 1 if window_s <= FINE_S else max(SPAN_S, -(-window_s // POINTS // SPAN_S) * SPAN_S)
    steps: set[int] = set()
    covered = 0.0
    counts: dict[tuple[str, str], dict[int, tuple[int, int]]] = {}
    for at, seconds, limits in _seconds(service, window_s, blocks=step_s >= SPAN_S):
        step = int(-(-at // step_s) - 1) * step_s
        steps.add(step)
        covered += seconds
        for key, (allowed, limited) in limits.items():
            owner, route, limit = read_limit_key(key)
            if owner == service:
                by_step = counts.setdefault((route, limit), {})
                before = by_step.get(step, (0, 0))
                by_step[step] = (before[0] + allowed, before[1] + limited)
    return Usage(step_s, covered, sorted(steps), counts)


@dataclass(frozen=True, slots=True)
class Decided:
    """What access policies decided in the observed ``covered_s``, by service and policy."""

    covered_s: float
    counts: dict[tuple[str, str], PolicyCounts]


def policy_usage(*, window_s: int, service: str = "") -> Decided:
    """What the policies of all services, or of one, decided in the last ``window_s`` seconds."""
    covered = 0.0
    sums: dict[str, PolicyCounts] = {}
    if window_s <= KEPT_S:
        frames = window.shared()
        newest = frames.newest
        for frame, seconds in frames.frames(newest - window_s, newest, blocks=True) if newest is not None else ():
            covered += seconds
            for key, counts in frame.policies.items():
                sums[key] = added(sums.get(key), counts)
    else:
        now = time.time()
        covered = rollups.observed_s(now - window_s, now)
        sums = rollups.read_policies(now - window_s, now, service)
    found = {tuple(read_policy_key(key)): counts for key, counts in sums.items()}
    return Decided(
        covered, {(owner, policy): counts for (owner, policy), counts in found.items() if service in ("", owner)}
    )


def _seconds(
    service: str, window_s: int, *, blocks: bool
) -> Iterator[tuple[float, int, Mapping[str, tuple[int, int]]]]:
    """The end of each piece of the window, its length, and what was counted in it."""
    if window_s <= KEPT_S:
        frames = window.shared()
        newest = frames.newest
        if newest is not None:
            for frame, seconds in frames.frames(newest - window_s, newest, blocks=blocks):
                yield frame.at, seconds, frame.limits
        return
    now = time.time()
    for at, counts in rollups.read_limits(now - window_s, now, service):
        yield at, SPAN_S, counts
