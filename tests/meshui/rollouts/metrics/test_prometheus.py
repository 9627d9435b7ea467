"""Custom metrics: what each answer of a Prometheus means, from one that is made up and from a real one."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from meshui.config import environment
from meshui.mesh.names import ServiceName
from meshui.rollouts.analysis.evidence import AnalysisError
from meshui.rollouts.analysis.observations import NoData, Observation, Unavailable, Value
from meshui.rollouts.metrics import prometheus
from meshui.rollouts.metrics.prometheus import Subject, check_query, measure, render
from tests.support.poll import until
from tests.support.prometheus import needs_prometheus
from tests.support.prometheus import prometheus as prometheus_server

SUBJECT = Subject(ServiceName("shop", "catalog"), "v2", "v1", 60)


@pytest.fixture
def point_to(settings: Settings) -> Callable[[str], None]:
    def point(url: str) -> None:
        settings.MESHUI = replace(settings.MESHUI, prometheus_url=url)

    return point


# --- one that is made up ----------------------------------------------------------------------------------------


@dataclass
class Fake:
    """Answers every request with ``status``, ``headers`` and ``body``; a piece that is an event is waited for."""

    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    pieces: list[bytes | threading.Event] = field(default_factory=list)
    asked: list[dict[str, list[str]]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def answer(self, body: object, status: int = 200) -> None:
        self.status = status
        self.pieces = [body if isinstance(body, bytes) else json.dumps(body).encode()]

    def result(self, result: object) -> None:
        self.answer({"status": "success", "data": {"resultType": "vector", "result": result}})


@pytest.fixture
def fake(point_to: Callable[[str], None]) -> Iterator[Fake]:
    state = Fake()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(parse_qs(urlsplit(self.path).query))
            self.send_response(state.status)
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            for piece in state.pieces:
                if isinstance(piece, threading.Event):
                    piece.wait(30)
                else:
                    self.wfile.write(piece)
                    self.wfile.flush()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A client that has hung up is what some tests are about."""

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        point_to(state.url)
        yield state
        state.over.set()
        server.shutdown()
        thread.join()


def ask(query: str = "up", timeout_s: float = 5) -> Observation:
    return measure(query, SUBJECT, timeout_s=timeout_s)


def sample(value: str) -> list[object]:
    return [{"metric": {"job": "x"}, "value": [1_700_000_000.1, value]}]


@pytest.mark.parametrize(("text", "value"), [("0.25", 0.25), ("1e-05", 1e-05), ("-3", -3.0)])
def test_one_series_is_a_value(fake: Fake, text: str, value: float) -> None:
    fake.result(sample(text))
    assert ask() == Value(value)


def test_a_scalar_is_a_value(fake: Fake) -> None:
    fake.answer({"status": "success", "data": {"resultType": "scalar", "result": [1_700_000_000, "42"]}})
    assert ask() == Value(42)


@pytest.mark.parametrize("result", [[], sample("NaN"), sample("+Inf"), sample("-Inf")])
def test_nothing_and_what_is_no_number_is_no_data(fake: Fake, result: object) -> None:
    fake.result(result)
    assert isinstance(ask(), NoData)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (sample("1") + sample("2"), "query"),
        ([{"metric": {}, "values": [[1, "1"]]}], "query"),
        (sample("many"), "malformed"),
        ([[1, 2, 3]], "malformed"),
        ("none", "malformed"),
        (None, "malformed"),
        ([{"metric": {}, "value": None}], "malformed"),
    ],
)
def test_other_results(fake: Fake, result: object, code: str) -> None:
    fake.result(result)
    found = ask()
    assert isinstance(found, Unavailable) and found.code == code


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"status":"error"}', b"[]", b'{"data":[]}', b"\xff\xfe"])
def test_what_is_no_answer_of_prometheus(fake: Fake, body: bytes) -> None:
    fake.answer(body)
    found = ask()
    assert isinstance(found, Unavailable) and found.code == "malformed"


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_a_refusal_carries_its_reason_and_is_not_asked_again(fake: Fake, status: int) -> None:
    fake.answer({"status": "error", "errorType": "execution", "error": "too many samples"}, status)
    found = ask()
    assert isinstance(found, Unavailable) and found.code == "refused"
    assert str(status) in found.detail and "too many samples" in found.detail
    assert len(fake.asked) == 1


def test_a_redirect_leads_nowhere(fake: Fake) -> None:
    fake.answer(b"", 302)
    fake.headers = {"Location": f"{fake.url}/elsewhere"}
    assert isinstance(ask(), Unavailable)
    assert len(fake.asked) == 1


def test_one_that_says_nothing_is_given_up(fake: Fake) -> None:
    fake.pieces = [fake.over]
    assert ask(timeout_s=0.2) == Unavailable("timeout", "no answer within 0.2 s")


def test_one_that_answers_drop_by_drop_is_given_up_too(fake: Fake) -> None:
    class Drop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            return fake.over.wait(0.1)

    fake.pieces = [piece for _ in range(100) for piece in (b" ", Drop())]
    found = ask(timeout_s=0.4)
    assert isinstance(found, Unavailable) and found.code == "timeout"


def test_one_that_does_not_end_is_cut_off(fake: Fake) -> None:
    fake.pieces = [b" " * 65_536] * 40
    assert ask() == Unavailable("malformed", "not an answer of Prometheus: an answer of more than 1048576 bytes")


