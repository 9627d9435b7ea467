"""Series from Prometheus, which scrapes the proxies' own counters.

Who counts is who counts in ``fold``: the caller, and the called where the caller is outside the mesh. Everything is
one query, so that all of an answer is of the same samples. Each term is an ``increase`` over a step that ends at a
point of the grid.

Differs from rollups in what Prometheus knows: a counter's first sample adds nothing, the ends of a step are
extrapolated, steps shorter than ``LEAST_RANGE_S`` are smoothed over that, and percentiles are interpolated within the
bounds that proxies expose.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from django.conf import settings

from meshui.core import prometheus
from meshui.core.errors import InvalidInput, Unavailable
from meshui.telemetry.fold import PROBER, UNKNOWN
from meshui.telemetry.frames import CODE_CLASSES, COLUMNS, REQUEST_BYTES, RESPONSE_BYTES
from meshui.telemetry.measuring.asked import UNROUTED, Asked
from meshui.telemetry.series import ALL, Counted, Grid, Measured
from meshui.telemetry.sums import QUANTILES, Floats

TIMEOUT_S = 10.0
LEAST_RANGE_S = 60
"""Two samples must be in a range; proxies are scraped every 30 s at the least."""

REQUESTS, CONNECTIONS, CLOSED, IN, OUT, BUCKET, UP = "requests", "connections", "closed", "in", "out", "bucket", "up"
COUNTERS = (
    (REQUESTS, "mesh_requests_total", ("response_code", "response_flags")),
    (CONNECTIONS, "mesh_tcp_connections_total", ("response_flags",)),
    (CLOSED, "mesh_tcp_connections_closed_total", ("response_flags",)),
    (IN, "mesh_request_bytes_total", ()),
    (IN, "mesh_tcp_sent_bytes_total", ()),
    (OUT, "mesh_response_bytes_total", ()),
    (OUT, "mesh_tcp_received_bytes_total", ()),
    (BUCKET, "mesh_request_duration_seconds_bucket", ("le",)),
)
SERVICE = "[^/]+/[^/]+"
"""How a service of the mesh is named; what is outside has no slash."""


class Prometheus:
    """``measuring.backend.Backend`` over MESHUI_PROMETHEUS_URL."""

    def measure(self, asked: Asked, grid: Grid) -> Measured:
        """Raises InvalidInput where no Prometheus is configured, Unavailable where it does not answer as it should:
        ``prometheus_down``, ``_timeout``, ``_refused``, ``_malformed``."""
        url = settings.MESHUI.prometheus_url
        if not url:
            raise InvalidInput.field("backend", "prometheus_not_configured", "MESHUI_PROMETHEUS_URL is not set")
        range_s = max(grid.step_s, LEAST_RANGE_S)
        found = _Found(asked, grid, range_s, time.time())
        try:
            prometheus.ask_range(
                url, query(asked, range_s), grid.start + grid.step_s, grid.end, grid.step_s, TIMEOUT_S, found.take
            )
        except prometheus.Failure as failure:
            raise Unavailable(f"Prometheus: {failure}", code=f"prometheus_{failure.code}") from None
        return found.measured()


def query(asked: Asked, range_s: int) -> str:
    """One expression whose series tell by ``kind`` what they are."""
    apart = (_label(asked),) if asked.service or asked.edge else ()
    chosen = list(_matchers(asked))
    terms = [
        _term(f"{kind}-{index}", metric, (*apart, *labels), _accounts(asked), chosen, range_s)
        for index, (kind, metric, labels) in enumerate(COUNTERS)
    ]
    seen = f'max(present_over_time(up{{mesh_proxy!=""}}[{range_s}s]))'
    return " or ".join([*terms, _named(seen, UP)])


def _label(asked: Asked) -> str:
    """What series are told apart by."""
    version = "source_version" if asked.outgoing else "destination_version"
    return {"version": version, "route": "route", "instance": "mesh_proxy"}[asked.by]


def _accounts(asked: Asked) -> list[list[str]]:
    """Who counts: the caller, and the called where the caller is outside the mesh; or each instance its own."""
    if not asked.own:
        return [['reporter="source"'], ['reporter="destination"', f'source_service="{UNKNOWN}"']]
    if asked.outgoing:
        return [['reporter="source"']]
    return [['reporter="destination"', f"source_service!={_quoted(PROBER)}"]]


def _term(
    kind: str, metric: str, labels: Iterable[str], accounts: list[list[str]], chosen: list[str], range_s: int
) -> str:
    increases = [f"increase({metric}{{{','.join([*who, *chosen])}}}[{range_s}s])" for who in accounts]
    return _named(f"sum by ({','.join(labels)}) ({' or '.join(increases)})", kind)


def _named(expression: str, kind: str) -> str:
    return f'label_replace({expression},"kind","{kind}","","")'


def _matchers(asked: Asked) -> Iterator[str]:
    if asked.edge:
        yield from (_is(label, name) for label, name in zip(_ENDS, asked.edge, strict=True))
    if asked.service:
        yield _is("source_service" if asked.outgoing else "destination_service", asked.service)
    if asked.namespace:
        yield f"destination_service=~{_quoted(re.escape(asked.namespace) + '/.+')}"
    if asked.version:
        yield f"{'source' if asked.outgoing else 'destination'}_version={_quoted(asked.version)}"
    if asked.route:
        yield f"route={_quoted('' if asked.route == UNROUTED else asked.route)}"
    if asked.instance:
        yield f"mesh_proxy={_quoted(asked.instance)}"
    if asked.visible is not None:
        names = "|".join(re.escape(name) for name in sorted(asked.visible))
        yield from (f"{label}=~{_quoted(f'(?:{names})/.+|[^/]*')}" for label in _ENDS)


_ENDS = ("source_service", "destination_service")


def _is(label: str, name: str) -> str:
    return f"{label}!~{_quoted(SERVICE)}" if name == UNKNOWN else f"{label}={_quoted(name)}"


def _quoted(text: str) -> str:
    """A string of PromQL, whose escapes are those of Go and so take JSON's."""
    return json.dumps(text)


