"""Counters of edges: plain integers in rows that a request finds ready, folded once a second.

Owns the rows, and one request a second of each route, for those who change routes; knows nothing of connections. A row
is one edge as one side sees it; what a request adds is two dictionary increments and one histogram bucket.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from proxies.core.head import RequestHead
from proxies.core.told import Compared, Told, tell
from proxies.wire import histogram
from proxies.wire.reports import Closed, EdgeDelta, RequestSample, Responses

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
    """``responses`` is keyed by (code, flags); ``buckets`` by the indices of ``proxies.wire.histogram``; ``closed``,
    where connections are what is counted, by flags."""

    __slots__ = ("buckets", "closed", "microseconds", "request_bytes", "response_bytes", "responses", "retries")

    def __init__(self) -> None:
        self.responses: dict[tuple[int, str], int] = {}
        self.request_bytes = 0
        self.response_bytes = 0
        self.microseconds = 0
        self.retries = 0
        self.closed: dict[str, int] = {}
        self.buckets = [0] * histogram.BUCKETS

    def add(self, other: Counts) -> None:
        for key, count in other.responses.items():
            self.responses[key] = self.responses.get(key, 0) + count
        self.request_bytes += other.request_bytes
        self.response_bytes += other.response_bytes
        self.microseconds += other.microseconds
        self.retries += other.retries
        for flags, count in other.closed.items():
            self.closed[flags] = self.closed.get(flags, 0) + count
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]


class Row:
    """One edge: what it counted since the last fold, and before. Most edges of a large mesh never see a request, so
    counts are made when there is something to count."""

    __slots__ = ("_before", "due", "edge", "since")

    def __init__(self, edge: Edge) -> None:
        self.edge = edge
        self.due = False
        """Whether the next request that takes its route is to be told of."""
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
        self._counts().retries += 1

    # --- connections

    def established(self) -> None:
        self._began(200, "")

    def failed(self, flags: str) -> None:
        """Add one connection that led nowhere."""
        self._began(0, flags)

    def carried(self, sent: int, received: int) -> None:
        """Add bytes of an open connection: to the destination, and from it."""
        counts = self._counts()
        counts.request_bytes += sent
        counts.response_bytes += received

    def ended(self, flags: str, microseconds: int) -> None:
        """Add the end of one that was established."""
        counts = self._counts()
        counts.closed[flags] = counts.closed.get(flags, 0) + 1
        counts.microseconds += microseconds
        counts.buckets[histogram.bucket(microseconds)] += 1

    def _began(self, code: int, flags: str) -> None:
        responses = self._counts().responses
        responses[code, flags] = responses.get((code, flags), 0) + 1

    def _counts(self) -> Counts:
        if self.since is None:
            self.since = Counts()
        return self.since

    # --- all of it

    def absorb(self, delta: EdgeDelta, microseconds: int) -> None:
        """Add what another process counted on this edge, and the sum of its durations."""
        counts = self._counts()
        for response in delta.responses:
            key = (response.code, response.flags)
            counts.responses[key] = counts.responses.get(key, 0) + response.count
        for closed in delta.closed:
            counts.closed[closed.flags] = counts.closed.get(closed.flags, 0) + closed.count
        counts.request_bytes += delta.request_bytes
        counts.response_bytes += delta.response_bytes
        counts.microseconds += microseconds
        counts.retries += delta.retries
        for bucket, count in zip(delta.histogram[::2], delta.histogram[1::2], strict=True):
            counts.buckets[bucket] += count

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
            [Closed(flags, count) for flags, count in since.closed.items()],
        )


class Metrics:
    """All rows of a proxy, the gauges, and the requests told of in this second."""

    def __init__(self) -> None:
        self._rows: dict[Edge, Row] = {}
        self._asking: dict[Edge, Row] = {}
        self._told: list[tuple[Edge, Told]] = []
        self.samples: list[RequestSample] = []
        """One request of each route that took any before the last ``collect``."""
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

    def absorb(self, delta: EdgeDelta, microseconds: int) -> None:
        """Add what another process counted on an edge, and the sum of its durations."""
        edge = Edge(
            delta.reporter,
            delta.source_service,
            delta.source_version,
            delta.destination_service,
            delta.destination_version,
            delta.route,
            delta.protocol,
            delta.secured,
        )
        self.row(edge).absorb(delta, microseconds)

    def ask(self, row: Row) -> None:
        """Have one request a second told of that takes the row's route."""
        row.due = True
        self._asking[row.edge] = row

    def tell(self, row: Row, head: RequestHead, compared: Compared) -> None:
        """The request that was asked for."""
        row.due = False
        told = tell(head, compared)
        if told is not None:
            self._told.append((row.edge, told))

    def collect(self) -> list[EdgeDelta]:
        """What every edge counted since the last call. ``samples`` then belong to the same time."""
        deltas = [delta for row in self._rows.values() if (delta := row.fold()) is not None]
        for row in self._asking.values():
            row.due = True
        told, self._told = self._told, []
        self.samples = _samples(told, deltas) if told else []
        return deltas


def _samples(told: list[tuple[Edge, Told]], deltas: list[EdgeDelta]) -> list[RequestSample]:
    """A request stands for all that took its route in this second, and for itself at least: some are under way."""
    taken: dict[tuple[str, str], int] = {}
    for delta in deltas:
        if delta.reporter == "source":
            key = (delta.destination_service, delta.route)
            taken[key] = taken.get(key, 0) + sum([response.count for response in delta.responses])
    return [
        RequestSample(
            edge.destination_service, edge.route, max(1, taken.get((edge.destination_service, edge.route), 0)), *request
        )
        for edge, request in told
    ]
