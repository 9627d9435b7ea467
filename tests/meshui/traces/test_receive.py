"""``POST /v1/traces``: what apps send, in both forms, and what is refused of it."""

from __future__ import annotations

import gzip
import json
import time
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from pytest_django.live_server_helper import LiveServer

from meshui.catalog.models import Service
from meshui.telemetry import registry
from meshui.traces.api.receive import MAX_BODY
from meshui.traces.models import Span
from meshui.traces.values import MAX_ATTRIBUTES, MAX_TEXT
from tests.meshui.traces.spans import TRACE, request
from tests.support.api import Api, make_token, make_user

PROTOBUF = "application/x-protobuf"
JSON_ID = "a1b2c3d4e5f60708"


@pytest.fixture(autouse=True)
def _fresh_registry() -> None:
    registry.services.clear()


@pytest.fixture
def app(catalog: Service) -> Api:
    """Who may send spans of ``shop``."""
    return Api(make_user("app", ("admin", "shop")))


def send(api: Api, body: bytes, kind: str = PROTOBUF, **headers: str) -> HttpResponse:
    sent = api.headers | {name.replace("_", "-"): value for name, value in headers.items()}
    response: Any = Client().generic("POST", "/v1/traces", body, content_type=kind, headers=sent)
    return response


def rejected(response: HttpResponse) -> int:
    assert response.status_code == 200, response.content
    return int(ExportTraceServiceResponse.FromString(response.content).partial_success.rejected_spans)


def test_the_real_sdk_sends_and_its_spans_are_found(live_server: LiveServer, transactional_db: None) -> None:
    user = make_user("app", superuser=True)
    exporter = OTLPSpanExporter(
        endpoint=f"{live_server.url}/v1/traces", headers={"Authorization": f"Bearer {make_token(user)}"}
    )
    provider = TracerProvider(resource=Resource.create({"service.name": "checkout-job", "service.version": "7"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("test")
    with tracer.start_as_current_span("order", kind=SpanKind.SERVER) as outer:
        with tracer.start_as_current_span("charge", attributes={"amount": 7, "cards": ["a", "b"]}) as inner:
            inner.add_event("asked", {"bank": "north"})
            inner.set_status(Status(StatusCode.ERROR, "declined"))
        outer.set_attribute("http.response.status_code", 402)
    assert provider.force_flush()
    provider.shutdown()

    trace_id = f"{outer.get_span_context().trace_id:032x}"
    shown = Api(user).get(f"traces/{trace_id}/").body
    order, charge = shown["spans"]
    assert (order["name"], order["kind"], order["service"], order["version"]) == (
        "order",
        "server",
        "checkout-job",
        "7",
    )
    assert (charge["depth"], charge["error"], charge["message"]) == (1, True, "declined")
    assert charge["attributes"] == {"amount": 7, "cards": ["a", "b"]}
    assert charge["events"][0]["name"] == "asked"
    found = Api(user).get("traces/?service=checkout-job&code=402").body["results"]
    assert [each["trace_id"] for each in found] == [trace_id]


def test_a_known_service_is_known_by_namespace_and_name(app: Api) -> None:
    assert rejected(send(app, request(service_namespace="shop", service_name="catalog").SerializeToString())) == 0
    assert list(Span.objects.values_list("namespace", "service", "trace_id")) == [("shop", "shop/catalog", TRACE)]


def test_json_and_gzip_are_read(app: Api) -> None:
    span = {
        "traceId": TRACE.upper(),
        "spanId": JSON_ID,
        "name": "work",
        "kind": 3,
        "startTimeUnixNano": str(time.time_ns()),
        "endTimeUnixNano": str(time.time_ns() + 1_000_000),
        "attributes": [{"key": "n", "value": {"intValue": "5"}}],
        "unknownField": 1,
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop/catalog"}}]}
    body = json.dumps({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}).encode()
    response = send(app, gzip.compress(body), "application/json", Content_Encoding="gzip")
    assert (response.status_code, json.loads(response.content)) == (200, {})
    row = Span.objects.get()
    assert (row.trace_id, row.span_id, row.kind, row.attributes) == (TRACE, JSON_ID, 3, {"n": 5})


def test_spans_of_services_that_are_not_ones_own_are_rejected(app: Api) -> None:
    mixed = request(service_name="shop/catalog")
    for name in ("bank/ledger", "made-up"):
        mixed.MergeFrom(request(service_name=name))
    response = send(app, mixed.SerializeToString())
    assert rejected(response) == 2
    assert b"bank/ledger" in response.content
    assert list(Span.objects.values_list("service", flat=True)) == ["shop/catalog"]


@pytest.mark.parametrize(
    "change",
    [
        {"trace_id": b""},
        {"trace_id": bytes(16)},
        {"span_id": bytes(8)},
        {"span_id": b"short"},
        {"start_time_unix_nano": 0},
        {"start_time_unix_nano": (1 << 64) - 1},
    ],
)
def test_a_span_that_cannot_be_is_rejected_alone(app: Api, change: dict[str, Any]) -> None:
    good = request(service_name="shop/catalog")
    bad = good.resource_spans[0].scope_spans[0].spans.add()
    bad.CopyFrom(good.resource_spans[0].scope_spans[0].spans[0])
    bad.span_id = b"8 bytes!"
    for name, value in change.items():
        setattr(bad, name, value)
    assert rejected(send(app, good.SerializeToString())) == 1
    assert Span.objects.count() == 1


def test_what_a_span_holds_is_bounded(app: Api) -> None:
    sent = request(service_name="shop/catalog")
    span = sent.resource_spans[0].scope_spans[0].spans[0]
    for number in range(MAX_ATTRIBUTES + 5):
        span.attributes.add(key=f"key{number}").value.string_value = "x\0" * MAX_TEXT
    span.attributes[0].value.double_value = float("nan")
    span.attributes[1].value.int_value = (1 << 63) - 1
    span.name = "n\0" * 500
    span.end_time_unix_nano = 1
    assert rejected(send(app, sent.SerializeToString())) == 0
    row = Span.objects.get()
    assert (len(row.attributes), row.attributes["key0"], row.duration_us) == (MAX_ATTRIBUTES, "nan", 0)
    assert max(len(str(value)) for value in row.attributes.values()) == MAX_TEXT


@pytest.mark.parametrize(
    ("body", "kind", "headers", "status"),
    [
        (b"\xff\xff", PROTOBUF, {}, 400),
        (b"{", "application/json", {}, 400),
        (b"[]", "application/json", {}, 400),
        (b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": "xyz"}]}]}]}', "application/json", {}, 400),
        (b"[" * 100_000, "application/json", {}, 400),
        (b"no gzip", PROTOBUF, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(bytes(20 << 20)), PROTOBUF, {"Content_Encoding": "gzip"}, 400),
        (gzip.compress(bytes(100))[:-9], PROTOBUF, {"Content_Encoding": "gzip"}, 400),
        (b"x", PROTOBUF, {"Content_Encoding": "br"}, 400),
        (b"", "text/plain", {}, 415),
        (bytes(MAX_BODY + 1), PROTOBUF, {}, 413),
        (b"x", PROTOBUF, {"Authorization": "Bearer mui_wrong"}, 401),
    ],
)
def test_what_is_no_request_is_refused(app: Api, body: bytes, kind: str, headers: dict[str, str], status: int) -> None:
    assert send(app, body, kind, **headers).status_code == status
    assert Span.objects.count() == 0
