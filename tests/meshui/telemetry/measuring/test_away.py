"""A Prometheus that is down, slow or wrong: series from it are refused in so many words, all else answers as before."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.test import Client
from pytest_django import Settings

from meshui.telemetry.window import Window
from tests.meshui.telemetry.mesh import call, register
from tests.meshui.telemetry.seconds import second
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db

Answer = Callable[[], tuple[int, bytes]]


def result(series: object) -> bytes:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


@pytest.fixture
def answering(settings: Settings) -> Iterator[Callable[[Answer], None]]:
    """Set what the Prometheus of the settings answers to everything."""
    over = threading.Event()
    answers: list[Answer] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[-1]()
            over.wait(30 if not status else 0)
            self.send_response(status or 200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that has hung up is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        settings.MESHUI = replace(settings.MESHUI, prometheus_url=url)
        yield answers.append
        over.set()
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def traffic(frames: Window) -> None:
    register()
    second(frames, time.time() - 1, shop_frontend=[call("shop/catalog", codes={200: 50}, ms=[5] * 50)])


def require_told(code: str) -> Client:
    """What is asked of Prometheus is refused with a code; pages, which do not ask it, have their numbers."""
    client = client_of()
    refused = client.get("/api/v1/metrics/?service=shop/catalog&backend=prometheus")
    assert (refused.status_code, refused.json()["code"]) == (503, code)
    live = get(client, "metrics/?service=shop/catalog&step=1s")
    assert max(rps or 0.0 for rps in live["series"]["rps"]) == 50.0
    assert [edge["id"] for edge in get(client, "graph/")["edges"]] == ["shop/frontend->shop/catalog"]
    assert get(client, "overview/")["headline"] == "The edge is healthy"
    return client


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        b"[]",
        b'{"data": []}',
        result(None),
        result([{"metric": {}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": "up"}, "value": [1, "1"]}]),
        result([{"metric": {"kind": "up"}, "values": [[1, "many"]]}]),
        result([{"metric": {"kind": "up"}, "values": [["then", "1"]]}]),
        result([{"metric": {"kind": "requests-0", "response_code": "fine"}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": "requests-0", "response_code": "99900"}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": "requests-0", "response_code": "650"}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": "bucket-0", "le": "wide"}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": 5}, "values": [[1, "1"]]}]),
        result([{"metric": {"kind": "up"}, "values": [["Infinity", "1"]]}]),
        b"[" * 100_000,
    ],
)
def test_nonsense(answering: Callable[[Answer], None], body: bytes) -> None:
    answering(lambda: (200, body))
    require_told("prometheus_malformed")


@pytest.mark.parametrize("status", [400, 404, 422, 500, 503])
def test_a_refusal(answering: Callable[[Answer], None], status: int) -> None:
    answering(lambda: (status, b'{"status": "error", "error": "too many samples"}'))
    require_told("prometheus_refused")


def test_no_answer_in_time(answering: Callable[[Answer], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("meshui.telemetry.measuring.prometheus.TIMEOUT_S", 0.3)
    answering(lambda: (0, b""))
    require_told("prometheus_timeout")


def test_nobody_there(settings: Settings) -> None:
    settings.MESHUI = replace(settings.MESHUI, prometheus_url="http://127.0.0.1:9")
    require_told("prometheus_down")


def test_it_answers_again_once_prometheus_does(answering: Callable[[Answer], None]) -> None:
    answering(lambda: (200, b"<html>"))
    client = require_told("prometheus_malformed")
    answering(lambda: (200, result([])))
    found = get(client, "metrics/?service=shop/catalog&backend=prometheus")
    assert found["source"] == "prometheus"
    assert set(found["series"]["rps"]) == {None}, "nothing was observed"
