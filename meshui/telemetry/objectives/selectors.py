"""Objectives as they are shown: each with its budget."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

from django.db.models import QuerySet

from meshui.catalog.models import Service
from meshui.core.api.bodies import View as Answer
from meshui.telemetry.models import Objective
from meshui.telemetry.objectives.burn import Budget, budget_of
from meshui.telemetry.objectives.counting import Counted, Promise, count

HOLDS_S = 10.0
"""How long what was counted is shown again: rollups come every ten seconds."""


class ObjectiveView(Answer, frozen=True):
    """A part that is not promised is null."""

    service: str
    availability: Budget | None
    latency: Budget | None

    @property
    def budgets(self) -> list[tuple[str, Budget]]:
        """Those that are promised, by name."""
        named = (("availability", self.availability), ("latency", self.latency))
        return [(name, budget) for name, budget in named if budget is not None]


def objectives(visible: frozenset[str] | None) -> QuerySet[Objective]:
    """Those of the services in these namespaces (None: in all)."""
    rows = Objective.objects.select_related("service__namespace")
    return rows if visible is None else rows.filter(service__namespace__name__in=visible)


def objective_views(rows: Iterable[Objective]) -> list[ObjectiveView]:
    """Objectives with their budgets, in the order of ``rows``. Raises InvalidInput where that is too much to read."""
    rows = list(rows)
    counted = _counts.get([promise_of(row) for row in rows])
    return [_view(row, counted[str(row.service)]) for row in rows]


def _view(row: Objective, counted: Counted) -> ObjectiveView:
    availability = latency = None
    if row.availability is not None:
        availability = budget_of(row.availability, counted.available, counted.observed_s)
    if row.latency_percent is not None:
        latency = budget_of(row.latency_percent, counted.fast, counted.observed_s, row.latency_ms)
    return ObjectiveView(service=str(row.service), availability=availability, latency=latency)


def promise_of(row: Objective) -> Promise:
    return Promise(str(row.service), row.latency_ms, row.service.kind == Service.Kind.GATEWAY)


class _Counts:
    """What was counted last of each promise."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[Promise, tuple[float, Counted]] = {}

    def get(self, promises: list[Promise]) -> dict[str, Counted]:
        with self._lock:
            now = time.monotonic()
            self._known = {promise: kept for promise, kept in self._known.items() if now - kept[0] < HOLDS_S}
            missing = [promise for promise in promises if promise not in self._known]
            for promise, counted in zip(missing, _in_order(missing), strict=True):
                self._known[promise] = (now, counted)
            return {promise.service: self._known[promise][1] for promise in promises}

    def clear(self) -> None:
        self._known = {}


def _in_order(promises: list[Promise]) -> list[Counted]:
    counted = count(promises) if promises else {}
    return [counted[promise.service] for promise in promises]


_counts = _Counts()


def forget() -> None:
    """Count anew at the next look."""
    _counts.clear()
