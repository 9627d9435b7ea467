"""Traces: whose go on, which begin, which spans are kept, and what they tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.bench import EAGER, NO_EJECTION, OK, answering
from tests.conformance.harness import (
    App,
    Proxy,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    inbound,
    outbound,
    proxy,
    service,
)
from tests.support.poll import until

TRACE = "0af7651916cd43dd8448eb211c80319c"
SPAN = "b7ad6b7169203331"
SAMPLED = f"traceparent: 00-{TRACE}-{SPAN}-01\r\n"
UNSAMPLED = f"traceparent: 00-{TRACE}-{SPAN}-00\r\n"


class Traced:
    """A gateway, an outbound and an inbound listener in one proxy, in front of an echo."""

    def __init__(self, folder: Path, **tracing: Any) -> None:
        self.app = App(echo("v1"))
        self.gateway, self.outbound, self.inbound = free_port(), free_port(), free_port()
        self.base = [
            proxy(
                gateway(self.gateway),
                outbound(self.outbound),
                inbound(self.inbound, self.app.port, "shop/frontend"),
            ),
            endpoints({"v1": [self.app.port]}),
            {"kind": "inbound", "name": "shop/frontend", "body": {"mtls": "disable"}},
        ]
        trust = {"kind": "trust", "name": "", "body": {"trust_domain": "mesh.local", "bundle": [], **tracing}}
        self.proxy = Proxy(folder, [*self.base, trust, service({"v1": 1})])

    def headers(self, port: int, sent: str = "") -> dict[str, str]:
        return dict(ask(port, "/a?secret=1", headers=sent).json()["headers"])

    def span(self) -> dict[str, Any]:
        (found,) = self.spans(1)
        return found

    def spans(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []

        def enough() -> bool:
            found.extend(json.loads(self.proxy.page("spans"))["spans"])
            return len(found) >= count

        until(enough, f"{count} spans")
        return found

    def no_spans(self) -> bool:
        return json.loads(self.proxy.page("spans")) == {"spans": [], "dropped": 0}

    def close(self) -> None:
        self.proxy.close()
        self.app.close()


def made(folder: Path, tracing: dict[str, Any] | None) -> Iterator[Traced]:
    mesh = Traced(folder, **({"tracing": tracing} if tracing is not None else {}))
    yield mesh
    mesh.close()


@pytest.fixture
def always(tmp_path: Path) -> Iterator[Traced]:
    yield from made(tmp_path, {"percent": 100})


@pytest.fixture
def never(tmp_path: Path) -> Iterator[Traced]:
    yield from made(tmp_path, {"percent": 0})


@pytest.fixture
def errors(tmp_path: Path) -> Iterator[Traced]:
    yield from made(tmp_path, {"errors": True})


@pytest.fixture
def off(tmp_path: Path) -> Iterator[Traced]:
    yield from made(tmp_path, None)


def parts(headers: dict[str, str]) -> tuple[str, str, str]:
    _, trace_id, span_id, flags = headers["traceparent"].split("-")
    return trace_id, span_id, flags


@pytest.mark.parametrize(
    ("b3", "expected"),
    [
        (f"b3: {TRACE}-{SPAN}-1", f"00-{TRACE}-{SPAN}-01"),
        (f"B3: {TRACE}-{SPAN}-d", f"00-{TRACE}-{SPAN}-01"),
        (f"b3: {TRACE}-{SPAN}-0", f"00-{TRACE}-{SPAN}-00"),
        (f"b3: {TRACE}-{SPAN}-1-05e3ac9a4f6e3b90", f"00-{TRACE}-{SPAN}-01"),
        (f"b3: {TRACE.upper()}-{SPAN.upper()}", f"00-{TRACE}-{SPAN}-00"),
        (f"b3: {TRACE[:16]}-{SPAN}-1", f"00-{'0' * 16}{TRACE[:16]}-{SPAN}-01"),
        (f"X-B3-TraceId: {TRACE}\r\nX-B3-SpanId: {SPAN}\r\nX-B3-Sampled: 1", f"00-{TRACE}-{SPAN}-01"),
        (f"x-b3-traceid: {TRACE}\r\nx-b3-spanid: {SPAN}\r\nx-b3-sampled: true", f"00-{TRACE}-{SPAN}-01"),
        (f"x-b3-traceid: {TRACE}\r\nx-b3-spanid: {SPAN}\r\nx-b3-flags: 1", f"00-{TRACE}-{SPAN}-01"),
        (f"x-b3-traceid: {TRACE}\r\nx-b3-spanid: {SPAN}", f"00-{TRACE}-{SPAN}-00"),
    ],
)
def test_b3_continues_a_trace_and_goes_on(off: Traced, b3: str, expected: str) -> None:
    headers = off.headers(off.gateway, f"{b3}\r\n")
    assert headers["traceparent"] == expected
    for line in b3.split("\r\n"):
        name, _, value = line.partition(": ")
        assert headers[name.lower()] == value


@pytest.mark.parametrize(
    "b3",
    [
        "b3: 0",
        "b3: 1",
        f"b3: {TRACE}-{SPAN}-x",
        f"b3: {'0' * 32}-{SPAN}-1",
        f"b3: {TRACE}-{'0' * 16}-1",
        f"b3: {TRACE}{TRACE}-{SPAN}-1",
        f"x-b3-traceid: {TRACE}\r\nx-b3-sampled: 1",
        "x-b3-sampled: 1",
    ],
)
def test_b3_without_valid_ids_continues_nothing(off: Traced, b3: str) -> None:
    trace_id, _, flags = parts(off.headers(off.gateway, f"{b3}\r\n"))
    assert (len(trace_id), trace_id not in b3, flags) == (32, True, "00")


def test_a_traceparent_wins_over_b3(off: Traced) -> None:
    sent = f"b3: {'1' * 32}-{'2' * 16}-1\r\n{UNSAMPLED}"
    assert off.headers(off.gateway, sent)["traceparent"] == f"00-{TRACE}-{SPAN}-00"


def test_nothing_is_recorded_while_tracing_is_off(off: Traced) -> None:
    assert off.headers(off.gateway, SAMPLED)["traceparent"] == f"00-{TRACE}-{SPAN}-01"
    assert off.no_spans()


def test_a_trace_begins_here_and_its_span_is_the_first(always: Traced) -> None:
    trace_id, span_id, flags = parts(always.headers(always.gateway))
    span = always.span()
    assert flags == "01"
    assert (span["trace_id"], span["span_id"], span["parent_id"]) == (trace_id, span_id, "")
    assert (span["kind"], span["reporter"], span["source"]) == ("server", "source", "shop/frontend")
    assert (span["destination"], span["destination_version"], span["route"]) == ("shop/catalog", "v1", "default")
    assert (span["method"], span["path"], span["code"], span["flags"]) == ("GET", "/a", 200, "")
    assert (span["host"], span["endpoint"]) == ("catalog.shop.mesh", f"127.0.0.1:{always.app.port}")
    assert span["response_bytes"] > 0
    assert span["duration_us"] > 0
    assert span["tries"] == []


@pytest.mark.parametrize(("listener", "kind"), [("gateway", "server"), ("outbound", "client"), ("inbound", "server")])
def test_a_sampled_parent_forces_a_span_between_it_and_the_callee(never: Traced, listener: str, kind: str) -> None:
    sent = f"{SAMPLED}tracestate: a=b\r\n"
    headers = never.headers(getattr(never, listener), sent)
    span = never.span()
    assert parts(headers) == (TRACE, span["span_id"], "01")
    assert headers["tracestate"] == "a=b"
    assert (span["trace_id"], span["parent_id"], span["kind"]) == (TRACE, SPAN, kind)
    assert span["span_id"] != SPAN


def test_a_b3_parent_forces_one_too(never: Traced) -> None:
    headers = never.headers(never.outbound, f"b3: {TRACE}-{SPAN}-1\r\n")
    span = never.span()
    assert parts(headers) == (TRACE, span["span_id"], "01")
    assert span["parent_id"] == SPAN


def test_what_is_not_sampled_goes_on_as_it_came(never: Traced) -> None:
    assert never.headers(never.outbound, UNSAMPLED)["traceparent"] == f"00-{TRACE}-{SPAN}-00"
    assert parts(never.headers(never.outbound))[2] == "00"
    assert never.no_spans()


def test_a_share_of_new_traces_is_kept(tmp_path: Path) -> None:
    for mesh in made(tmp_path, {"percent": 50}):
        flags = [parts(mesh.headers(mesh.outbound))[2] for _ in range(200)]
        # Five standard deviations and more.
        assert 60 < flags.count("01") < 140
        assert len(mesh.spans(flags.count("01"))) == flags.count("01")


def test_requests_that_failed_are_kept_although_not_sampled(errors: Traced) -> None:
    errors.headers(errors.outbound, UNSAMPLED)
    assert errors.no_spans()
    trust = {
        "kind": "trust",
        "name": "",
        "body": {"trust_domain": "mesh.local", "bundle": [], "tracing": {"errors": True}},
    }
    nowhere = endpoints({"v1": [free_port()]})
    errors.proxy.reload([errors.base[0], errors.base[2], nowhere, trust, service({"v1": 1}, revision=4)], revision=4)
    assert ask(errors.outbound, headers=UNSAMPLED).status == 503
    span = errors.span()
    assert (span["trace_id"], span["parent_id"], span["code"], span["flags"]) == (TRACE, SPAN, 503, "UF,URX")


def test_a_refusal_is_told_of_a_sampled_request(never: Traced) -> None:
    assert ask(never.outbound, host="nobody.shop.mesh", headers=SAMPLED).status == 502
    span = never.span()
    assert (span["trace_id"], span["code"], span["flags"], span["destination"]) == (TRACE, 502, "NR", "unknown")


def test_tries_are_told_where_there_were_several(tmp_path: Path) -> None:
    for mesh in made(tmp_path, {"percent": 100}):
        bad, good = App(answering(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")), App(answering(OK))
        route = {"name": "default", "retry": {"attempts": 3, "on": ["5xx"], **EAGER}}
        trust = {
            "kind": "trust",
            "name": "",
            "body": {"trust_domain": "mesh.local", "bundle": [], "tracing": {"percent": 100}},
        }
        places = endpoints({"v1": [bad.port, good.port]})
        resources = [
            mesh.base[0],
            mesh.base[2],
            places,
            trust,
            service({"v1": 1}, routes=[route], revision=9, **NO_EJECTION),
        ]
        mesh.proxy.reload(resources, revision=9)
        for _ in range(20):
            assert ask(mesh.outbound).status == 200
        retried = [span for span in mesh.spans(20) if span["tries"]]
        assert retried
        first, second = retried[0]["tries"]
        assert (first["outcome"], first["endpoint"]) == ("503", f"127.0.0.1:{bad.port}")
        assert (second["outcome"], second["endpoint"]) == ("200", f"127.0.0.1:{good.port}")
        assert len({first["span_id"], second["span_id"], retried[0]["span_id"]}) == 3
        assert first["start_us"] + first["duration_us"] <= second["start_us"] + second["duration_us"]
        for app in (bad, good):
            app.close()


def test_a_change_of_the_settings_acts_at_once(always: Traced) -> None:
    trust = {"kind": "trust", "name": "", "body": {"trust_domain": "mesh.local", "bundle": []}}
    always.proxy.reload([*always.base, trust, service({"v1": 1}, revision=3)], revision=3)
    assert parts(always.headers(always.outbound))[2] == "00"
    assert always.no_spans()


def test_spans_that_are_too_many_are_dropped_and_counted(always: Traced) -> None:
    for _ in range(520):
        ask(always.outbound)
    page = json.loads(always.proxy.page("spans"))
    assert (len(page["spans"]), page["dropped"]) == (500, 20)


def test_what_a_report_holds_of_spans_is_bounded_by_size_too(always: Traced) -> None:
    for _ in range(400):
        ask(always.outbound, "/" + "a" * 300)
    page = json.loads(always.proxy.page("spans"))
    assert page["dropped"] > 0
    assert max(len(span["path"]) for span in page["spans"]) == 256
    assert len(json.dumps(page)) < 1 << 20
