"""OTLP/HTTP traces: requests in protobuf or JSON become spans, and answers go back in the same form. Pure.

Knows nothing of users or of the registry: whose service a resource is, and whether its spans are taken, is asked.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Callable, Iterable
from typing import Any, Literal

from google.protobuf import json_format
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1 import trace_pb2 as trace

from meshui.traces.values import MAX_EVENTS, Attributes, Event, NewSpan, bounded, text

Form = Literal["application/x-protobuf", "application/json"]
FORMS: dict[str, Form] = {"application/x-protobuf": "application/x-protobuf", "application/json": "application/json"}
PROTOBUF = FORMS["application/x-protobuf"]

MAX_UNPACKED = 16 << 20
FUTURE_US = 3600 * 1_000_000
MAX_DURATION_US = 7 * 86400 * 1_000_000
_CODES = ("http.response.status_code", "http.status_code")
_IDS = ("traceId", "spanId", "parentSpanId")


class Malformed(ValueError):
    """No OTLP request; the message says why."""


Owned = Callable[[str, str], tuple[str, str] | None]
"""From ``service.namespace`` and ``service.name`` to namespace and service as they are kept; None: not taken."""


def unpack(body: bytes, encoding: str) -> bytes:
    """The body without its content coding. Raises Malformed."""
    if encoding in ("", "identity"):
        return body
    if encoding != "gzip":
        raise Malformed(f"unknown content coding {encoding!r}")
    try:
        unpacker = zlib.decompressobj(wbits=31)
        unpacked = unpacker.decompress(body, MAX_UNPACKED)
    except zlib.error as error:
        raise Malformed(f"no gzip: {error}") from error
    if unpacker.unconsumed_tail:
        raise Malformed(f"more than {MAX_UNPACKED} bytes unpacked")
    if not unpacker.eof:
        raise Malformed("no gzip: it ends early")
    return unpacked


def read(body: bytes, form: Form) -> ExportTraceServiceRequest:
    """Raises Malformed."""
    request = ExportTraceServiceRequest()
    try:
        if form == PROTOBUF:
            request.ParseFromString(body)
        else:
            json_format.ParseDict(_with_base64_ids(json.loads(body)), request, ignore_unknown_fields=True)
    except (DecodeError, json_format.ParseError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed(f"no traces: {str(error)[:200]}") from error
    return request


def answer(form: Form, rejected: int, message: str) -> bytes:
    """Success; partial where spans were rejected."""
    response = ExportTraceServiceResponse()
    if rejected:
        response.partial_success.rejected_spans = rejected
        response.partial_success.error_message = message
    if form == PROTOBUF:
        return bytes(response.SerializeToString())
    return json.dumps(json_format.MessageToDict(response)).encode()


def spans(
    request: ExportTraceServiceRequest, *, owned: Owned, now_us: int, oldest_us: int
) -> tuple[list[NewSpan], dict[str, int]]:
    """What is taken, and how many are not, by reason."""
    taken: list[NewSpan] = []
    rejected: dict[str, int] = {}
    for resource_spans in request.resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        name = str(resource.get("service.name", "unknown_service"))
        owner = owned(str(resource.get("service.namespace", "")), name)
        version = text(str(resource.get("service.version", "")), 63)
        for span in (span for scope in resource_spans.scope_spans for span in scope.spans):
            flaw = f"service {name[:127]} is not one that you may write for"
            if owner is not None:
                flaw = _flaw(span, now_us, oldest_us)
            if owner is None or flaw:
                rejected[flaw] = rejected.get(flaw, 0) + 1
            else:
                taken.append(_span(span, owner, version))
    return taken, rejected


def _flaw(span: trace.Span, now_us: int, oldest_us: int) -> str:
    if len(span.trace_id) != 16 or not any(span.trace_id) or len(span.span_id) != 8 or not any(span.span_id):
        return "an id is not valid"
    start_us = span.start_time_unix_nano // 1000
    if not oldest_us <= start_us <= now_us + FUTURE_US:
        return "a start is too old, or in the future"
    return ""


def _span(span: trace.Span, owner: tuple[str, str], version: str) -> NewSpan:
    attributes = _attributes(span.attributes)
    start = span.start_time_unix_nano
    return NewSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() if len(span.parent_span_id) == 8 and any(span.parent_span_id) else "",
        start_us=start // 1000,
        duration_us=min(max(0, span.end_time_unix_nano - start) // 1000, MAX_DURATION_US),
        namespace=owner[0],
        service=owner[1],
        version=version,
        peer=text(str(attributes.get("peer.service", "")), 127),
        name=text(span.name, 200),
        kind=span.kind if 1 <= span.kind <= 5 else 1,
        proxied=False,
        error=span.status.code == trace.Status.STATUS_CODE_ERROR,
        message=text(span.status.message, 500),
        code=_code(attributes),
        route=text(str(attributes.get("http.route", "")), 200),
        attributes=attributes,
        events=[
            Event((event.time_unix_nano - start) // 1000, text(event.name, 200), _attributes(event.attributes))
            for event in span.events[:MAX_EVENTS]
        ],
    )


def _code(attributes: Attributes) -> int | None:
    for name in _CODES:
        code = attributes.get(name)
        if isinstance(code, int) and 100 <= code <= 599:
            return code
    return None


def _attributes(pairs: Iterable[KeyValue]) -> Attributes:
    return bounded((pair.key, _value(pair.value)) for pair in pairs)


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return json.dumps({pair.key: _value(pair.value) for pair in value.kvlist_value.values})
    if kind == "bytes_value":
        return value.bytes_value.hex()
    return getattr(value, kind)


def _with_base64_ids(request: Any) -> Any:
    """OTLP writes ids in hexadecimal, where protobuf's JSON has base64."""
    for resource_spans in request.get("resourceSpans", ()):
        for scope in resource_spans.get("scopeSpans", ()):
            for span in scope.get("spans", ()):
                for each in (span, *span.get("links", ())):
                    for name in _IDS:
                        if name in each:
                            each[name] = base64.b64encode(bytes.fromhex(each[name])).decode()
    return request
