"""Requests as people see them: live through a tap, and afterwards in the log, with real proxies in between."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.demo import ROOT, Answer, Demo, fetch
from tests.support.poll import until

SETTINGS = "logs/settings/"


def ask(demo: Demo, path: str, **headers: str) -> Answer:
    """Through the gateway; keyword arguments are headers."""
    return fetch(demo.gateway_port, "GET", path, None, {name.replace("_", "-"): v for name, v in headers.items()})


@contextmanager
def tapped(demo: Demo, *arguments: str) -> Iterator[list[dict[str, Any]]]:
    """The records that ``manage.py tap`` prints, as they come; interrupted at the end, as by Ctrl-C."""
    hidden = ("MESHUI_", "DATABASE_URL", "REDIS_URL")
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "tap", *arguments, "--json", "--for", "2m"],
        cwd=ROOT,
        env={**env, "MESHUI_DATA_DIR": str(demo.data_dir), "MESHUI_PORT": str(demo.port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    records: list[dict[str, Any]] = []

    def read() -> None:
        assert process.stdout
        records.extend(map(json.loads, process.stdout))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        yield records
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        reader.join(5)


def test_an_edge_is_tapped_while_traffic_runs(demo: Demo) -> None:
    mark = secrets.token_hex(8)
    edge = ("shop/frontend", "--from", "platform/gateway", "--header", f"x-mark={mark}")
    with tapped(demo, *edge) as records:

        def seen() -> bool:
            ask(demo, "/?page=2&token=hush", x_mark=mark, authorization="Bearer hush")
            return bool(records)

        until(seen, "a request that the tap asks for", 30, every_s=0.2)
        (tap,) = demo.api("GET", "taps/?active=true").body["results"]
        assert (tap["source"], tap["destination"], tap["header"]) == ("platform/gateway", "shop/frontend", "x-mark")
    record = records[0]
    headers = dict(record["request_headers"])
    assert headers["x-mark"] == mark
    assert headers["authorization"] == "[redacted]"
    assert "hush" not in json.dumps(records)
    assert "page=2" in record["target"]
    assert (record["request"]["source"], record["request"]["destination"]) == ("platform/gateway", "shop/frontend")
    assert (record["request"]["reporter"], record["request"]["code"]) == ("source", 200)
    assert {dict(each["request_headers"])["x-mark"] for each in records} == {mark}, "nobody else's requests"
    assert demo.api("GET", f"taps/{tap['id']}/").body["state"] == "stopped"
    assert [change["action"] for change in demo.api("GET", "changes/?page_size=2").body["results"]] == [
        *("tap.stop", "tap.start"),
    ]


@pytest.fixture
def everything_logged(demo: Demo) -> Iterator[None]:
    before = demo.api("GET", SETTINGS)
    answer = demo.api("PUT", SETTINGS, {"mode": "all"}, If_Match=before.headers["etag"])
    assert answer.status == 200, answer
    demo.applied(answer.body["revision"])
    yield
    sent = {name: before.body[name] for name in ("mode", "percent", "collected")}
    demo.applied(demo.api("PUT", SETTINGS, sent, If_Match="*").body["revision"])


@pytest.mark.usefixtures("everything_logged")
def test_a_request_is_found_in_the_log_by_its_trace(demo: Demo) -> None:
    trace = secrets.token_hex(16)
    answer = ask(demo, "/", traceparent=f"00-{trace}-{secrets.token_hex(8)}-01", user_agent="flow")
    assert answer.status == 200

    def lines() -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = demo.api("GET", f"logs/?trace_id={trace}").body["results"]
        return results

    def both() -> bool:
        return {"source", "destination"} <= {
            line["reporter"] for line in lines() if line["destination"] == "shop/frontend"
        }

    until(both, "the lines of both sides")
    for line in lines():
        assert (line["code"], line["flags"], line["error"]) == (200, [], False)
        if line["destination"] == "shop/frontend":
            assert (line["source"], line["method"], line["path"]) == ("platform/gateway", "GET", "/")
    gateway = next(line for line in lines() if line["reporter"] == "source" and line["source"] == "platform/gateway")
    assert gateway["user_agent"] == "flow"
    assert {line["trace_id"] for line in lines()} == {trace}


def test_what_fails_is_logged_whatever_the_share(demo: Demo) -> None:
    knobs = "demo/shop/payments/v1/"
    demo.api("PUT", knobs, {"error_rate": 1, "latency_ms": 0})
    try:

        def failed() -> bool:
            fetch(demo.gateway_port, "POST", "/checkout")
            found = demo.api("GET", "logs/?error=true&code=5xx&destination=shop/payments").body["results"]
            return {"source", "destination"} <= {line["reporter"] for line in found}

        until(failed, "the failures of both sides", 30, every_s=0.2)
    finally:
        demo.api("PUT", knobs, {"error_rate": 0, "latency_ms": 0})
