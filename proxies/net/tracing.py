"""Spans of requests: which are kept, and what they tell. Nobody comes here while tracing is off.

Owns the decision and the queue; what becomes of spans is the agent's business. The decision is made once, where a
trace begins, and travels in the traceparent's flag.
"""

from __future__ import annotations

from random import randbytes, random
from time import monotonic, time
from typing import TYPE_CHECKING, Final, Literal

from proxies.core.flags import DOWNSTREAM_CLOSED
from proxies.core.trace import UNSAMPLED, Ids, Mark, parent_of, traceparent_line
from proxies.wire.reports import MAX_SPANS, SpanReport, TryReport

if TYPE_CHECKING:
    from proxies.core.head import RequestHead
    from proxies.net.metrics import Row
    from proxies.net.tries import Tries
    from proxies.net.upstream import Endpoint

MAX_PATH: Final = 256
MAX_HOST: Final = 128
MAX_BYTES: Final = 384 * 1024
"""Of the spans of one report, as estimated: with all else it stays below ``reports.MAX_ENTRY_BYTES``."""


class Spans:
    """Those that wait to be reported."""

    def __init__(self) -> None:
        self._waiting: list[SpanReport] = []
        self._size = 0
        self._dropped = 0

    def add(self, span: SpanReport) -> None:
        size = 512 + 2 * (len(span.path) + len(span.host)) + 96 * len(span.tries)
        if len(self._waiting) < MAX_SPANS and self._size + size <= MAX_BYTES:
            self._waiting.append(span)
            self._size += size
        else:
            self._dropped += 1

    def absorb(self, spans: list[SpanReport], dropped: int) -> None:
        """Add what another process collected."""
        for span in spans:
            self.add(span)
        self._dropped += dropped

    def collect(self) -> tuple[list[SpanReport], int]:
        """The spans that ended since the last call, and how many more there were."""
        waiting, self._waiting = self._waiting, []
        dropped, self._dropped = self._dropped, 0
        self._size = 0
        return waiting, dropped


class Tracer:
    """``share`` (0..1) of the traces that begin here are kept, and all whose parent is; with ``errors`` also each
    request that failed."""

    def __init__(self, spans: Spans, share: float, errors: bool) -> None:
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

    def ended(
        self,
        head: RequestHead,
        row: Row,
        kind: Literal["server", "client"],
        code: int,
        flags: str,
        started: float,
        request_bytes: int,
        response_bytes: int,
        endpoint: Endpoint | None,
        tries: Tries | None,
    ) -> None:
        """A request is over. ``started`` is by ``monotonic``; ``code`` is 0 where no response was sent."""
        mark = head.mark
        if mark is None or not mark.sampled:
            failed = code >= 500 or (code == 0 and flags != DOWNSTREAM_CLOSED)
            if mark is UNSAMPLED and not (failed and self._errors):
                return
            mark = self._late(head, failed)
            if mark is None:
                return
        edge = row.edge
        now = monotonic()
        epoch = time() - now
        self._spans.add(
            SpanReport(
                trace_id=mark.trace_id,
                span_id=mark.span_id,
                parent_id=mark.parent_id,
                start_us=int((epoch + started) * 1_000_000),
                duration_us=int((now - started) * 1_000_000),
                kind=kind,
                reporter=edge.reporter,
                source=edge.source_service,
                destination=edge.destination_service,
                destination_version=edge.destination_version,
                route=edge.route,
                secured=edge.secured,
                method=head.method.decode("latin-1"),
                host=head.host[:MAX_HOST].decode("latin-1"),
                path=head.path[:MAX_PATH].decode("latin-1"),
                code=code,
                flags=flags,
                request_bytes=request_bytes,
                response_bytes=response_bytes,
                endpoint=_name(endpoint),
                tries=self._tries(tries, epoch, now, code, endpoint) if tries is not None else [],
            )
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
                _name(asked),
                outcome,
            )
            for since, until, asked, outcome in all_tries
        ]


def _name(endpoint: Endpoint | None) -> str:
    return f"{endpoint.address}:{endpoint.port}" if endpoint is not None else ""