class _Found:
    """An answer in the making. Of an increase over ``range_s`` the part counts that a step has of it; what has not
    passed yet at ``now`` is in neither."""

    def __init__(self, asked: Asked, grid: Grid, range_s: int, now: float) -> None:
        self._label = _label(asked)
        self._by_route = asked.by == "route"
        self._grid = grid
        self._range_s = range_s
        ends = np.array(grid.times) + grid.step_s
        self._passed = np.clip(now - (ends - grid.step_s), 0, grid.step_s)
        self._share = self._passed / np.clip(now - (ends - range_s), 1, range_s)
        self._seen = np.zeros(grid.steps)
        self._counts: dict[str, Floats] = {}
        self._flags: dict[str, dict[str, Floats]] = {}
        self._buckets: dict[str, dict[float, Floats]] = {}

    def take(self, result: Any) -> None:
        """The series of a range query. Raises what ``UNREADABLE`` names where it is none."""
        for series in result:
            labels, values = series["metric"], self._values(series["values"])
            kind = labels["kind"].partition("-")[0]
            if kind == UP:
                self._seen += values > 0
                continue
            for group in {ALL, self._group(kind, labels)}:
                self._add(group, kind, labels, values)

    def _group(self, kind: str, labels: dict[str, str]) -> str:
        """A connection takes no route."""
        group = labels.get(self._label, ALL)
        return UNROUTED if self._by_route and not group and kind in (REQUESTS, BUCKET) else group

    def _values(self, points: Any) -> Floats:
        values = np.zeros(self._grid.steps)
        for at, number in points:
            step = round((float(at) - self._grid.start) / self._grid.step_s) - 1
            value = float(number)
            if 0 <= step < self._grid.steps and np.isfinite(value):
                values[step] += value
        return values

    def _add(self, group: str, kind: str, labels: dict[str, str], increase: Floats) -> None:
        counts = self._counts.setdefault(group, np.zeros((self._grid.steps, COLUMNS)))
        values = increase * self._share
        if kind == BUCKET:
            bounds = self._buckets.setdefault(group, {})
            bound = float(labels["le"])
            bounds[bound] = bounds.get(bound, 0.0) + increase
        elif kind in (IN, OUT):
            counts[:, REQUEST_BYTES if kind == IN else RESPONSE_BYTES] += values
        else:
            flags = labels.get("response_flags", "")
            if kind == REQUESTS:
                counts[:, _code_class(labels["response_code"])] += values
            elif kind == CONNECTIONS:
                counts[:, 0 if flags else CODE_CLASSES.index("2xx")] += values
            if flags:
                by_flags = self._flags.setdefault(group, {})
                by_flags[flags] = by_flags.get(flags, 0.0) + values

    def measured(self) -> Measured:
        groups = {
            group: Counted(counts, _percentiles(self._buckets.get(group, {}), len(counts)), self._flags.get(group, {}))
            for group, counts in self._counts.items()
        }
        return Measured("prometheus", self._range_s, np.where(self._seen > 0, self._passed, 0.0), groups)


def _code_class(code: str) -> int:
    """Its place in ``CODE_CLASSES``. Raises ValueError where it is no response code."""
    place = int(code) // 100
    if not 0 <= place < len(CODE_CLASSES):
        raise ValueError(f"response code {code}")
    return place


def _percentiles(buckets: dict[float, Floats], steps: int) -> list[list[float | None]]:
    """By step, p50, p95 and p99 in milliseconds, interpolated within their bucket."""
    bounds = sorted(buckets)
    if not bounds:
        return [[None] * len(QUANTILES)] * steps
    table = np.maximum.accumulate(np.array([buckets[bound] for bound in bounds]), axis=0)
    return [[_quantile(quantile, bounds, table[:, step]) for quantile in QUANTILES] for step in range(steps)]


def _quantile(quantile: float, bounds: list[float], cumulative: Floats) -> float | None:
    total = float(cumulative[-1])
    if total <= 0:
        return None
    place = int(np.searchsorted(cumulative, quantile * total))
    low = bounds[place - 1] if place else 0.0
    if not np.isfinite(bounds[place]):
        return round(low * 1000, 3)
    before = float(cumulative[place - 1]) if place else 0.0
    inside = float(cumulative[place]) - before
    part = (quantile * total - before) / inside if inside > 0 else 1.0
    return round((low + (bounds[place] - low) * part) * 1000, 3)
