"""Global limits with real proxies and a real Valkey: one count for all, and what happens when it is gone."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from proxies.wire import keys, reports
from proxies.wire import resources as wire
from proxies.wire.join import JoinRequest, JoinResponse
from proxies.wire.reports import proxy_key
from proxies.wire.routing import RateLimit, Route, WeightedVersion
from tests.proxies.agent.mesh import (
    MASTER,
    ControlPlane,
    Valkey,
    directory,
    endpoints,
    inbound,
    made,
    proxy,
    sidecar,
    trust,
)
from tests.proxies.agent.test_process import app, get
from tests.support.poll import until

pytestmark = pytest.mark.flow

PROXIES = ("px-1", "px-2")


class Plane(ControlPlane):
    """Every proxy is who its name says."""

    def join(self, request: JoinRequest) -> JoinResponse:
        same = {"proxy_id": request.name, "redis_username": request.name}
        key = proxy_key(MASTER, request.name).hex()
        return msgspec.structs.replace(super().join(request), **same, report_key=key)


class Stage:
    """Two proxies that call ``shop/cart`` under one global limit."""

    def __init__(self, valkey: Valkey, plane: Plane, ports: Iterator[int], app_port: int) -> None:
        self.valkey, self.plane = valkey, plane
        self.outbound = {name: next(ports) for name in PROXIES}
        self._app_port = app_port
        self.revision = 0

    def publish(self, **limit: Any) -> None:
        self.revision += 1
        revision = self.revision
        shared = RateLimit(name="spend", scope="global", **limit)
        body = wire.ServiceBody(
            hosts=["cart.shop.mesh"],
            versions=["v1"],
            split=[WeightedVersion(version="v1", weight=100)],
            routes=[Route(name="r", limits=[shared])],
            identity="spiffe://mesh.local/ns/shop/svc/cart",
        )
        resource = msgspec.structs.replace(
            made("service", "shop/cart", body, revision), requires=wire.required_schema(body)
        )
        self.valkey.publish(
            directory(["shop/cart"], revision),
            trust(self.plane.bundle, revision),
            resource,
            endpoints("shop/cart", revision, self._app_port),
            inbound(revision),
            *(
                msgspec.structs.replace(proxy([wire.OutboundListener(port=port)], revision), name=name)
                for name, port in self.outbound.items()
            ),
        )

    def call(self, name: str) -> int:
        return get(self.outbound[name], "cart.shop.mesh")[0]

    def calls(self, each: int) -> Counter[int]:
        """Twice so many requests through every proxy, four at a time, counted by the client."""
        with ThreadPoolExecutor(4) as threads:
            return Counter(threads.map(self.call, [*self.outbound] * (2 * each)))

    def reported(self) -> tuple[int, int]:
        """Allowed and limited, as both proxies report them."""
        uses = [use for name in PROXIES for second in self.valkey.telemetry(name) for use in second.limits]
        assert {use[:3] for use in map(msgspec.structs.astuple, uses)} <= {("shop/cart", "r", "spend")}
        return sum(use.allowed for use in uses), sum(use.limited for use in uses)


@pytest.fixture
def stage(valkey: Valkey, port: Iterator[int], tmp_path: Path) -> Iterator[Stage]:
    for name in PROXIES:
        valkey.admit(name)
    plane = Plane(valkey.proxy_url)
    plane.start()
    with ExitStack() as stack:
        stack.callback(plane.stop)
        made = Stage(valkey, plane, port, stack.enter_context(app("hello")))
        made.publish(requests=1_000_000)
        for name, outbound in made.outbound.items():
            flags = ("--outbound", f"127.0.0.1:{outbound}", "--name", name)
            stack.enter_context(sidecar(plane.url, tmp_path / name, *flags))
        for name in PROXIES:
            until(lambda name=name: made.call(name) == 200, f"{name} serves")
        yield made


def test_two_proxies_share_one_limit_exactly(stage: Stage) -> None:
    before = until(lambda: stage.reported(), "a report")
    stage.publish(requests=40, per_ms=3_600_000)
    for name in PROXIES:
        until(lambda name=name: acked(stage, name), f"{name} took it")
    assert stage.calls(30) == {200: 40, 429: 80}
    until(lambda: stage.reported()[1] == 80, "both report what they turned away")
    assert stage.reported()[0] - before[0] >= 40


def acked(stage: Stage, name: str) -> bool:
    said = [reports.read_acks(MASTER, fields) for _, fields in stage.valkey.client.xrange(keys.ACK)]
    found = [ack for acks in said if acks.proxy == name for ack in acks.acks if ack.resource == "service:shop/cart"]
    return any((ack.revision, ack.status) == (stage.revision, "ack") for ack in found)


def test_without_valkey_each_limit_says_what_happens_and_nobody_waits(stage: Stage) -> None:
    stage.publish(requests=1, per_ms=3_600_000)
    until(lambda: stage.call("px-1") == 429, "the limit holds")
    stage.valkey.kill()
    until(lambda: stage.calls(5) == {200: 20}, "all pass")
    stage.valkey.start()
    until(lambda: stage.call("px-1") == 429, "it holds again, from where it was")
    stage.publish(requests=1, per_ms=3_600_000, on_error="deny")
    for name in PROXIES:
        until(lambda name=name: acked(stage, name), f"{name} took it")
    stage.valkey.kill()
    until(lambda: stage.calls(5) == {503: 20}, "none passes")


def test_a_valkey_that_hangs_holds_up_no_request_for_long(stage: Stage) -> None:
    stage.valkey.signal(signal.SIGSTOP)
    try:
        assert stage.calls(50) == {200: 200}
    finally:
        stage.valkey.signal(signal.SIGCONT)
    stage.publish(requests=1, per_ms=3_600_000)
    until(lambda: stage.call("px-2") == 429, "it is asked again")
