"""Which instance gets how much: policies, hashing, localities, slow start."""

from __future__ import annotations

import threading
from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.bench import OK, Bench, answering, status
from tests.conformance.harness import App, Conversation, ask, echo, endpoints


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
