"""Spans to keep and to send."""

from __future__ import annotations

import time
from typing import Any

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from meshui.traces.values import NewSpan

TRACE = "0af7651916cd43dd8448eb211c80319c"


def span(number: int, parent: int = 0, /, **changes: Any) -> NewSpan:
    """``span(1)`` has the id 1 and took 10 ms, a second ago."""
    plain = NewSpan(
        trace_id=TRACE,
        span_id=f"{number:016x}",
        parent_id=f"{parent:016x}" if parent else "",
        start_us=int(time.time() * 1_000_000) - 1_000_000 + number,
        duration_us=10_000,
        namespace="shop",
        service="shop/catalog",
        version="v1",
        peer="",
        name="GET",
        kind=2,
        proxied=True,
        error=False,
        message="",
        code=200,
        route="",
        attributes={},
    )
    return msgspec.structs.replace(plain, **changes)


def request(**resource: str) -> ExportTraceServiceRequest:
    """One span of an app, as OTLP has it; the keywords are the resource's attributes, with ``_`` for the dot."""
    made = ExportTraceServiceRequest()
    spans = made.resource_spans.add()
    for name, value in resource.items():
        spans.resource.attributes.add(key=name.replace("_", ".")).value.string_value = value
    one = spans.scope_spans.add().spans.add(
        trace_id=bytes.fromhex(TRACE), span_id=bytes(range(1, 9)), name="work", kind=1
    )
    one.start_time_unix_nano = time.time_ns()
    one.end_time_unix_nano = one.start_time_unix_nano + 5_000_000
    return made
