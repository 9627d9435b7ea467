"""Tries after a failed one, and what is refused at once: what clients notice, counted by clients and apps."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.conformance.bench import (
    EAGER,
    NO_EJECTION,
    OK,
    Bench,
    Script,
    answering,
    dying,
    garbage,
    hanging,
    many_fields,
    status,
)
from tests.conformance.harness import Conversation, Response, ask, echo, free_port
from tests.support.poll import until


def test_an_instance_that_is_gone_fails_nobody(bench: Bench) -> None:
    gone = free_port()
    (app,) = bench.serve(answering(OK))
    bench.place([gone, app.port], retry=EAGER, **NO_EJECTION)
    before = bench.retries()
    for method, body in (("GET", b""), ("POST", b"x" * 1000), ("PATCH", b"y")):
        assert bench.ask(10, method=method, body=body) == {200: 10}
    assert bench.retries() - before > 0


@pytest.mark.parametrize("script", [dying, garbage, many_fields], ids=["resets", "garbage", "101 fields"])
def test_a_lost_response_is_tried_again_where_that_does_no_harm(bench: Bench, script: Script) -> None:
    heard: list[bytes] = []
    bad, _ = bench.serve(script, answering(OK, heard), retry={"on": ["reset"], **EAGER}, **NO_EJECTION)
    assert bench.ask(20) == {200: 20}
    assert bad.connections > 0
    assert len(heard) == 20
    posts = bench.ask(20, method="POST", body=b"once")
    # Half of them met the bad instance and may not be asked twice.
    assert set(posts) == {200, 502 if script is not dying else 503}
    assert len(heard) == 20 + posts[200]


def test_without_a_condition_no_response_is_asked_for_twice(bench: Bench) -> None:
    heard: list[bytes] = []
    bench.serve(answering(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", heard), **NO_EJECTION)
    before = bench.retries()
    assert bench.ask(3) == {503: 3}
    assert bench.retries() == before
    assert len(heard) == 3


@pytest.mark.parametrize(
    ("retry", "method", "asked"),
    [
        ({"on": ["gateway-error"]}, "GET", 2),
        ({"on": ["gateway-error"], "attempts": 3}, "PUT", 4),
        ({"on": ["gateway-error"], "attempts": 0}, "GET", 1),
        ({"on": ["gateway-error"]}, "POST", 1),
        ({"on": ["gateway-error"], "unsafe": True}, "POST", 2),
        ({"on": [], "codes": [503]}, "DELETE", 2),
        ({"on": [], "codes": [429]}, "GET", 1),
        ({"on": ["5xx"]}, "GET", 2),
    ],
)
def test_responses_are_tried_again_as_the_route_says(
    bench: Bench, retry: dict[str, Any], method: str, asked: int
) -> None:
    heard: list[bytes] = []
    answer = b"HTTP/1.1 503 No\r\ncontent-length: 4\r\n\r\nlast"
    bench.serve(answering(answer, heard), retry={**EAGER, **retry}, **NO_EJECTION)
    body = b"body" if method in ("PUT", "POST") else b""
    response = ask(bench.port, method=method, body=body)
    assert (response.status, response.body) == (503, b"last")
    assert len(heard) == asked
    assert all(request.endswith(body) for request in heard)


def test_a_limit_of_tries_is_flagged(bench: Bench) -> None:
    bench.serve(status(502), retry={"on": ["gateway-error"], **EAGER}, **NO_EJECTION)
    before = bench.proxy.count("mesh_requests_total", response_code="502", response_flags="URX")
    assert bench.ask(2) == {502: 2}
    assert bench.proxy.count("mesh_requests_total", response_code="502", response_flags="URX") == before + 2


def test_each_try_asks_another_instance(bench: Bench) -> None:
    heard: list[list[bytes]] = [[], [], [], []]
    bad = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
    scripts = [answering(bad, heard[0]), answering(bad, heard[1]), answering(bad, heard[2]), answering(OK, heard[3])]
    bench.serve(*scripts, retry={"on": ["5xx"], "attempts": 3, **EAGER}, **NO_EJECTION)
    assert bench.ask(10) == {200: 10}
    assert all(len(asked) <= 10 for asked in heard[:3])
    assert len(heard[3]) == 10


def test_a_long_body_is_not_sent_twice(bench: Bench) -> None:
    heard: list[bytes] = []
    bad = b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n"
    bench.serve(answering(bad, heard), retry={"on": ["5xx"], **EAGER}, **NO_EJECTION)
    assert ask(bench.port, method="PUT", body=b"x" * 60_000).status == 503
    assert [len(request.partition(b"\r\n\r\n")[2]) for request in heard] == [60_000] * 2
    heard.clear()
    assert ask(bench.port, method="PUT", body=b"x" * 100_000).status == 503
    assert len(heard) == 1


def test_a_body_that_still_comes_is_sent_whole_to_the_next_instance(bench: Bench) -> None:
    def refusing(client: Conversation) -> None:
        client.read_until(b"half")
        client.send(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")

    retry = {"on": ["5xx"], **EAGER}
    heard: list[bytes] = []
    bad, good = bench.serve(
        refusing, echo("good", heard), retry=retry, balancer={"policy": "round_robin"}, **NO_EJECTION
    )
    for _ in range(4):
        before = bad.connections + len(heard)
        with Conversation.to(bench.port) as client:
            client.send(b"PUT / HTTP/1.1\r\nhost: catalog.shop.mesh\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            until(lambda: bad.connections + len(heard) > before, "an instance has the first half")  # noqa: B023
            client.send(b"5\r\nwhole\r\n0\r\n\r\n")
            assert client.read_response().json()["body"] == "halfwhole"
    assert bad.connections >= 2
    assert good.connections >= 1


def test_a_slow_try_is_given_up_for_another(bench: Bench) -> None:
    retry = {"on": [], "per_try_timeout_ms": 150, "attempts": 2, **EAGER}
    hung, _ = bench.serve(hanging, answering(OK), retry=retry, **NO_EJECTION)
    assert bench.ask(6) == {200: 6}
    assert hung.connections > 0
    bench.serve(hanging, retry=retry, timeouts={"request_ms": 600}, **NO_EJECTION)
    assert bench.ask(1) == {504: 1}
    (hung,) = bench.serve(hanging, retry=retry, **NO_EJECTION)
    assert bench.ask(1, method="POST", body=b"x") == {504: 1}
    assert hung.connections == 1


def test_a_retry_storm_is_held_by_the_budget(bench: Bench) -> None:
    heard: list[bytes] = []
    never = threading.Event()

    def failing_slowly(client: Conversation) -> None:
        while True:
            heard.append(client.read_until(b"\r\n\r\n"))
            never.wait(0.1)  # a service in trouble is slow: what is asked of it piles up
            client.send(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")

    bench.serve(*[failing_slowly] * 3, retry={"on": ["5xx"], "attempts": 5, **EAGER}, **NO_EJECTION)
    total = 500
    todo = iter(range(total))
    seen: Counter[int] = Counter()

    def load() -> None:
        with Conversation.to(bench.port) as client:
            for _ in todo:
                client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
                seen[client.read_response().status] += 1

    run_all(load, 40)
    assert seen == {503: total}
    assert 1.05 < len(heard) / total <= 1.2


def run_all(work: Callable[[], None], count: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- circuit breakers


@pytest.mark.parametrize(
    ("breaker", "limit"),
    [({"requests": 2}, "requests"), ({"connections": 2}, "connections")],
)
def test_what_is_too_much_is_refused_at_once(bench: Bench, breaker: dict[str, int], limit: str) -> None:
    go = threading.Event()
    asked = threading.Semaphore(0)

    def slow(client: Conversation) -> None:
        while True:
            client.read_until(b"\r\n\r\n")
            asked.release()
            assert go.wait(15)
            client.send(OK)

    bench.serve(slow, breaker=breaker, **NO_EJECTION)
    before = bench.proxy.count("mesh_breaker_overflows_total", limit=limit)
    flagged = bench.proxy.count("mesh_requests_total", response_code="503", response_flags="UO")
    results: list[Response] = []
    held = [threading.Thread(target=lambda: results.append(ask(bench.port))) for _ in range(2)]
    for thread in held:
        thread.start()
    for _ in held:
        assert asked.acquire(timeout=10)
    assert bench.ask(5) == {503: 5}
    assert bench.proxy.count("mesh_breaker_overflows_total", limit=limit) == before + 5
    assert bench.proxy.count("mesh_requests_total", response_code="503", response_flags="UO") == flagged + 5
    go.set()
    for thread in held:
        thread.join()
    assert [response.status for response in results] == [200, 200]
    assert bench.ask(3) == {200: 3}


def test_an_idle_connection_makes_room_for_a_wanted_one(bench: Bench) -> None:
    first, second = bench.serve(
        answering(OK), answering(OK), breaker={"connections": 1}, balancer={"policy": "round_robin"}, **NO_EJECTION
    )
    with Conversation.to(bench.port) as client:
        for _ in range(6):
            client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
            assert client.read_response().status == 200
    assert first.connections == second.connections == 3


def test_without_a_pending_place_nobody_waits_for_a_connection(bench: Bench) -> None:
    bench.serve(answering(OK), breaker={"pending": 0}, **NO_EJECTION)
    assert bench.ask(2) == {503: 2}
