"""Counters of edges: plain integers in rows that a request finds ready, folded once a second.

Owns the rows; knows nothing of connections. A row is one edge as one side sees it; what a request adds is two
dictionary increments and one histogram bucket.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from proxies.wire import histogram
from proxies.wire.reports import EdgeDelta, Responses

UNKNOWN = "unknown"


class Edge(NamedTuple):
    reporter: Literal["source", "destination"]
    source_service: str
    source_version: str
    destination_service: str
    destination_version: str
    route: str
    protocol: str
    secured: bool


class Counts:
    """``responses`` is keyed by (code, flags); ``buckets`` by the indices of ``proxies.wire.histogram``."""

    __slots__ = ("buckets", "microseconds", "request_bytes", "response_bytes", "responses", "retries")

    def __init__(self) -> None:
        self.responses: dict[tuple[int, str], int] = {}
        self.request_bytes = 0
        self.response_bytes = 0
        self.microseconds = 0
        self.retries = 0
        self.buckets = [0] * histogram.BUCKETS

    def add(self, other: Counts) -> None:
        for key, count in other.responses.items():
            self.responses[key] = self.responses.get(key, 0) + count
        self.request_bytes += other.request_bytes
        self.response_bytes += other.response_bytes
        self.microseconds += other.microseconds
        self.retries += other.retries
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]


class Row:
    """One edge: what it counted since the last fold, and before. Most edges of a large mesh never see a request, so
    counts are made when there is something to count."""

    __slots__ = ("_before", "edge", "since")

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.since: Counts | None = None
        self._before: Counts | None = None

    def count(self, code: int, flags: str, request_bytes: int, response_bytes: int, microseconds: int) -> None:
        """Add one finished exchange. ``code`` is 0 where no response was sent."""
        since = self.since
        if since is None:
            since = self.since = Counts()
        key = (code, flags)
        responses = since.responses
        responses[key] = responses.get(key, 0) + 1
        since.request_bytes += request_bytes
        since.response_bytes += response_bytes
        since.microseconds += microseconds
        since.buckets[histogram.bucket(microseconds)] += 1

    def retried(self) -> None:
        """Add one try after a failed one."""
        if self.since is None:
            self.since = Counts()
        self.since.retries += 1

    def total(self) -> Counts | None:
        """Everything counted since the row exists, if anything was."""
        if self._before is None or self.since is None:
            return self._before or self.since
        total = Counts()
        total.add(self._before)
        total.add(self.since)
        return total

    def fold(self) -> EdgeDelta | None:
        """What was counted since the last fold, or None for nothing."""
        since = self.since
        if since is None:
            return None
        self._before = self.total()
        self.since = None
        sparse: list[int] = []
        for index, count in enumerate(since.buckets):
            if count:
                sparse += (index, count)
        return EdgeDelta(
            *self.edge,
            [Responses(code, flags, count) for (code, flags), count in since.responses.items()],
            since.request_bytes,
            since.response_bytes,
            sparse,
            since.retries,
        )


class Metrics:
    """All rows of a proxy, and the gauges."""

    def __init__(self) -> None:
        self._rows: dict[Edge, Row] = {}
        self.connections = 0
        self.active_requests = 0

    def row(self, edge: Edge) -> Row:
        """The row of an edge, made when it is first asked for. Ask when compiling, not per request."""
        found = self._rows.get(edge)
        if found is None:
            found = self._rows[edge] = Row(edge)
        return found

    def rows(self) -> list[Row]:
        return list(self._rows.values())

    def collect(self) -> list[EdgeDelta]:
        return [delta for row in self._rows.values() if (delta := row.fold()) is not None]
