"""The proxy as a process, against a real Valkey and a control plane that comes and goes."""

from __future__ import annotations

import http.client
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import msgspec
import psutil
import pytest

from proxies.agent.leaf import serial_of
from proxies.agent.state import IDENTITY, Identity
from proxies.wire import keys
from proxies.wire import resources as wire
from tests.proxies.agent.mesh import (
    PROXY,
    ControlPlane,
    Valkey,
    directory,
    endpoints,
    inbound,
    key_of,
    made,
    mode,
    proxy,
    service,
    sidecar,
    trust,
)
from tests.support.poll import until

pytestmark = pytest.mark.flow


@contextmanager
def app(text: str) -> Iterator[int]:
    """A server that answers ``text``; its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def get(port: int, host: str, path: str = "/") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path, headers={"Host": host})
        response = connection.getresponse()
        return response.status, response.read().decode()
    except OSError:
        return 0, ""
    finally:
        connection.close()


class Stage:
    """One service ``shop/cart`` at a real app, called through the outbound listener of a proxy."""

    def __init__(self, valkey: Valkey, plane: ControlPlane, ports: Iterator[int], folder: Path, app_port: int) -> None:
        self.outbound, self.admin = next(ports), next(ports)
        self.flags = ("--outbound", f"127.0.0.1:{self.outbound}", "--admin", f"127.0.0.1:{self.admin}")
        self.folder = folder / "proxy"
        self.state = self.folder / "state"
        self.valkey, self.plane = valkey, plane
        self._app_port = app_port

    def publish(self, revision: int) -> None:
        self.valkey.publish(
            directory(["shop/cart"], revision),
            trust(self.plane.bundle, revision),
            service("shop/cart", revision),
            endpoints("shop/cart", revision, self._app_port),
            inbound(revision),
            proxy([wire.OutboundListener(port=self.outbound)], revision),
        )

    def call(self) -> tuple[int, str]:
        return get(self.outbound, "cart.shop.mesh")

    def serving(self) -> bool:
        return self.call() == (200, "hello")

    def log(self) -> str:
        return (self.folder / "log").read_text()


@pytest.fixture
def stage(valkey: Valkey, plane: ControlPlane, port: Iterator[int], tmp_path: Path) -> Iterator[Stage]:
    with app("hello") as app_port:
        yield Stage(valkey, plane, port, tmp_path, app_port)


def test_it_joins_serves_acknowledges_and_reports(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags) as process:
        until(stage.serving, "the proxy serves")
        for key in ("directory", "trust", "service:shop/cart", "endpoints:shop/cart", f"proxy:{PROXY}"):
            stage.valkey.acked(key, 1)
        request = stage.plane.joins[0]
        assert request.name == "catalog-1"
        assert "PRIVATE" not in request.csr
        assert get(stage.admin, "localhost", "/ready")[0] == 200
        until(
            lambda: any(e.destination_service == "shop/cart" for t in stage.valkey.telemetry() for e in t.edges),
            "the request is reported",
        )
        assert stage.valkey.telemetry()[0].certificate_not_after > 0
        rss = psutil.Process(process.pid).memory_info().rss / 1e6
        assert rss < 45, f"{rss} MB"
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    seconds = stage.valkey.telemetry()
    assert [t.seq for t in seconds] == list(range(1, len(seconds) + 1))


def test_what_it_keeps_is_its_owners_only(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(lambda: (stage.state / "resources.msgpack").exists(), "the configuration is kept")
    assert mode(stage.state) == 0o700
    assert {mode(file) for file in stage.state.iterdir()} == {0o600}


def test_an_idle_proxy_reports_each_second(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(lambda: len(stage.valkey.telemetry()) >= 3, "three reports")
    seconds = stage.valkey.telemetry()
    assert not any(t.edges for t in seconds)
    assert all(0.5 < b.at - a.at < 5 for a, b in pairwise(seconds))


def test_a_change_reaches_it_and_a_removed_service_goes(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags), app("other") as other:
        until(stage.serving, "the proxy serves")
        stage.valkey.publish(endpoints("shop/cart", 2, other))
        until(lambda: stage.call() == (200, "other"), "the new endpoint is used")
        stage.valkey.publish(directory([], 3), gone=("service:shop/cart", "endpoints:shop/cart"))
        until(lambda: stage.call()[0] in (404, 502), "the service is gone")


def test_a_refused_resource_is_told_once_and_the_old_one_serves(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        bad = service("shop/cart", 2)
        data = wire.encode(bad).replace(b"\xa8requires\x01", b"\xa8requires\x7f")
        stage.valkey.client.set(keys.resource(bad.key), data)
        for _ in range(3):
            stage.valkey.client.publish(keys.hint(bad.key), data)
        nack = stage.valkey.acked("service:shop/cart", 2, "nack")
        assert "schema 127" in nack.error
        assert stage.serving()
        stage.valkey.publish(service("shop/cart", 3, timeout_ms=900))
        stage.valkey.acked("service:shop/cart", 3)
        assert sum(ack.status == "nack" for ack in stage.valkey.acks()) == 1


def test_it_serves_at_once_from_its_state_when_nobody_else_is_there(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags) as process:
        until(stage.serving, "the proxy serves")
        until(lambda: (stage.state / "resources.msgpack").exists(), "the configuration is kept")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    stage.plane.stop()
    stage.valkey.kill()
    with sidecar(stage.plane.url, stage.folder, *stage.flags, token="") as process:
        until(stage.serving, "the proxy serves from its state")
        assert process.poll() is None
        stage.valkey.start()
        stage.valkey.publish(service("shop/cart", 2, timeout_ms=900))
        stage.valkey.acked("service:shop/cart", 2)
    assert len(stage.plane.joins) == 1


@pytest.mark.parametrize("lose_data", [False, True], ids=["with its data", "empty"])
def test_valkey_is_killed_and_comes_back(stage: Stage, lose_data: bool) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        before = stage.valkey.telemetry()[-1:] or until(stage.valkey.telemetry, "a report")
        stage.valkey.kill(lose_data=lose_data)
        until(lambda: "serving the last" in stage.log(), "the proxy noticed")
        assert stage.serving()
        stage.valkey.start()
        until(lambda: [t for t in stage.valkey.telemetry() if t.seq > before[-1].seq], "reports again")
        assert stage.serving(), "an empty Redis takes nothing away"
        if lose_data:
            assert stage.valkey.client.get(keys.REVISION) is None
            stage.valkey.acked("service:shop/cart", 1)  # what may have been lost is said again
        stage.publish(2)
        stage.valkey.acked("service:shop/cart", 2)
        assert stage.serving()
        seconds = [t for t in stage.valkey.telemetry() if t.seq > before[-1].seq]
        assert not any(t.dropped for t in seconds), "a short absence loses no second"


def test_a_hint_that_was_lost_is_made_up_for_after_a_reconnect(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        stage.valkey.publish(service("shop/cart", 2, timeout_ms=900), hints=False)
        stage.valkey.client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
        stage.valkey.acked("service:shop/cart", 2)


def test_its_certificate_is_renewed_with_a_new_key_and_kept(stage: Stage) -> None:
    stage.plane.leaf_lifetime = timedelta(seconds=6)
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        joined = key_of(stage.state)
        until(lambda: len(stage.plane.renewals) >= 2, "two renewals")
        first, second = stage.plane.renewals[:2]
        assert first.csr != second.csr, "a new key each time"
        assert first.certificate != second.certificate
        until(lambda: key_of(stage.state) != joined, "the renewed identity is kept")
        assert stage.serving()


def test_an_order_to_renew_is_carried_out_once(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        held = msgspec.msgpack.decode((stage.state / IDENTITY).read_bytes(), type=Identity)
        ordered = proxy([wire.OutboundListener(port=stage.outbound)], 2)
        body = msgspec.structs.replace(ordered.body, renew=serial_of(held.joined.certificate))
        stage.valkey.publish(made("proxy", PROXY, body, 2))
        until(lambda: stage.plane.renewals, "renewed, long before half of its life")
        stage.valkey.publish(made("proxy", PROXY, body, 3))
        stage.valkey.acked(f"proxy:{PROXY}", 3)
        assert len(stage.plane.renewals) == 1, "the serial is another one now"
        assert stage.serving()


def test_a_renewal_that_fails_is_tried_again(stage: Stage) -> None:
    stage.plane.leaf_lifetime = timedelta(seconds=8)
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        stage.plane.refuse = 503
        until(lambda: "the certificate is not renewed" in stage.log(), "the failure is logged")
        assert "refused by the test" in stage.log()
        metrics = get(stage.admin, "localhost", "/metrics")[1]
        assert "mesh_agent_renewal_failures_total 0" not in metrics
        assert "mesh_agent_renewal_failures_total" in metrics
        stage.plane.refuse = 0
        until(lambda: stage.plane.renewals, "renewed after all")
        assert stage.serving()


def test_it_waits_for_a_control_plane_that_is_not_there_yet(stage: Stage) -> None:
    stage.publish(1)
    stage.plane.stop()
    with sidecar(stage.plane.url, stage.folder, *stage.flags) as process:
        until(lambda: get(stage.admin, "localhost", "/ready")[0] == 503, "it runs, and is not ready")
        assert process.poll() is None
        stage.plane.start()
        until(stage.serving, "the proxy serves")


def test_a_refused_token_ends_it_with_the_reason(stage: Stage) -> None:
    with sidecar(stage.plane.url, stage.folder, *stage.flags, token="bad") as process:
        assert process.wait(10) == 1
    assert "the token is used up" in stage.log()
    assert "bad" not in stage.log()


def test_two_processes_do_not_share_a_state_folder(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        with sidecar(stage.plane.url, stage.folder, "--outbound", "127.0.0.1:1") as second:
            assert second.wait(10) == 1
    assert "another proxy uses the state folder" in stage.log()


def test_no_secret_is_an_argument(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags) as process:
        until(stage.serving, "the proxy serves")
        assert "good" not in psutil.Process(process.pid).cmdline()


def test_config_on_the_admin_port_names_what_is_in_force(stage: Stage) -> None:
    stage.publish(4)
    with sidecar(stage.plane.url, stage.folder, *stage.flags):
        until(stage.serving, "the proxy serves")
        config = json.loads(get(stage.admin, "localhost", "/config")[1])
        assert {r["resource"]: r["revision"] for r in config["resources"]}["service:shop/cart"] == 4
