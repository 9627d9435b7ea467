"""Endpoints that fail: what clients notice of it, counted by the clients and by the apps."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.harness import (
    App,
    Conversation,
    Proxy,
    Response,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    proxy,
    service,
)
from tests.support.poll import until

Script = Callable[[Conversation], None]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
EAGER = {"backoff_ms": 1, "backoff_max_ms": 1}
NO_EJECTION: dict[str, Any] = {"outlier": None}


class Bench:
    """A gateway in front of instances that follow scripts, all of version v1."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.apps: list[App] = []
        self._revision = 0
        self.proxy = Proxy(folder, [proxy(gateway(self.port)), service({"v1": 1})])

    def serve(self, *scripts: Script, retry: dict[str, Any] | None = None, **body: Any) -> list[App]:
        """Put instances with these scripts behind the gateway."""
        apps = [App(script) for script in scripts]
        self.apps += apps
        self.place([app.port for app in apps], retry=retry, **body)
        return apps

    def place(self, ports: list[int], *, retry: dict[str, Any] | None = None, places: Any = None, **body: Any) -> None:
        self._revision += 1
        timeouts = body.pop("timeouts", {})
        listeners = body.pop("proxy", {})
        routes = [{"name": "default", "retry": retry or {}, "timeouts": timeouts}]
        resources = [
            proxy(gateway(self.port), drain_ms=1000, **listeners),
            places or endpoints({"v1": ports}),
            service({"v1": 1}, revision=self._revision, routes=routes, **body),
        ]
        self.proxy.reload(resources, revision=self._revision)

    def ask(self, count: int, **request: Any) -> Counter[int]:
        return Counter(ask(self.port, **request).status for _ in range(count))

    def retries(self) -> float:
        return self.proxy.count("mesh_request_retries_total")

    def close(self) -> None:
        self.proxy.close()
        for app in self.apps:
            app.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.close()


@pytest.fixture
def bench(shared: Bench) -> Bench:
    """Shared: each test puts its own instances behind it."""
    return shared


def answering(answer: bytes, heard: list[bytes] | None = None) -> Script:
    """Reads a head (and a body of known length) and gives this answer, again and again."""

    def script(client: Conversation) -> None:
        while True:
            head = client.read_until(b"\r\n\r\n")
            _, found, rest = head.lower().partition(b"content-length:")
            body = client.read(int(rest.split()[0])) if found else b""
            if heard is not None:
                heard.append(head + body)
            client.send(answer)

    return script


def status(code: int) -> Script:
    return answering(b"HTTP/1.1 %d Text\r\ncontent-length: 0\r\n\r\n" % code)


def failing(code: int) -> Script:
    """Fails one request of a connection."""

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        client.send(b"HTTP/1.1 %d Text\r\ncontent-length: 0\r\nconnection: close\r\n\r\n" % code)

    return script


