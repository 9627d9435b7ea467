"""Spans of requests: which are kept, and what they tell. Nobody comes here while tracing is off.

Owns the decision and the queue; what becomes of spans is the agent's business. The decision is made once, where a
trace begins, and travels in the traceparent's flag.
"""

from __future__ import annotations

from random import randbytes, random
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from proxies.core.flags import DOWNSTREAM_CLOSED
from proxies.core.trace import UNSAMPLED, Ids, Mark, parent_of, trace_of, traceparent_line
from proxies.net.bounded import Bounded
from proxies.wire.reports import MAX_SPANS, SpanReport, TryReport

if TYPE_CHECKING:
    from proxies.core.head import RequestHead
    from proxies.net.recorder import Ended
    from proxies.net.tries import Tries
    from proxies.net.upstream import Endpoint

MAX_PATH: Final = 256
MAX_HOST: Final = 128
MAX_BYTES: Final = 384 * 1024
"""Of the spans of one report, as estimated: with all else it stays below ``reports.MAX_ENTRY_BYTES``."""


def new_spans() -> Bounded[SpanReport]:
    """For those that wait to be reported."""
    return Bounded(MAX_SPANS, MAX_BYTES, _size_of)


def _size_of(span: SpanReport) -> int:
    return 512 + 2 * (len(span.path) + len(span.host)) + 96 * len(span.tries)


def within(share: float, lines: list[bytes]) -> bool:
    """Whether a request is among this share (0..1) of all, alike in each proxy that its trace passes."""
    if share >= 1 or share <= 0:
        return share >= 1
    trace_id = trace_of(lines)
    return (int(trace_id[-8:], 16) / 2**32 if trace_id else random()) < share  # noqa: S311 - no secret


class Tracer:
    """``share`` (0..1) of the traces that begin here are kept, and all whose parent is; with ``errors`` also each
    request that failed."""

    def __init__(self, spans: Bounded[SpanReport], share: float, errors: bool) -> None:
        self._spans = spans
        self._share = share
        self._errors = errors
        self._ids = Ids(randbytes)

    def carry(self, head: RequestHead) -> None:
        """Decide, and write the traceparent that goes on: of this proxy's span where it is kept."""
        lines = head.lines
        parent = parent_of(lines) if head.traced else None
        if parent is None:
            if random() >= self._share:  # noqa: S311 - no secret
                head.mark = UNSAMPLED
                lines.append(b"traceparent: " + self._ids.traceparent())
                return
            head.mark = mark = self._ids.mark()
            lines.append(traceparent_line(mark))
            return
        index, trace_id, span_id, sampled = parent
        if not sampled:
            head.mark = UNSAMPLED
            return
        head.mark = mark = self._ids.mark(trace_id, span_id)
        lines[index] = traceparent_line(mark)

    def ended(self, request: Ended) -> None:
        """Keep its span, if it has one. A head that had no trace of its own has one then."""
        head, code, flags = request.head, request.code, request.flags
        mark = head.mark
        if mark is None or not mark.sampled:
            failed = code >= 500 or (code == 0 and flags != DOWNSTREAM_CLOSED)
            if mark is UNSAMPLED and not (failed and self._errors):
                return
            mark = self._late(head, failed)
            if mark is None:
                return
            head.mark = mark
        self._spans.add(self._span(request, mark))

    def _span(self, request: Ended, mark: Mark) -> SpanReport:
        head, edge, now, tries = request.head, request.row.edge, request.at, request.tries
        epoch = time() - monotonic()
        return SpanReport(
            trace_id=mark.trace_id,
            span_id=mark.span_id,
            parent_id=mark.parent_id,
            start_us=int((epoch + request.started) * 1_000_000),
            duration_us=int((now - request.started) * 1_000_000),
            kind=request.kind,
            reporter=edge.reporter,
            source=edge.source_service,
            destination=edge.destination_service,
            destination_version=edge.destination_version,
            route=edge.route,
            secured=edge.secured,
            method=head.method.decode("latin-1"),
            host=head.host[:MAX_HOST].decode("latin-1"),
            path=head.path[:MAX_PATH].decode("latin-1"),
            code=request.code,
            flags=request.flags,
            request_bytes=request.request_bytes,
            response_bytes=request.response_bytes,
            endpoint=endpoint_name(request.endpoint),
            tries=self._tries(tries, epoch, now, request.code, request.endpoint) if tries is not None else [],
            rule=head.ruling,
        )

    def _late(self, head: RequestHead, failed: bool) -> Mark | None:
        """The ids of a span that nothing upstream knows: its request was refused here, or was not to be kept until it
        failed."""
        kept = failed and self._errors
        parent = parent_of(head.lines)
        if parent is None:
            kept = kept or random() < self._share  # noqa: S311 - no secret
            return self._ids.mark() if kept else None
        _, trace_id, span_id, sampled = parent
        return self._ids.mark(trace_id, span_id) if kept or sampled else None

    def _tries(self, tries: Tries, epoch: float, now: float, code: int, endpoint: Endpoint | None) -> list[TryReport]:
        """One for each try, where there was more than one: those that failed, then the last one."""
        if not tries.failed:
            return []
        all_tries = [*tries.failed, (tries.since, now, endpoint, str(code or "no response"))]
        return [
            TryReport(
                self._ids.mark().span_id,
                int((epoch + since) * 1_000_000),
                max(0, int((until - since) * 1_000_000)),
                endpoint_name(asked),
                outcome,
            )
            for since, until, asked, outcome in all_tries
        ]


def endpoint_name(endpoint: Endpoint | None) -> str:
    """Where it is; empty for none."""
    return f"{endpoint.address}:{endpoint.port}" if endpoint is not None else ""
