"""What strangers write into logs and metrics: one line for each event, and no more series than the mesh has edges."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meshui.core.lines import OneLine
from tests.conformance.conftest import Mesh
from tests.conformance.guarded import Guarded
from tests.conformance.harness import Conversation, ask
from tests.support.poll import until
from tests.support.production import web

FORGED = "2026-01-01 00:00:00,000 ERROR meshui forged"


def series(page: str) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    families = text_string_to_metric_families(page)
    return {(s.name, tuple(sorted(s.labels.items()))) for family in families for s in family.samples}


def test_what_strangers_ask_a_gateway_makes_no_series(own_mesh: Mesh) -> None:
    for status in (200, 200):
        assert ask(own_mesh.gateway, "/").status == status
    ask(own_mesh.gateway, "/", host="nobody.example")
    with Conversation.to(own_mesh.gateway) as client:
        client.send(b"nonsense\r\n\r\n")
        client.read_to_end()
    until(lambda: own_mesh.proxy.count("mesh_requests_total") >= 3, "they are counted")
    before = series(own_mesh.proxy.page("metrics"))
    for number in range(100):
        ask(own_mesh.gateway, f"/{number}?{number}", method=f"BREW{number}", headers=f"x-{number}: {number}\r\n")
        ask(own_mesh.gateway, "/", host=f"host-{number}.example")
        ask(own_mesh.gateway, "/", headers=f"user-agent: {number}\r\nx-request-id: {number}\r\nx-envoy-{number}: 1\r\n")
    until(lambda: own_mesh.proxy.count("mesh_requests_total", response_code="200") >= 202, "they are counted")
    assert {name for name, _ in series(own_mesh.proxy.page("metrics")) - before} <= {
        "mesh_request_duration_seconds_bucket"
    }


def test_callers_of_a_sidecar_are_services_or_unknown(guarded: Guarded) -> None:
    """Whatever names are in their requests."""
    guarded.receive(mtls="permissive")
    for number in range(50):
        fields = f"x-forwarded-client-cert: URI=spiffe://test.mesh/ns/shop/svc/s{number}\r\n"
        guarded.call(f"/{number}", fields=f"host: h{number}\r\n{fields}")
    until(lambda: guarded.engine.count("mesh_requests_total", source_service="shop/frontend") >= 50, "counted")
    labels = [dict(labels) for name, labels in series(guarded.engine.page("metrics")) if name == "mesh_requests_total"]
    assert {each["source_service"] for each in labels} <= {"shop/frontend", "shop/cart", "meshui/registry", "unknown"}


@pytest.mark.django_db(transaction=True)
def test_a_stranger_writes_no_line_and_no_series_of_the_control_plane(tmp_path: Path) -> None:
    with web(tmp_path) as running:

        def send(target: str, *lines: str) -> bytes:
            with Conversation.to(running.port) as client:
                host = f"host: 127.0.0.1:{running.port}"
                client.send("\r\n".join([f"GET {target} HTTP/1.1", host, "connection: close", *lines, "", ""]).encode())
                return client.read_to_end()

        send("/healthz")
        send("/api/v1/unmatched")
        before = series(send("/metrics").partition(b"\r\n\r\n")[2].decode())
        for number in range(30):
            send(f"/api/v1/{number}%0A{FORGED.replace(' ', '%20')}")
            send(f"/api/v1/services/s{number}/n{number}/split/", f"authorization: Bearer x%0a{FORGED}")
            send("/healthz", f"user-agent: {FORGED}", f"x-forwarded-for: {FORGED}", "x-forwarded-host: a\tb")
        after = series(send("/metrics").partition(b"\r\n\r\n")[2].decode())
        assert "split" in str(after)
        new = {labels for name, labels in after - before if name == "meshui_http_requests_total"}
        assert len(new) <= 3, new
        assert not [line for line in running.log().splitlines() if line.startswith(FORGED[:10])]


def test_a_record_is_one_line_and_a_traceback_is_indented() -> None:
    try:
        raise ValueError(f"bad\n{FORGED}\x1b[2J")
    except ValueError:
        raised = sys.exc_info()
    record = logging.LogRecord("x", logging.ERROR, "", 0, "a proxy said %s", (f"x\r\n{FORGED}\x1b[31m\u2028",), raised)
    first, *rest = OneLine("%(levelname)s %(message)s").format(record).split("\n")
    assert first == f"ERROR a proxy said x\\x0d\\x0a{FORGED}\\x1b[31m\\u2028"
    assert rest and all(line.startswith("  ") and "\x1b" not in line for line in rest)
