"""One proxy of several processes: as one to everybody outside, and each worker for itself when it dies."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.conformance.harness import (
    HOST,
    App,
    Conversation,
    Proxy,
    ask,
    echo,
    endpoints,
    free_port,
    gateway,
    proxy,
    service,
)
from tests.support.poll import until

pytestmark = pytest.mark.flow

WORKERS = 4
GET = f"GET / HTTP/1.1\r\nhost: {HOST}\r\n\r\n".encode()


class Mesh:
    """A gateway of four workers in front of ``shop/catalog``, v1 and v2."""

    def __init__(self, folder: Path) -> None:
        self.v1, self.v2 = App(echo("v1")), App(echo("v2"))
        self.gateway = free_port()
        self.revision = 0
        self.proxy = Proxy(folder, self.resources(), workers=WORKERS)

    def resources(self, split: dict[str, int] | None = None, **body: Any) -> list[dict[str, Any]]:
        return [
            proxy(gateway(self.gateway), drain_ms=5000),
            service(split or {"v1": 1, "v2": 0}, revision=self.revision, **body),
            endpoints({"v1": [self.v1.port], "v2": [self.v2.port]}),
        ]

    def change(self, split: dict[str, int] | None = None, **body: Any) -> None:
        self.revision += 1
        self.proxy.reload(self.resources(split, **body), revision=self.revision)

    def workers(self) -> dict[int, int]:
        """The workers' process ids, and how many connections of the gateway's port each has."""
        found: dict[int, int] = {}
        for child in psutil.Process(self.proxy.process.pid).children():
            with suppress(psutil.NoSuchProcess):
                links = child.net_connections("tcp")
                here = [link for link in links if link.laddr.port == self.gateway]
                found[child.pid] = sum(link.status == psutil.CONN_ESTABLISHED for link in here)
        return found

    def close(self) -> None:
        self.proxy.close()
        self.v1.close()
        self.v2.close()


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    made = Mesh(tmp_path)
    yield made
    made.close()


def connections(mesh: Mesh, count: int) -> list[Conversation]:
    """Open ones, each with a response behind it."""
    found = [Conversation.to(mesh.gateway) for _ in range(count)]
    for each in found:
        each.send(GET)
        assert each.read_response().status == 200
    return found


def test_all_of_them_get_connections_and_count_as_one(mesh: Mesh) -> None:
    held = connections(mesh, 80)
    counts = mesh.workers()
    assert len(counts) == WORKERS
    assert all(counts.values()), counts
    assert sum(counts.values()) == 80
    assert mesh.proxy.count("mesh_requests_total", response_code="200") == 80
    assert mesh.proxy.count("mesh_request_duration_seconds_count") == 80
    assert mesh.proxy.count("mesh_request_duration_seconds_sum") > 0
    assert mesh.proxy.count("mesh_proxy_connections") == 80
    assert mesh.proxy.count("mesh_workers") == WORKERS
    config = mesh.proxy.config()
    assert config["listeners"] == [{"kind": "gateway", "address": "127.0.0.1", "port": mesh.gateway}]
    for each in held:
        each.socket.close()


def test_a_change_holds_on_all_of_them_once_it_is_told(mesh: Mesh) -> None:
    held = connections(mesh, 40)
    mesh.change({"v1": 0, "v2": 1})
    for each in held:
        each.send(GET)
        assert each.read_response().json()["app"] == "v2"
    assert {ask(mesh.gateway).json()["app"] for _ in range(40)} == {"v2"}


def test_what_they_refuse_leaves_all_as_it_was(mesh: Mesh) -> None:
    _, *others = mesh.resources({"v1": 0, "v2": 1})
    taken = proxy(gateway(mesh.gateway), gateway(mesh.v1.port), drain_ms=5000)
    mesh.proxy.reload([taken, *others])
    assert mesh.proxy.process.stderr is not None
    os.set_blocking(mesh.proxy.process.stderr.fileno(), False)
    until(lambda: b"Address already in use" in (mesh.proxy.process.stderr.read() or b""), "it is refused")
    assert {ask(mesh.gateway).json()["app"] for _ in range(40)} == {"v1"}


def test_one_that_is_killed_loses_its_connections_alone_and_comes_back(mesh: Mesh) -> None:
    mesh.change({"v1": 0, "v2": 1})
    held = connections(mesh, 60)
    before = mesh.workers()
    total = mesh.proxy.count("mesh_requests_total")
    victim = max(before, key=lambda pid: before[pid])
    os.kill(victim, signal.SIGKILL)
    until(lambda: victim not in mesh.workers(), "it is gone")
    outcomes: Counter[str] = Counter()
    for each in held:
        try:
            each.send(GET)
            outcomes[each.read_response().json()["app"]] += 1
        except OSError:
            outcomes["lost"] += 1
    assert outcomes == {"v2": 60 - before[victim], "lost": before[victim]}
    until(lambda: mesh.proxy.count("mesh_workers") == WORKERS, "another took its place")
    assert mesh.proxy.count("mesh_worker_restarts_total") == 1
    assert mesh.proxy.count("mesh_requests_total") >= total, "what it had counted stays"
    fresh = connections(mesh, 60)
    for each in fresh:
        each.send(GET)
        assert each.read_response().json()["app"] == "v2", "the new one has what the others have"
    assert all(mesh.workers().values())


def test_one_that_hangs_is_killed_and_replaced(mesh: Mesh) -> None:
    victim = next(iter(mesh.workers()))
    os.kill(victim, signal.SIGSTOP)
    until(lambda: victim not in mesh.workers(), "it was killed", timeout_s=40)
    until(lambda: mesh.proxy.count("mesh_workers") == WORKERS, "another took its place")
    assert ask(mesh.gateway).status == 200


def test_sigterm_drains_all_of_them_without_a_failed_request(mesh: Mesh) -> None:
    mesh.v1.script = slow
    failed: list[str] = []
    done: list[int] = []

    def client() -> None:
        while True:
            try:
                connection = socket.create_connection(("127.0.0.1", mesh.gateway), timeout=10)
            except OSError:
                return  # it accepts no more
            with Conversation(connection) as conversation:
                try:
                    conversation.send(GET)
                    done.append(conversation.read_response().status)
                except OSError as error:
                    failed.append(repr(error))

    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    until(lambda: len(done) >= 100, "they are at it")
    mesh.proxy.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(20)
    assert mesh.proxy.process.wait(20) == 0
    assert failed == []
    assert set(done) == {200}


def test_without_their_parent_they_finish_and_end(mesh: Mesh) -> None:
    mesh.v1.script = slow
    workers = list(mesh.workers())
    with Conversation.to(mesh.gateway) as conversation:
        conversation.send(GET)
        until(lambda: mesh.v1.connections, "the request is under way")
        mesh.proxy.process.kill()
        assert conversation.read_response().status == 200
    until(lambda: not any(psutil.pid_exists(pid) for pid in workers), "no worker is left")


def test_local_limits_hold_for_all_of_them_together(mesh: Mesh) -> None:
    limit = {"name": "l", "requests": 40, "per_ms": 3_600_000}
    mesh.change(routes=[{"name": "default", "limits": [limit]}])
    statuses = Counter(ask(mesh.gateway).status for _ in range(200))
    assert 0 < statuses[200] <= 40
    assert statuses[200] + statuses[429] == 200
    assert mesh.proxy.count("mesh_limit_requests_total", outcome="limited") == statuses[429]


def slow(client: Conversation) -> None:
    while True:
        client.read_until(b"\r\n\r\n")
        time.sleep(0.05)  # the answer takes its time: requests are under way when the signal comes
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