def dying(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.reset()


def garbage(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.send(b"\x00\x01 what is this\r\n\r\n")
    client.read_to_end()


def many_fields(client: Conversation) -> None:
    client.read_until(b"\r\n\r\n")
    client.send(b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: 1\r\n" % n for n in range(101)) + b"\r\n")
    client.read_to_end()


def hanging(client: Conversation) -> None:
    client.read_to_end()


# --- retries


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


# --- ejection


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


# --- balancing


@pytest.mark.parametrize("policy", ["least_request", "peak_ewma", "round_robin", "random"])
def test_every_policy_shares_by_weight(bench: Bench, policy: str) -> None:
    light, heavy = App(echo("light")), App(echo("heavy"))
    bench.apps += [light, heavy]
    places = endpoints({"v1": [light.port, heavy.port]})
    places["body"]["endpoints"][1]["weight"] = 300
    bench.place([], places=places, balancer={"policy": policy})
    taken: Counter[str] = Counter()
    with Conversation.to(bench.port) as client:
        for _ in range(400):
            client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
            taken[client.read_response().json()["app"]] += 1
    if policy == "peak_ewma":  # the faster one is better at any weight
        assert set(taken) == {"light", "heavy"}
    else:
        assert 240 <= taken["heavy"] <= 350


def test_equal_keys_meet_one_instance_and_come_back_to_others_when_it_goes(bench: Bench) -> None:
    apps = [App(echo(str(number))) for number in range(4)]
    bench.apps += apps
    ports = [app.port for app in apps]
    balancer = {"policy": "maglev", "hash": {"kind": "header", "name": "x-user"}}

    def met() -> dict[int, str]:
        return {user: ask(bench.port, headers=f"x-user: {user}\r\n").json()["app"] for user in range(30)}

    bench.place(ports, balancer=balancer)
    first = met()
    assert met() == first
    assert len(set(first.values())) == 4
    bench.place(ports[1:], balancer=balancer)
    second = met()
    assert "0" not in second.values()
    stayed = [user for user, app in first.items() if app != "0"]
    assert sum(first[user] == second[user] for user in stayed) >= 0.7 * len(stayed)
    assert bench.ask(5) == {200: 5}  # without a key


def test_a_slow_instance_gets_less_by_latency(bench: Bench) -> None:
    quick = threading.Event()

    def slow(client: Conversation) -> None:
        while True:
            client.read_until(b"\r\n\r\n")
            quick.wait(0.05)
            client.send(OK)

    heard: list[bytes] = []
    bench.serve(slow, answering(OK, heard), balancer={"policy": "peak_ewma"})
    assert bench.ask(60) == {200: 60}
    assert len(heard) > 35  # it is left only where both draws fall on the slow one: a quarter


def test_traffic_stays_near_and_fails_over_when_answers_are_bad(bench: Bench) -> None:
    heard: list[bytes] = []
    near, far = App(status(500)), App(answering(OK, heard))
    bench.apps += [near, far]
    places = endpoints({"v1": [near.port, far.port]})
    places["body"]["endpoints"][0]["locality"] = "eu/a"
    places["body"]["endpoints"][1]["locality"] = "us/a"
    outlier = {"consecutive_5xx": 5, "eject_ms": 60_000}
    bench.place([], places=places, outlier=outlier, proxy={"locality": "eu/a"})
    assert bench.ask(5) == {500: 5}
    assert heard == []
    assert bench.ask(10) == {200: 10}
    bench.place([], places=places, outlier=None, balancer={"locality_failover": False}, proxy={"locality": "eu/a"})
    assert set(bench.ask(30)) == {200, 500}


def test_a_new_instance_warms_up(tmp_path: Path) -> None:
    bench = Bench(tmp_path)  # what its proxy knows from its start is not new
    old, new = App(echo("old")), App(echo("new"))
    bench.apps += [old, new]
    try:
        warming = {"policy": "random", "slow_start_ms": 600_000}
        bench.place([old.port], balancer=warming)
        bench.place([old.port, new.port], balancer=warming)
        taken = Counter(ask(bench.port).json()["app"] for _ in range(200))
        assert 1 <= taken["new"] < 50  # a tenth of its weight: one in eleven
    finally:
        bench.close()


# --- load and change


def test_a_hundred_weight_changes_under_load_fail_nothing_and_split_as_told(bench: Bench, tmp_path: Path) -> None:
    apps = {"v1": App(echo("v1")), "v2": App(echo("v2"))}
    port = free_port()
    places = endpoints({version: [app.port] for version, app in apps.items()})

    def resources(weight: int, revision: int) -> list[dict[str, Any]]:
        return [proxy(gateway(port)), service({"v1": 100 - weight, "v2": weight}, revision=revision), places]

    engine = Proxy(tmp_path, resources(50, 0))
    done = threading.Event()
    failures: list[object] = []

    def load() -> None:
        with Conversation.to(port) as client:
            while not done.is_set():
                client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
                try:
                    response = client.read_response()
                except OSError as error:
                    failures.append(error)
                    return
                if response.status != 200:
                    failures.append(response.status)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        for revision in range(1, 101):
            engine.reload(resources(revision % 100, revision), revision=revision)
        engine.reload(resources(30, 101), revision=101)
        asked = 1500
        seen = Counter(ask_on(port, asked))
    finally:
        done.set()
        for thread in threads:
            thread.join()
        engine.close()
        for app in apps.values():
            app.close()
    assert failures == []
    # Five standard deviations of the binomial: wrong once in two million.
    assert abs(seen["v2"] - 0.3 * asked) < 5 * (asked * 0.3 * 0.7) ** 0.5


def ask_on(port: int, count: int) -> Iterator[str]:
    with Conversation.to(port) as client:
        for _ in range(count):
            client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
            yield client.read_response().json()["app"]


def test_an_instance_that_drains_fails_nobody(bench: Bench) -> None:
    leaving, staying = App(echo("leaving")), App(echo("staying"))
    bench.apps += [leaving, staying]
    bench.place([leaving.port, staying.port])
    done = threading.Event()
    statuses: Counter[int] = Counter()

    def load() -> None:
        with suppress(OSError), Conversation.to(bench.port) as client:
            while not done.is_set():
                client.send(b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n")
                statuses[client.read_response().status] += 1
            statuses[0] += 1  # went through to the end

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    places = endpoints({"v1": [leaving.port, staying.port]})
    places["body"]["endpoints"][0]["draining"] = True
    bench.place([], places=places)
    assert Counter(ask(bench.port).json()["app"] for _ in range(20)) == {"staying": 20}
    leaving.close()
    bench.place([staying.port])
    bench.ask(20)
    done.set()
    for thread in threads:
        thread.join()
    assert set(statuses) == {200, 0}
    assert statuses[0] == 4
