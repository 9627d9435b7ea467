"""Who called whom within a window, by pairs of services: how often, how much of it over mTLS, how much was denied."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q

from meshui.telemetry import rollups, window
from meshui.telemetry.frames import CODE_CLASSES, SECURED, EdgeKey, edge_key
from meshui.telemetry.window import KEPT_S
from proxies.core import flags

MAX_ROLLUPS = 300_000
Pair = tuple[str, str]
"""The calling and the called service; ``unknown`` is whoever is outside the mesh."""


@dataclass(slots=True)
class Calls:
    """Requests, or connections; ``secured`` of them came over mTLS, ``denied`` were refused by an access policy."""

    requests: int = 0
    secured: int = 0
    denied: int = 0

    @property
    def plaintext(self) -> int:
        return max(0, self.requests - self.secured)


@dataclass(frozen=True, slots=True)
class Observed:
    """``covered_s`` is how much of the window was observed."""

    window_s: int
    covered_s: float
    pairs: dict[Pair, Calls] = field(default_factory=dict)


def observed_calls(window_s: int) -> Observed:
    """The calls of the last ``window_s`` seconds. Raises InvalidInput where that is too much to read."""
    if window_s > KEPT_S:
        return _from_rollups(window_s)
    view = window.shared().view(window_s)
    if view is None:
        return Observed(window_s, 0.0)
    observed = Observed(window_s, view.covered_s)
    rows = zip(map(edge_key, view.keys), view.totals.counts.tolist(), view.totals.flags, strict=True)
    for key, counts, flagged in rows:
        _add(observed, key, counts, flagged.items())
    return observed


def _from_rollups(window_s: int) -> Observed:
    now = time.time()
    rollups.require_at_most(MAX_ROLLUPS, now - window_s, now, Q())
    observed = Observed(window_s, rollups.observed_s(now - window_s, now))
    for frame in rollups.read(now - window_s, now, Q()):
        flagged: dict[int, list[tuple[str, int]]] = {}
        for row, name, count in frame.flags:
            flagged.setdefault(row, []).append((name, count))
        for row, (key, counts) in enumerate(zip(frame.keys, frame.counts.tolist(), strict=True)):
            _add(observed, edge_key(key), counts, flagged.get(row, ()))
    return observed


def _add(observed: Observed, key: EdgeKey, counts: list[int], flagged: Iterable[tuple[str, int]]) -> None:
    requests = sum(counts[: len(CODE_CLASSES)])
    denied = sum(count for name, count in flagged if flags.ACCESS_DENIED in name.split(","))
    if requests or denied:
        calls = observed.pairs.setdefault((key.source, key.destination), Calls())
        calls.requests += requests
        calls.secured += min(counts[SECURED], requests)
        calls.denied += denied
