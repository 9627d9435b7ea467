"""A proxy's life: changes under load, reloads that are refused, draining, the command line, the admin pages."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.conftest import Mesh, Scripted
from tests.conformance.harness import (
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

GET = b"GET / HTTP/1.1\r\nhost: catalog.shop.mesh\r\n\r\n"
SWAPS = 100


def test_a_hundred_changes_under_load_fail_no_request(own_mesh: Mesh) -> None:
    extra = App(echo("v1"))
    done = threading.Event()
    failures: list[object] = []
    seen: Counter[str] = Counter()

    def load(keep: bool) -> None:
        client = Conversation.to(own_mesh.gateway)
        while not done.is_set():
            try:
                client.send(GET)
                response = client.read_response()
                seen[response.json()["app"] if response.status == 200 else str(response.status)] += 1
            except (OSError, ValueError) as error:
                failures.append(error)
                return
            if not keep:
                client.socket.close()
                client = Conversation.to(own_mesh.gateway)

    clients = [threading.Thread(target=load, args=(number % 2 == 0,)) for number in range(6)]
    for client in clients:
        client.start()
    try:
        for revision in range(1, SWAPS + 1):
            resources = own_mesh.resources({"v1": revision % 3, "v2": 1 + revision % 2}, revision=revision)
            v1 = [own_mesh.v1.port, extra.port] if revision % 2 else [own_mesh.v1.port]
            resources[2] = endpoints({"v1": v1, "v2": [own_mesh.v2.port]})
            own_mesh.proxy.reload(resources, revision=revision)
    finally:
        done.set()
        for client in clients:
            client.join()
        extra.close()
    assert failures == []
    assert set(seen) == {"v1", "v2"}
    assert sum(seen.values()) > SWAPS


@pytest.mark.parametrize("how", ["removed", "draining", "unhealthy"])
def test_a_request_on_an_endpoint_that_leaves_finishes(own_mesh: Mesh, how: str) -> None:
    asked, go, closed = threading.Event(), threading.Event(), threading.Event()

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        asked.set()
        assert go.wait(15)
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        client.read_to_end()
        closed.set()

    leaving = App(script)
    resources = own_mesh.resources(revision=1)
    resources[2] = endpoints({"v1": [leaving.port]})
    own_mesh.proxy.reload(resources, revision=1)
    try:
        with Conversation.to(own_mesh.gateway) as client:
            client.send(GET)
            assert asked.wait(10)
            resources = own_mesh.resources(revision=2)
            places: Any = endpoints({"v1": [own_mesh.v1.port] + [leaving.port] * (how != "removed")})
            if how != "removed":
                places["body"]["endpoints"][1] |= {"draining": how == "draining", "healthy": how != "unhealthy"}
            resources[2] = places
            own_mesh.proxy.reload(resources, revision=2)
            assert ask(own_mesh.gateway).json()["app"] == "v1"
            go.set()
            assert client.read_response().body == b"ok"
            client.send(GET)
            assert client.read_response().json()["app"] == "v1"
        assert closed.wait(10)
        assert leaving.connections == 1
    finally:
        leaving.close()


def test_a_gateways_routes_change_for_open_connections_too(own_mesh: Mesh) -> None:
    with Conversation.to(own_mesh.gateway) as client:
        client.send(GET)
        assert client.read_response().json()["app"] == "v1"
        own_mesh.proxy.reload(own_mesh.resources({"v1": 0, "v2": 1}, revision=3), revision=3)
        client.send(GET)
        assert client.read_response().json()["app"] == "v2"


def test_a_reload_that_is_refused_changes_nothing(own_mesh: Mesh) -> None:
    bad = own_mesh.resources({"v1": 0, "v2": 1})
    bad[1]["body"]["routes"][0]["split"] = [{"version": "v9", "weight": 1}]  # type: ignore[index]
    own_mesh.proxy.reload(bad)
    assert own_mesh.proxy.process.stderr is not None
    line = own_mesh.proxy.process.stderr.readline().decode()
    assert "resources[1].body.routes[0].split[0].version" in line
    assert ask(own_mesh.gateway).json()["app"] == "v1"


def test_drain_finishes_what_runs_and_takes_no_more(tmp_path: Path) -> None:
    scripted = Scripted(tmp_path)
    go = threading.Event()

    def script(client: Conversation) -> None:
        client.read_until(b"\r\n\r\n")
        assert go.wait(15)
        client.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
        client.read_to_end()

    app = scripted.play(script)
    try:
        with Conversation.to(scripted.port) as client, Conversation.to(scripted.port) as idle:
            client.send(GET)
            until(lambda: app.connections, "the request is at the app")
            scripted.proxy.process.send_signal(signal.SIGTERM)
            assert idle.read_to_end() == b""
            until(lambda: refused(scripted.port), "no more connections")
            go.set()
            response = client.read_response()
            assert (response.status, response.headers["connection"]) == (200, "close")
            assert client.read_to_end() == b""
        assert scripted.proxy.process.wait(10) == 0
    finally:
        scripted.close()


def refused(port: int) -> bool:
    try:
        Conversation.to(port).socket.close()
    except ConnectionRefusedError:
        return True
    return False


def test_drain_ends_within_its_time(tmp_path: Path) -> None:
    app = App(lambda client: client.read_to_end() and None)
    port = free_port()
    resources = [proxy(gateway(port), drain_ms=200), service({"v1": 1}), endpoints({"v1": [app.port]})]
    engine = Proxy(tmp_path, resources)
    try:
        with Conversation.to(port) as client:
            client.send(GET)
            until(lambda: app.connections, "the request is at the app")
            engine.process.send_signal(signal.SIGTERM)
            assert engine.process.wait(10) == 0
            assert client.read_to_end() == b""
    finally:
        engine.close()
        app.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "proxies", *arguments], capture_output=True, text=True, timeout=20)


def change(path: str, value: object) -> Any:
    """A good set of resources with one field changed."""
    resources: Any = [
        proxy(gateway(8080)),
        service({"v1": 1}, routes=[{"name": "a", "match": {"path": {"kind": "exact", "value": "/a"}}}]),
        endpoints({"v1": [9000]}),
    ]
    *way, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place = resources
    for step in way:
        place = place[step]
    place[last] = value
    return {"resources": resources}


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("1.body.split.0.weight", -1, "$.resources[1].body.split[0].weight"),
        ("1.body.split.0.weight", 0, "resources[1].body.split"),
        ("1.body.split.0.version", "v9", "resources[1].body.split[0].version"),
        ("1.body.routes.0.match.path.value", "", "$.resources[1].body.routes[0].match.path.value"),
        ("1.body.routes.0.match.path.value", "a", "resources[1].body.routes[0].match.path.value"),
        ("1.body.routes.0.match.path", {"kind": "regex", "value": "("}, "resources[1].body.routes[0].match.path.value"),
        (
            "1.body.routes.0.match",
            {"cookies": [{"name": "c", "kind": "exact"}]},
            "resources[1].body.routes[0].match.cookies[0].value",
        ),
        ("1.body.routes.0.match.path.value", "/a%2fb", "resources[1].body.routes[0].match.path.value"),
        ("0.body.listeners.0.port", 0, "$.resources[0].body.listeners[0].port"),
        ("0.body.listeners.0.hosts.0.service", "shop/none", "resources[0].body.listeners[0].hosts[0].service"),
        ("2.body.endpoints.0.version", "v9", "resources[2].body.endpoints[0].version"),
        ("2.body.endpoints.0.tls", True, "resources[2].body.endpoints[0].tls"),
        ("0.kind", "unicorn", "$.resources[0]"),
    ],
)
def test_check_names_the_field(tmp_path: Path, path: str, value: object, named: str) -> None:
    file = tmp_path / "resources.json"
    file.write_text(json.dumps(change(path, value)))
    result = run("check", str(file))
    assert result.returncode == 1
    assert named in result.stderr
    assert run("run", "--resources", str(file)).returncode == 1


def test_check_takes_what_is_good_and_schema_is_json(tmp_path: Path) -> None:
    file = tmp_path / "resources.json"
    file.write_text(json.dumps(change("0.body.version", "v2")))
    assert run("check", str(file)).returncode == 0
    assert run("check", str(tmp_path / "none.json")).returncode == 1
    assert "$defs" in json.loads(run("schema").stdout)


def test_a_port_that_is_taken_is_named(mesh: Mesh, tmp_path: Path) -> None:
    file = tmp_path / "resources.json"
    file.write_text(json.dumps(change("0.body.listeners.0.port", mesh.gateway)))
    result = run("run", "--resources", str(file))
    assert result.returncode == 1
    assert str(mesh.gateway) in result.stderr


def test_admin_shows_and_changes_nothing(mesh: Mesh) -> None:
    config = mesh.proxy.config()
    assert {r["resource"] for r in config["resources"]} == {
        "proxy:under-test",
        "service:shop/catalog",
        "endpoints:shop/catalog",
    }
    assert {(found["kind"], found["port"]) for found in config["listeners"]} == {
        ("gateway", mesh.gateway),
        ("outbound", mesh.outbound),
    }
    for method, path, status in (("POST", "/config", 405), ("GET", "/quit", 404), ("HEAD", "/metrics", 200)):
        assert ask(mesh.proxy.admin, path, method=method).status == status
    with Conversation.to(mesh.proxy.admin) as client:
        client.send(b"GET /metrics HTTP/1.1\n\n")
        client.end()
        assert not client.read_to_end().startswith(b"HTTP/1.1 200")


def test_metrics_count_requests_bytes_and_times(own_mesh: Mesh) -> None:
    for _ in range(3):
        response = ask(own_mesh.gateway, method="POST", body=b"12345")
    edge = {
        "reporter": "source",
        "source_service": "shop/frontend",
        "source_version": "v1",
        "destination_service": "shop/catalog",
        "destination_version": "v1",
        "route": "default",
        "security": "none",
    }
    count = own_mesh.proxy.count
    assert count("mesh_requests_total", response_code="200", response_flags="", **edge) == 3
    assert count("mesh_request_bytes_total", **edge) == 15
    assert abs(count("mesh_response_bytes_total", **edge) - 3 * len(response.body)) < 10
    assert count("mesh_request_duration_seconds_count", **edge) == 3
    assert count("mesh_request_duration_seconds_bucket", le="+Inf", **edge) == 3
    assert 0 < count("mesh_request_duration_seconds_sum", **edge) < 10
