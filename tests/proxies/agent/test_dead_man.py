"""The dead man's switch: when it falls, what it leaves alone, and when it lets go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from proxies.agent.dead_man import DeadMan
from proxies.wire import resources as wire
from tests.proxies.agent.fakes import FakeEngine
from tests.proxies.agent.mesh import (
    TRUST_DOMAIN,
    ControlPlane,
    Valkey,
    directory,
    inbound,
    made,
    proxy,
    service,
    sidecar,
    trust,
)
from tests.proxies.agent.test_process import app, get
from tests.support.poll import until

KEY = "service:shop/cart"


def split(**weights: int) -> list[wire.WeightedVersion]:
    return [wire.WeightedVersion(version=version, weight=weight) for version, weight in sorted(weights.items())]


def canary(revision: int, *, after_ms: int | None = 5000, v2: int = 100) -> wire.Resource:
    """``shop/cart``, which a rollout has given to v2 so far, with a route of its overlay in front."""
    body = wire.ServiceBody(
        hosts=["cart.shop.mesh"],
        versions=["v1", "v2"],
        split=split(v1=100 - v2, v2=v2),
        routes=[wire.Route(name="rollout-0", split=split(v2=100)), wire.Route(name="default")],
        identity=f"spiffe://{TRUST_DOMAIN}/ns/shop/svc/cart",
        fallback=wire.Fallback(after_ms=after_ms, split=split(v1=100, v2=0), routes=[wire.Route(name="default")])
        if after_ms
        else None,
    )
    return made("service", "shop/cart", body, revision)


class Watch:
    """A dead man's switch whose time and link a test decides on."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.now = 100.0
        self.linked = True
        self.switch = DeadMan(self.engine, in_step=lambda: self.linked, clock=lambda: self.now)

    def look(self, seconds: float = 0) -> None:
        self.now += seconds
        self.switch.look()

    def versions(self) -> dict[str, int]:
        held = self.engine.held[KEY]
        assert isinstance(held, wire.ServiceResource)
        return {entry.version: entry.weight for entry in held.body.split if entry.weight}


@pytest.fixture
def watch() -> Watch:
    return Watch()


def test_it_falls_when_the_silence_has_lasted_and_not_before(watch: Watch) -> None:
    published = canary(7)
    watch.switch.apply(published)
    watch.linked = False
    watch.look()
    watch.look(4.9)
    assert (watch.versions(), watch.switch.fallen) == ({"v2": 100}, 0)
    watch.look(0.1)
    held = watch.engine.held[KEY]
    assert isinstance(held, wire.ServiceResource) and isinstance(published, wire.ServiceResource)
    assert held.body == replace(
        published.body, split=split(v1=100, v2=0), routes=[wire.Route(name="default")], fallback=None
    )
    assert watch.switch.fallen == 1


def test_it_falls_once_and_takes_up_what_is_published_when_the_link_is_back(watch: Watch) -> None:
    watch.switch.apply(canary(7))
    watch.linked = False
    watch.look()
    watch.look(10)
    tried = len(watch.engine.tried)
    watch.look(10)
    assert len(watch.engine.tried) == tried
    watch.linked = True
    watch.look()
    assert (watch.versions(), watch.switch.fallen) == ({"v2": 100}, 0)
    tried = len(watch.engine.tried)
    watch.look(10)
    assert len(watch.engine.tried) == tried


def test_a_short_silence_counts_anew(watch: Watch) -> None:
    watch.switch.apply(canary(7))
    for _ in range(5):
        watch.linked = False
        watch.look()
        watch.look(4)
        assert (watch.versions(), watch.switch.fallen) == ({"v2": 100}, 0)
        watch.linked = True
        watch.look(1)


def test_what_arrives_replaces_the_fallback(watch: Watch) -> None:
    watch.switch.apply(canary(7))
    watch.linked = False
    watch.look()
    watch.look(10)
    watch.switch.apply(canary(8, v2=0))
    assert (watch.versions(), watch.switch.fallen) == ({"v1": 100}, 0)


def test_without_a_fallback_the_last_weights_stay(watch: Watch) -> None:
    watch.switch.apply(canary(7))
    watch.switch.apply(canary(8, after_ms=None))
    watch.switch.apply(service("shop/other", 8))
    watch.linked = False
    watch.look()
    watch.look(100_000)
    assert watch.versions() == {"v2": 100}


def test_a_service_that_is_gone_does_not_come_back(watch: Watch) -> None:
    watch.switch.apply(canary(7))
    watch.switch.remove(KEY)
    watch.linked = False
    watch.look()
    watch.look(10)
    assert KEY not in watch.engine.held


@pytest.mark.flow
def test_a_sidecar_cut_off_from_the_control_plane_returns_to_stable_and_back(
    valkey: Valkey, plane: ControlPlane, port: Iterator[int], tmp_path: Path
) -> None:
    outbound = next(port)
    with app("stable") as stable, app("canary") as new:
        both = wire.EndpointsBody(
            endpoints=[
                wire.Endpoint(id="i1", address="127.0.0.1", port=stable, version="v1"),
                wire.Endpoint(id="i2", address="127.0.0.1", port=new, version="v2"),
            ]
        )
        valkey.publish(
            directory(["shop/cart"], 1),
            trust(plane.bundle, 1),
            canary(1, after_ms=1000),
            made("endpoints", "shop/cart", both, 1),
            inbound(1),
            proxy([wire.OutboundListener(port=outbound)], 1),
        )
        flags = ("--outbound", f"127.0.0.1:{outbound}", "--admin", f"127.0.0.1:{next(port)}")
        with sidecar(plane.url, tmp_path / "proxy", *flags):

            def answered(text: str) -> bool:
                return get(outbound, "cart.shop.mesh") == (200, text)

            until(lambda: answered("canary"), "the rollout's split is in force")
            valkey.kill()
            until(lambda: answered("stable"), "the fallback is in force")
            valkey.start()
            until(lambda: answered("canary"), "what is published is in force again")
            assert "at its fallback" in (tmp_path / "proxy" / "log").read_text()