def test_one_that_breaks_off(fake: Fake) -> None:
    fake.headers = {"Content-Length": "1000"}
    fake.pieces = [b'{"status"']
    found = ask()
    assert isinstance(found, Unavailable) and found.code in ("down", "malformed")


def test_one_that_is_down(point_to: Callable[[str], None]) -> None:
    point_to("http://127.0.0.1:1")
    found = ask()
    assert isinstance(found, Unavailable)
    assert (found.code, found.detail) == ("down", "[Errno 111] Connection refused")


def test_without_an_address_there_are_no_custom_metrics(point_to: Callable[[str], None]) -> None:
    point_to("")
    found = ask()
    assert isinstance(found, Unavailable) and found.code == "not_configured"


def test_it_is_up_again_at_the_next_look(fake: Fake) -> None:
    fake.answer(b"", 503)
    assert isinstance(ask(), Unavailable)
    fake.result(sample("1"))
    assert ask() == Value(1)


# --- placeholders -----------------------------------------------------------------------------------------------


def test_placeholders_are_filled_in_before_it_is_asked(fake: Fake) -> None:
    fake.result(sample("1"))
    ask('rate(x{service="{{namespace}}/{{ service }}",version=~"{{canary}}|{{stable}}"}[{{window}}])')
    assert fake.asked[0]["query"] == ['rate(x{service="shop/catalog",version=~"v2|v1"}[60s])']
    assert fake.asked[0]["timeout"] == ["5s"]


@pytest.mark.parametrize("query", ["up{{cluster}}", "{{}}", "{{ service.name }}", "", "  ", "x" * 5_000])
def test_a_query_that_cannot_be_asked_is_refused_when_it_is_written(query: str) -> None:
    with pytest.raises(AnalysisError) as caught:
        check_query(query, "metrics.0.promql")
    assert caught.value.path == "metrics.0.promql"


def test_a_stored_query_with_a_strange_placeholder_asks_nobody(fake: Fake) -> None:
    found = ask("{{secret}}")
    assert isinstance(found, Unavailable) and found.code == "query"
    assert fake.asked == []


def test_braces_of_promql_are_left_alone() -> None:
    query = 'sum by (a) (x{a="1", b!~"{2}"}) / {__name__="y"}'
    assert render(query, SUBJECT) == query


@pytest.mark.parametrize("name", ['v2"} or vector(1) #', "v2\\", "V2", "v2\n", "", ".*", "{{stable}}"])
def test_no_name_can_end_a_string_of_promql(name: str) -> None:
    for make in (
        lambda: Subject(ServiceName("shop", "catalog"), name, "v1"),
        lambda: Subject(ServiceName("shop", "catalog"), "v2", name),
        lambda: Subject(ServiceName("shop", name), "v2", "v1"),
        lambda: Subject(ServiceName(name, "catalog"), "v2", "v1"),
    ):
        with pytest.raises(AnalysisError):
            make()


# --- a real one -------------------------------------------------------------------------------------------------


@pytest.fixture
def real(tmp_path: Path, point_to: Callable[[str], None]) -> Iterator[int]:
    """Prometheus with an empty store and nothing to scrape; its process id."""
    with prometheus_server(tmp_path) as (url, pid):
        point_to(url)
        yield pid


@needs_prometheus
def test_a_real_prometheus(real: int) -> None:
    assert ask("vector(0.25)") == Value(0.25)
    assert ask("scalar(vector(3))") == Value(3)
    assert isinstance(ask("vector(0) / vector(0)"), NoData)
    assert isinstance(ask("vector(1) / vector(0)"), NoData)
    assert isinstance(ask('up{service="{{service}}"}'), NoData)
    several = ask('label_replace(vector(1), "a", "1", "", "") or label_replace(vector(2), "a", "2", "", "")')
    assert isinstance(several, Unavailable) and several.code == "query"
    wrong = ask("sum(")
    assert isinstance(wrong, Unavailable) and wrong.code == "refused" and "parse error" in wrong.detail
    matrix = ask("vector(1)[5m:1m]")
    assert isinstance(matrix, Unavailable) and matrix.code == "query"
    os.kill(real, signal.SIGKILL)
    until(lambda: isinstance(ask("vector(1)"), Unavailable), "Prometheus is gone")
    gone = ask("vector(1)")
    assert isinstance(gone, Unavailable) and gone.code == "down"


def test_the_address_is_a_setting() -> None:
    assert settings.MESHUI.prometheus_url == ""
    assert prometheus.measure("up", SUBJECT) == Unavailable("not_configured", "MESHUI_PROMETHEUS_URL is not set")


@pytest.mark.parametrize(
    ("text", "url"),
    [("http://prometheus:9090/", "http://prometheus:9090"), ("https://a/prom", "https://a/prom"), ("", "")],
)
def test_the_setting_is_read(text: str, url: str) -> None:
    assert environment.read({**os.environ, "MESHUI_PROMETHEUS_URL": text}).prometheus_url == url


@pytest.mark.parametrize("text", ["prometheus:9090", "file:///etc/passwd", "http://", "http://a/?x=1", "http://a/#x"])
def test_a_setting_that_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="MESHUI_PROMETHEUS_URL"):
        environment.read({**os.environ, "MESHUI_PROMETHEUS_URL": text})
