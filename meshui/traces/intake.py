"""Spans of proxies: from their reports, which the collector has verified, to the store.

A proxy speaks for the service it joined as, whatever a span says; what cannot be is left out.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from meshui.telemetry.fold import Identity, Registry
from meshui.telemetry.waiting import Waiting
from meshui.traces.models import Span
from meshui.traces.store import write
from meshui.traces.values import MAX_INTEGER, NewSpan, bounded, text
from proxies.core.flags import DOWNSTREAM_CLOSED
from proxies.wire.reports import MAX_SPANS, SpanReport, Telemetry, TryReport

WAITING = 50_000
BATCH = 5_000
MAX_TRIES = 20
OLDEST_S = 900
FUTURE_S = 60
MAX_DURATION_US = 7 * 86_400 * 1_000_000

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}").fullmatch
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}").fullmatch
_FLAGS = re.compile(r"([A-Z]{1,8}(,[A-Z]{1,8}){0,7})?").fullmatch


class Intake(Waiting[NewSpan]):
    """``take`` what the collector read, and ``run`` beside it."""

    def __init__(self) -> None:
        super().__init__("spans", most=WAITING, batch=BATCH)

    def keep(self, items: list[NewSpan]) -> None:
        write(items)

    def take(self, report: Telemetry, identity: Identity, registry: Registry) -> None:
        """Keep the spans of a report until they are written."""
        self.lose(report.dropped_spans)
        for span in spans_of(report.spans[:MAX_SPANS], identity, registry, time.time()):
            self.add(span)


def spans_of(reported: list[SpanReport], identity: Identity, registry: Registry, now: float) -> Iterator[NewSpan]:
    """What is kept of reported spans: one for each, and one for each try where there were several."""
    for span in reported:
        if _is_sound(span, now):
            yield _span(span, identity, registry)
            for number, each in enumerate(span.tries[:MAX_TRIES], 1):
                if _SPAN_ID(each.span_id) and abs(each.start_us - span.start_us) <= MAX_DURATION_US:
                    yield _try(span, each, number, identity)


def _is_sound(span: SpanReport, now: float) -> bool:
    return bool(
        _TRACE_ID(span.trace_id)
        and _SPAN_ID(span.span_id)
        and (not span.parent_id or _SPAN_ID(span.parent_id))
        and _FLAGS(span.flags)
        and (now - OLDEST_S) * 1e6 <= span.start_us <= (now + FUTURE_S) * 1e6
        and 0 <= span.duration_us <= MAX_DURATION_US
        and (span.code == 0 or 100 <= span.code <= 599)
        and 0 <= span.request_bytes <= MAX_INTEGER
        and 0 <= span.response_bytes <= MAX_INTEGER
    )


def _span(span: SpanReport, identity: Identity, registry: Registry) -> NewSpan:
    called = span.destination if span.reporter == "source" and span.destination in registry.services else ""
    told: dict[str, Any] = {
        "http.request.method": span.method,
        "server.address": span.host,
        "url.path": span.path,
        "http.request.body.size": span.request_bytes,
        "http.response.body.size": span.response_bytes,
        "meshui.endpoint": span.endpoint,
        "meshui.secured": span.secured,
        "meshui.flags": span.flags.split(",") if span.flags else [],
        "meshui.tries": max(1, len(span.tries)),
    }
    if span.code:
        told["http.response.status_code"] = span.code
    if span.rule:
        told["meshui.rule"] = span.rule
    if called:
        told |= {"peer.service": called, "meshui.version": span.destination_version}
    return _new(
        span,
        identity,
        span_id=span.span_id,
        parent_id=span.parent_id,
        start_us=span.start_us,
        duration_us=span.duration_us,
        peer=called,
        name=text(f"{span.method} {span.route}".strip(), 200),
        kind=Span.Kind.SERVER if span.kind == "server" else Span.Kind.CLIENT,
        error=span.code >= 500 or (span.code == 0 and span.flags != DOWNSTREAM_CLOSED),
        code=span.code or None,
        route=text(span.route, 200),
        attributes=bounded(told.items()),
    )


def _try(span: SpanReport, each: TryReport, number: int, identity: Identity) -> NewSpan:
    code = int(each.outcome) if re.fullmatch("[1-5][0-9][0-9]", each.outcome) else None
    return _new(
        span,
        identity,
        span_id=each.span_id,
        parent_id=span.span_id,
        start_us=each.start_us,
        duration_us=min(max(0, each.duration_us), MAX_DURATION_US),
        peer="",
        name=f"try {number}",
        kind=Span.Kind.INTERNAL,
        error=code is None or code >= 500,
        code=code,
        route="",
        attributes=bounded({"meshui.endpoint": each.endpoint, "meshui.outcome": each.outcome}.items()),
    )


def _new(span: SpanReport, identity: Identity, **own: Any) -> NewSpan:
    return NewSpan(
        trace_id=span.trace_id,
        namespace=identity.service.partition("/")[0],
        service=identity.service,
        version=identity.version,
        proxied=True,
        message="",
        **own,
    )
