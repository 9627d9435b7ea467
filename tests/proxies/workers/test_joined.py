"""Several processes that are one proxy of a mesh: one identity, one acknowledgement, one report a second."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import psutil
import pytest

from proxies.wire import resources as wire
from proxies.wire.routing import RateLimit, Route
from tests.proxies.agent.conftest import plane, port, valkey
from tests.proxies.agent.mesh import ControlPlane, Valkey, service, sidecar
from tests.proxies.agent.test_process import Stage, app, get
from tests.support.poll import until

__all__ = ["plane", "port", "valkey"]
pytestmark = pytest.mark.flow

FLAGS = ("--workers", "3")


@pytest.fixture
def stage(valkey: Valkey, plane: ControlPlane, port: Iterator[int], tmp_path: Path) -> Iterator[Stage]:
    with app("hello") as app_port:
        yield Stage(valkey, plane, port, tmp_path, app_port)


def test_it_is_one_proxy_to_the_control_plane(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags, *FLAGS) as process:
        until(stage.serving, "the proxy serves")
        assert len(psutil.Process(process.pid).children()) == 3
        for _ in range(60):
            assert stage.call()[0] == 200
        stage.valkey.publish(service("shop/cart", 2, timeout_ms=900))
        stage.valkey.acked("service:shop/cart", 2)
        config = json.loads(get(stage.admin, "localhost", "/config")[1])
        assert {r["resource"]: r["revision"] for r in config["resources"]}["service:shop/cart"] == 2
        assert "mesh_workers 3\n" in get(stage.admin, "localhost", "/metrics")[1]
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    assert len(stage.plane.joins) == 1
    said = Counter((ack.resource, ack.revision) for ack in stage.valkey.acks())
    assert set(said.values()) == {1}, "acknowledged once"
    seconds = stage.valkey.telemetry()
    assert len({second.boot for second in seconds}) == 1
    counted = [r.count for second in seconds for e in second.edges for r in e.responses if r.code == 200]
    assert sum(counted) == 61, "every request of every worker, once"


def test_a_worker_that_is_killed_has_the_identity_and_all_resources_again(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags, *FLAGS) as process:
        until(stage.serving, "the proxy serves")
        for worker in psutil.Process(process.pid).children():
            os.kill(worker.pid, signal.SIGKILL)
            until(lambda worker=worker: not psutil.pid_exists(worker.pid), "it is gone")
        until(lambda: "mesh_workers 3\n" in get(stage.admin, "localhost", "/metrics")[1], "all are back")
        assert [stage.call() for _ in range(30)] == [(200, "hello")] * 30
        assert process.poll() is None
        assert len(stage.plane.joins) == 1


def test_workers_share_global_limits_exactly(stage: Stage) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags, *FLAGS):
        until(stage.serving, "the proxy serves")
        free = service("shop/cart", 2)
        assert isinstance(free, wire.ServiceResource)
        limit = RateLimit(name="spend", requests=20, per_ms=3_600_000, scope="global", on_error="deny")
        body = msgspec.structs.replace(free.body, routes=[Route(name="r", limits=[limit])])
        limited = msgspec.structs.replace(free, body=body, version=wire.content_hash(body))
        stage.valkey.publish(limited)
        stage.valkey.acked("service:shop/cart", 2)
        assert Counter(stage.call()[0] for _ in range(90)) == {200: 20, 429: 70}
        uses = until(
            lambda: [use for second in stage.valkey.telemetry() for use in second.limits], "the use is reported"
        )
        until(
            lambda: sum(use.limited for second in stage.valkey.telemetry() for use in second.limits) == 70,
            "all of it is reported",
        )
        assert {(use.service, use.route, use.limit) for use in uses} == {("shop/cart", "r", "spend")}
