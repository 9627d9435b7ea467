"""Instances that are left out for their answers or their checks, and how they come back."""

from __future__ import annotations

import threading

import pytest

from tests.conformance.bench import NO_EJECTION, OK, Bench, Script, answering, dying, failing, garbage, status
from tests.conformance.harness import Conversation, ask
from tests.support.poll import until


def ejected(bench: Bench) -> float:
    return bench.proxy.count("mesh_upstream_endpoints_ejected")


@pytest.mark.parametrize(
    "script", [failing(500), failing(502), dying, garbage], ids=["500", "502", "resets", "garbage"]
)
def test_a_bad_instance_is_left_out_and_comes_back_by_a_probe(bench: Bench, script: Script) -> None:
    well = threading.Event()

    def recovering(client: Conversation) -> None:
        (answering(OK) if well.is_set() else script)(client)

    outlier = {"interval_ms": 100, "eject_ms": 400, "eject_max_ms": 400, "consecutive_5xx": 3}
    bad, _ = bench.serve(recovering, answering(OK), outlier=outlier)
    failed = until_ejected(bench)
    assert 3 <= failed <= 5
    asked = bad.connections
    assert bench.ask(10) == {200: 10}
    assert bad.connections == asked
    well.set()

    def back() -> bool:
        assert ask(bench.port).status == 200
        return not ejected(bench)

    until(back, "the instance is back")
    assert bad.connections > asked


def until_ejected(bench: Bench) -> int:
    """Ask until an instance is out; how many requests failed on the way."""
    failed = 0
    for _ in range(500):
        failed += ask(bench.port).status != 200
        if ejected(bench):
            return failed
    raise AssertionError("nobody was ejected")


def test_a_probe_that_fails_costs_one_request(bench: Bench) -> None:
    heard: list[bytes] = []
    bad = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    outlier = {"interval_ms": 100, "eject_ms": 200, "consecutive_5xx": 2}
    bench.serve(answering(bad, heard), answering(OK), outlier=outlier)
    until_ejected(bench)
    heard.clear()
    failed = 0

    def probed() -> bool:
        nonlocal failed
        failed += ask(bench.port).status != 200
        return len(heard) == 2

    until(probed, "two probes")
    assert failed == 2
    assert ejected(bench) == 1


def test_at_most_the_share_is_out_but_always_one(bench: Bench) -> None:
    bench.serve(*[status(500)] * 4, outlier={"consecutive_5xx": 1, "max_percent": 10})
    bench.ask(40)
    assert ejected(bench) == 1
    bench.serve(*[status(500)] * 4, outlier={"consecutive_5xx": 1, "max_percent": 75}, balancer={"panic_percent": 0})
    bench.ask(40)
    assert ejected(bench) == 3


def test_when_all_are_out_all_are_used_unless_panic_is_off(bench: Bench) -> None:
    outlier = {"consecutive_5xx": 1, "max_percent": 100, "eject_ms": 60_000}
    heard: list[list[bytes]] = [[], []]
    bad = b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n"
    bench.serve(answering(bad, heard[0]), answering(bad, heard[1]), outlier=outlier)
    assert bench.ask(20) == {500: 20}
    assert ejected(bench) == 2
    assert len(heard[0]) > 1
    assert len(heard[1]) > 1
    bench.serve(status(500), status(500), outlier=outlier, balancer={"panic_percent": 0})
    bench.ask(20)
    assert bench.ask(3) == {503: 3}
    assert bench.proxy.count("mesh_requests_total", response_flags="UH") >= 3


# --- health checks


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_an_instance_that_fails_checks_gets_no_requests_until_it_passes(bench: Bench, kind: str) -> None:
    sick = threading.Event()
    asked: list[bytes] = []

    def checked(client: Conversation) -> None:
        while True:
            head = client.read_until(b"\r\n\r\n")
            if b"GET /healthz " in head:
                assert b"meshui-health-check" in head
                client.send(b"HTTP/1.1 %d X\r\ncontent-length: 0\r\n\r\n" % (500 if sick.is_set() else 204))
            else:
                asked.append(head)
                client.send(OK)

    check = {"kind": kind, "path": "/healthz", "interval_ms": 100, "timeout_ms": 300, "healthy": 2, "unhealthy": 2}
    watched, _ = bench.serve(checked, answering(OK), health_check=check, **NO_EJECTION)
    until(lambda: watched.connections > 0, "a check came")
    if kind == "http":
        sick.set()
    else:
        watched.close()
    until(lambda: bench.proxy.count("mesh_upstream_endpoints_unhealthy") == 1, "it is unhealthy")
    asked.clear()
    assert bench.ask(10) == {200: 10}
    assert asked == []
    if kind == "http":
        sick.clear()
        until(lambda: bench.proxy.count("mesh_upstream_endpoints_unhealthy") == 0, "it is healthy")

        def asked_again() -> bool:
            bench.ask(1)
            return bool(asked)

        until(asked_again, "it gets requests")
