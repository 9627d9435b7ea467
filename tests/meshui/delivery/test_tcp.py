"""A TCP service from its registration to a connection through two sidecars, and back as telemetry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from django.conf import settings
from pytest_django.live_server_helper import LiveServer

from meshui.catalog.models import Instance
from meshui.catalog.services import instance_drain, service_create
from meshui.delivery.publish import push
from meshui.mesh.values import Breaker, Resilience
from meshui.telemetry.fold import Fold, Identity
from meshui.telemetry.frames import SECURED, edge_key
from meshui.telemetry.registry import load_registry
from meshui.traffic.services import resilience_set
from proxies.wire import keys
from proxies.wire.reports import Telemetry, read_telemetry
from tests.conformance.harness import App, Conversation, free_port
from tests.conformance.test_tcp import echo, refused
from tests.meshui.delivery.processes import Process, sidecar, wait_ready
from tests.meshui.delivery.world import ACTOR, World
from tests.support.poll import until


class Stage:
    """``shop/db`` behind a sidecar, and a sidecar of ``shop/cart`` whose app connects to it at ``port``."""

    def __init__(self, stack: ExitStack, url: str, folder: Path) -> None:
        self.app = App(echo)
        stack.callback(self.app.close)
        self.port, self.inbound = free_port(), free_port()
        where = ("--inbound", f"127.0.0.1:{self.inbound}", "--app", f"127.0.0.1:{self.app.port}")
        self.callee: Process = stack.enter_context(sidecar(url, folder, "shop/db", *where))
        to_db = ("--tcp", f"shop/db=127.0.0.1:{self.port}")
        self.caller: Process = stack.enter_context(sidecar(url, folder, "shop/cart", *to_db))


@pytest.fixture
def stage(world: World, live_server: LiveServer, tmp_path: Path) -> Iterator[Stage]:
    service_create(actor=ACTOR, service="shop/db", protocol="tcp", port=5432)
    with ExitStack() as stack:
        made = Stage(stack, live_server.url, tmp_path)
        wait_ready(made.callee)
        wait_ready(made.caller)
        until(lambda: not refused_at_once(made), "the caller knows the service")
        yield made


def refused_at_once(stage: Stage) -> bool:
    push()
    try:
        with Conversation.to(stage.port) as client:
            client.send(b"?")
            return client.socket.recv(1) != b"?"
    except OSError:
        return True


def reports(store: redis.Redis) -> list[Telemetry]:
    shards = [f"{keys.TELEMETRY_PREFIX}{shard}" for shard in range(keys.TELEMETRY_SHARDS)]
    entries = [fields for shard in shards for _, fields in store.xrange(shard)]
    return [read_telemetry(settings.MESHUI.report_key, fields) for fields in entries]


def test_bytes_go_through_both_sidecars_and_are_told(stage: Stage, store: redis.Redis) -> None:
    labels = {"source_service": "shop/cart", "destination_service": "shop/db", "security": "mtls"}
    with Conversation.to(stage.port) as client:
        client.send(b"hello")
        assert client.read(5) == b"hello"
        for process, reporter in ((stage.caller, "source"), (stage.callee, "destination")):
            assert process.count("metrics", "mesh_tcp_connections_total", reporter=reporter, **labels) >= 1

    def ended() -> bool:
        edges = [edge for report in reports(store) for edge in report.edges]
        return any(edge.reporter == "source" and edge.closed for edge in edges)

    until(ended, "its end is reported by the caller")
    fold, registry = Fold(), load_registry()
    for report in reports(store):
        identity = registry.proxies[report.proxy]
        assert isinstance(identity, Identity)
        fold.add(report, identity, registry)
    frame = fold.frame(1.0)
    (row,) = [row for row, key in enumerate(frame.keys) if edge_key(key).destination == "shop/db"]
    assert edge_key(frame.keys[row])[:1] + edge_key(frame.keys[row])[4:5] == ("shop/cart", "tcp")
    assert frame.counts[row][2] >= 1
    assert frame.counts[row][SECURED] >= 1


def test_a_change_of_its_guards_reaches_the_caller_without_touching_what_is_open(stage: Stage) -> None:
    with Conversation.to(stage.port) as client:
        client.send(b"a")
        assert client.read(1) == b"a"
        resilience_set(actor=ACTOR, service="shop/db", resilience=Resilience(breaker=Breaker(connections=1)))
        until(lambda: push() is None and refused(stage.port), "a second connection is above the breaker")
        client.send(b"b")
        assert client.read(1) == b"b"


def test_an_instance_that_drains_keeps_what_it_has_and_gets_no_more(stage: Stage) -> None:
    with Conversation.to(stage.port) as client:
        client.send(b"a")
        assert client.read(1) == b"a"
        instance = Instance.objects.get(service__name="db")
        instance_drain(actor=ACTOR, service="shop/db", instance_id=instance.pk, draining=True)
        until(lambda: push() is None and refused(stage.port), "there is no other instance")
        client.send(b"b")
        assert client.read(1) == b"b"
