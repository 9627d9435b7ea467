"""Orders to copy requests: from the control plane's channel to the proxies, and what was copied back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from proxies.agent.taps import taker
from proxies.wire import keys
from proxies.wire.taps import MAX_RATE, TapOrder, TapRecord, TapUse, encode_order
from tests.proxies.agent.conftest import plane, port, valkey
from tests.proxies.agent.fakes import FakeEngine
from tests.proxies.agent.mesh import PROXY, SERVICE, ControlPlane, Valkey, sidecar
from tests.proxies.agent.test_follower import following_valkey, until
from tests.proxies.agent.test_process import Stage, app
from tests.support import poll

__all__ = ["plane", "port", "valkey"]

ORDER = TapOrder(id="t1", until=4e9, side="source", rate=MAX_RATE)


async def test_an_order_reaches_every_proxy_of_its_service(valkey: Valkey) -> None:
    engine = FakeEngine()
    async with following_valkey(valkey, engine) as follower:
        await until(lambda: follower.in_step, "it follows")
        valkey.client.publish(keys.tap("shop/other"), encode_order(msgspec.structs.replace(ORDER, id="other")))
        valkey.client.publish(keys.tap(SERVICE), encode_order(ORDER))
        await until(lambda: engine.taps_ordered, "the order arrived")
        assert engine.taps_ordered == [ORDER]


async def test_an_older_control_plane_grants_no_orders_and_all_else_goes_on(valkey: Valkey) -> None:
    followed = ("service:*", "endpoints:*", "trust", "directory", f"inbound:{SERVICE}", f"proxy:{PROXY}")
    hints = [f"&{keys.hint(key)}" for key in followed]
    valkey.client.execute_command("ACL SETUSER", PROXY, "resetchannels", *hints)
    async with following_valkey(valkey, FakeEngine()) as follower:
        await until(lambda: follower.in_step, "it follows")


@pytest.mark.parametrize(
    ("data", "tap"),
    [
        (b"\xc1", ""),
        (b"", ""),
        (msgspec.msgpack.encode({"id": "t2"}), "t2"),
        (msgspec.msgpack.encode({"id": "t3", "until": 4e9, "side": "source", "newer": "filter"}), "t3"),
        (msgspec.msgpack.encode({"id": "x" * 1000}), "x" * 64),
        (msgspec.msgpack.encode({"id": 7}), ""),
    ],
)
def test_what_is_not_understood_is_refused_whole(data: bytes, tap: str) -> None:
    engine = FakeEngine()
    taker(engine)(data)
    assert engine.taps_ordered == []
    ((named, error),) = engine.taps_refused
    assert named == tap
    assert error


class Tapped(Stage):
    """What the control plane hears of a tap."""

    def order(self, order: TapOrder) -> None:
        self.valkey.client.publish(keys.tap(SERVICE), encode_order(order))

    def records(self) -> list[TapRecord]:
        return [record for second in self.valkey.telemetry() for record in second.taps]

    def uses(self) -> list[TapUse]:
        return [use for second in self.valkey.telemetry() for use in second.tap_uses]


@pytest.fixture
def stage(valkey: Valkey, plane: ControlPlane, port: Iterator[int], tmp_path: Path) -> Iterator[Tapped]:
    with app("hello") as app_port:
        yield Tapped(valkey, plane, port, tmp_path, app_port)


@pytest.mark.flow
@pytest.mark.parametrize("flags", [(), ("--workers", "2")])
def test_a_tap_from_the_order_to_the_report(stage: Tapped, flags: tuple[str, ...]) -> None:
    stage.publish(1)
    with sidecar(stage.plane.url, stage.folder, *stage.flags, *flags):
        poll.until(stage.serving, "the proxy serves")
        stage.order(ORDER)
        poll.until(stage.uses, "it says that it obeys")
        assert stage.records() == []
        for _ in range(4):
            assert stage.call() == (200, "hello")
        poll.until(lambda: len(stage.records()) == 4, "all four are told")
        assert sum(use.matched for use in stage.uses()) == 4
        (record, *_) = stage.records()
        assert (record.tap, record.request.destination, record.request.code) == ("t1", "shop/cart", 200)
        stage.order(msgspec.structs.replace(ORDER, until=0))
        stage.order(msgspec.structs.replace(ORDER, id="t2", path="/none"))
        poll.until(lambda: any(use.tap == "t2" for use in stage.uses()), "the next order is obeyed")
        assert stage.call() == (200, "hello")
        seen = len(stage.valkey.telemetry())
        poll.until(lambda: len(stage.valkey.telemetry()) >= seen + 2, "two more reports came")
        assert len(stage.records()) == 4
