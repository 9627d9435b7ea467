"""Reads of what the mesh does, from this process's window or from rollups, remembered for as long as they hold.

A graph is built once a second per window and kind, whoever asks, and encoded once per scope.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Generic, TypeVar

import msgspec
import numpy as np
from django.db.models import Q
from msgspec import Raw, Struct

from meshui.core.errors import InvalidInput
from meshui.telemetry import registry, rollups, window
from meshui.telemetry.frames import Frame, total
from meshui.telemetry.graph import By, Graph, Scope, Whole, build, scoped
from meshui.telemetry.sums import Sums
from meshui.telemetry.window import KEPT_S, View

T = TypeVar("T")

MAX_ROLLUPS = 300_000
"""Rows that one answer may be made of."""


class Remembered(Generic[T]):
    """Values that hold as long as what they were made from stays the same object or equal. The oldest go."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def get(self, key: Hashable, made_from: tuple[object, ...], make: Callable[[], T]) -> T:
        """The value of ``key``, made where there is none or where it was made from something else."""
        with self._lock:
            kept = self._values.get(key)
            if kept is None or any(a is not b and a != b for a, b in zip(kept[0], made_from, strict=True)):
                kept = (made_from, make())
                self._values[key] = kept
            self._values.move_to_end(key)
            if len(self._values) > self._size:
                self._values.popitem(last=False)
            return kept[1]


class Encoded(Struct, frozen=True):
    """A graph as JSON; encoding what goes on top costs nothing."""

    graph: Graph
    nodes: Raw
    edges: Raw
    summary: Raw


_wholes: Remembered[Whole] = Remembered(16)
_graphs: Remembered[Graph] = Remembered(64)
_encoded: Remembered[Encoded] = Remembered(64)


def graph_get(*, window_s: int, by: By, scope: Scope) -> Graph:
    """The graph of the last ``window_s`` seconds (1 to 900), its ``age_s`` left open."""
    whole = _whole_now(window_s, by)
    return _graphs.get((window_s, by, scope), (whole,), lambda: scoped(whole, scope))


def graph_json(*, window_s: int, by: By, scope: Scope, at: float | None = None) -> Raw:
    """The graph as JSON, now or as it was ``at`` a time (Unix seconds). Raises InvalidInput where that is too much."""
    if at is None and window_s <= KEPT_S:
        graph = graph_get(window_s=window_s, by=by, scope=scope)
        encoded = _encoded.get((window_s, by, scope), (graph,), lambda: encode(graph))
    else:
        encoded = encode(scoped(_whole_then(window_s, by, time.time() if at is None else at), scope))
    return aged(encoded)


def encode(graph: Graph) -> Encoded:
    json = msgspec.json.Encoder()
    return Encoded(
        graph=graph,
        nodes=Raw(json.encode(graph.nodes)),
        edges=Raw(json.encode(graph.edges)),
        summary=Raw(json.encode(graph.summary)),
    )


def aged(encoded: Encoded) -> Raw:
    """The whole answer with its age now."""
    graph = encoded.graph
    answer = {
        "as_of": graph.as_of,
        "as_of_unix": graph.as_of_unix,
        "age_s": age_s(graph.as_of_unix),
        "window_s": graph.window_s,
        "by": graph.by,
        "nodes": encoded.nodes,
        "edges": encoded.edges,
        "summary": encoded.summary,
    }
    return Raw(msgspec.json.encode(answer))


def age_s(as_of: float | None) -> float | None:
    """Seconds since a time, never negative: this machine's clock may be behind the collector's."""
    return None if as_of is None else round(max(0.0, time.time() - as_of), 3)


def _whole_now(window_s: int, by: By) -> Whole:
    frames = window.shared()
    services = registry.services.get()
    made_from = (frames.newest, services)
    return _wholes.get((window_s, by), made_from, lambda: build(frames.view(window_s), window_s, by, services))


def _whole_then(window_s: int, by: By, at: float) -> Whole:
    return build(view_then(window_s, at, Q()), window_s, by, registry.services.get())


def view_then(window_s: int, at: float, edges: Q) -> View | None:
    """A window in the past: from frames where they reach, else from the rollups of the edges that ``edges`` selects."""
    frames = window.shared()
    oldest = frames.oldest
    if window_s <= KEPT_S and oldest is not None and at - window_s >= oldest:
        return frames.view(window_s, at)
    rollups.require_at_most(MAX_ROLLUPS, at - window_s, at, edges)
    return view_of(list(rollups.read(at - window_s, at, edges)), window_s, rollups.BUCKET_S)


def view_of(frames: Sequence[Frame], window_s: int, each_s: int) -> View | None:
    """The sums of frames that cover ``each_s`` seconds each; None of none."""
    if not frames:
        return None
    frame = total(frames[-1].at, frames)
    sums = Sums()
    sums.add(np.arange(len(frame.keys)), frame)
    return View(
        as_of=frame.at,
        window_s=window_s,
        covered_s=float(len(frames) * each_s),
        keys=tuple(frame.keys),
        totals=sums.totals(len(frame.keys)),
    )


def require_known(service: str) -> None:
    """Raise InvalidInput where the registry has no such service."""
    if service not in registry.services.get():
        raise InvalidInput.field("service", "unknown_service", f"no service {service}")
