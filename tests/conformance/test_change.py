"""Changes under load: weights that move and instances that drain fail nobody."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.conformance.bench import Bench
from tests.conformance.harness import App, Conversation, Proxy, ask, echo, endpoints, free_port, gateway, proxy, service


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
