"""An access policy from its creation to a request that is refused, and back as telemetry: real proxies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import redis
from pytest_django.live_server_helper import LiveServer

from meshui.core.commits import current_mesh
from meshui.delivery.outbox import last_published
from meshui.delivery.publish import push
from meshui.mesh.policies import Policy, PolicyFrom, PolicyRule, PolicyTo
from meshui.security.services import policy_create, setting_set
from meshui.security.services.policies import Decided
from meshui.telemetry.fold import Fold
from meshui.telemetry.frames import policy_key
from meshui.telemetry.registry import load_registry
from meshui.traffic.services import HostRule, gateway_put
from tests.conformance.harness import App, Response, ask, echo, free_port
from tests.meshui.delivery.processes import Process, sidecar, wait_ready
from tests.meshui.delivery.test_tcp import reports
from tests.meshui.delivery.world import ACTOR, World
from tests.support.poll import until


class Stage:
    """``shop/catalog`` behind a sidecar; one of ``shop/cart`` and the gateway ``shop/edge`` call it."""

    def __init__(self, stack: ExitStack, url: str, folder: Path) -> None:
        self.app = App(echo("app"))
        stack.callback(self.app.close)
        self.inbound, self.outbound, self.edge = free_port(), free_port(), free_port()
        where = ("--inbound", f"127.0.0.1:{self.inbound}", "--app", f"127.0.0.1:{self.app.port}")
        self.callee: Process = stack.enter_context(sidecar(url, folder, "shop/catalog", *where))
        out = ("--outbound", f"127.0.0.1:{self.outbound}")
        self.caller: Process = stack.enter_context(sidecar(url, folder, "shop/cart", *out))
        self.gateway: Process = stack.enter_context(
            sidecar(url, folder, "shop/edge", "--gateway", f"127.0.0.1:{self.edge}")
        )

    def call(self, path: str = "/", *, edge: bool = False) -> Response:
        push()
        return ask(self.edge if edge else self.outbound, path)


@pytest.fixture
def stage(world: World, live_server: LiveServer, tmp_path: Path) -> Iterator[Stage]:
    gateway_put(actor=ACTOR, gateway="shop/edge", hosts=[HostRule("*", "shop/catalog")])
    with ExitStack() as stack:
        made = Stage(stack, live_server.url, tmp_path)
        for process in (made.callee, made.caller, made.gateway):
            wait_ready(process)
        until(lambda: made.call().status == made.call(edge=True).status == 200, "both callers get through")
        yield made


def deny(name: str, target: str, rule: PolicyRule) -> None:
    policy_create(actor=ACTOR, decided=Decided(Policy(name=name, action="deny", rules=[rule]), target))


def test_a_policy_refuses_whom_it_names_and_what_it_did_is_told(stage: Stage, store: redis.Redis) -> None:
    deny("no-cart", "shop/*", PolicyRule(from_=PolicyFrom(services=["shop/cart"]), to=PolicyTo(paths=["/secret/*"])))
    until(lambda: stage.call("/secret/x").status == 403, "the policy is in force")
    assert stage.call("/open").status == 200
    assert stage.call("/secret/x", edge=True).status == 200, "it names another caller"
    heard = stage.app.connections
    refused = {"source_service": "shop/cart", "response_code": "403", "response_flags": "UAEX"}
    assert stage.callee.count("metrics", "mesh_requests_total", reporter="destination", **refused) >= 1
    assert stage.app.connections == heard

    def told() -> bool:
        fold, registry = Fold(), load_registry()
        for report in reports(store):
            fold.add(report, registry.proxies[report.proxy], registry)
        frame = fold.frame(1.0)
        decided = frame.policies.get(policy_key("shop/catalog", "no-cart"), (0, 0, 0, 0))
        return decided[1] >= 1 and any(name == "UAEX" for _, name, _ in frame.flags)

    until(told, "the control plane hears what was denied, by whom")


def test_a_gateways_policy_acts_on_strangers_and_a_default_on_all(stage: Stage) -> None:
    deny("no-strangers", "shop/edge", PolicyRule(from_=PolicyFrom(cidrs=["127.0.0.0/8"]), to=PolicyTo(paths=["/in/*"])))
    until(lambda: stage.call("/in/x", edge=True).status == 403, "the gateway refuses")
    assert stage.call("/in/x").status == 200
    setting_set(actor=ACTOR, scope="*", mtls=None, default_action="deny")
    until(lambda: stage.call("/").status == 403, "nobody is allowed any more")
    assert stage.call("/", edge=True).status == 403, "the gateway lets pass, and its service refuses"
    assert last_published() == current_mesh().revision
