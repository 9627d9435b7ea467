"""What rate limits did: who may say it, and how it is summed, kept and told."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.test import Client

from meshui.accounts.models import RoleGrant
from meshui.catalog.models import Service
from meshui.telemetry import rollups
from meshui.telemetry.fold import MAX_LIMITS, Fold, Identity, Nonsense
from meshui.telemetry.frames import Frame, decode, encode, limit_key, total
from meshui.telemetry.models import LimitRollup
from meshui.telemetry.registry import load_registry
from meshui.telemetry.tasks import drop_old_rollups
from meshui.telemetry.window import Window
from meshui.traffic.models import TrafficRules
from proxies.wire.reports import LimitUse, Telemetry
from tests.meshui.telemetry.mesh import register
from tests.meshui.telemetry.test_api import client_of, get

pytestmark = pytest.mark.django_db

OUT = limit_key("shop/catalog", "default", "spend")
IN = limit_key("shop/catalog", "", "all")


def frame(at: float, **uses: list[LimitUse]) -> Frame:
    """One second: uses by the service whose proxy reports them."""
    fold, registry = Fold(), load_registry()
    for name, limits in uses.items():
        service = name.replace("_", "/")
        report = Telemetry(proxy=service, boot=1, seq=1, at=at, edges=[], limits=limits)
        fold.add(report, Identity(service, "v1"), registry)
    return fold.frame(at)


def test_what_callers_and_the_service_say_is_summed_over_all_of_them() -> None:
    register()
    spend = LimitUse("shop/catalog", "default", "spend", 3, 1)
    seconds = [frame(at, shop_frontend=[spend], platform_gateway=[spend]) for at in (1.0, 2.0)]
    received = frame(3.0, shop_catalog=[LimitUse("shop/catalog", "", "all", 5, 0)])
    assert decode(encode(seconds[0])).limits == {OUT: (6, 2)}
    assert total(3.0, [*seconds, received]).limits == {OUT: (12, 4), IN: (5, 0)}


def test_what_a_service_receives_only_its_own_proxies_know() -> None:
    register()
    lies = [LimitUse("shop/catalog", "", "all", 5, 0), LimitUse("evil/made-up", "default", "spend", 1, 1)]
    assert frame(1.0, shop_frontend=lies).limits == {}


@pytest.mark.parametrize(
    "limits",
    [
        [LimitUse("shop/catalog", "default", "spend", -1, 0)],
        [LimitUse("shop/catalog", "default", "spend", 0, 1 << 60)],
        [LimitUse("shop/catalog", "default", "a\tb", 1, 0)],
        [LimitUse("shop/catalog", "x" * 64, "spend", 1, 0)],
        [LimitUse("shop/catalog", "default", "spend", 1, 0)] * (MAX_LIMITS + 1),
    ],
)
def test_nonsense_is_refused(limits: list[LimitUse]) -> None:
    register()
    with pytest.raises(Nonsense):
        frame(1.0, shop_frontend=limits)


def test_reports_and_frames_of_the_release_before_are_read() -> None:
    report = msgspec.to_builtins(Telemetry(proxy="p", boot=1, seq=1, at=0.0, edges=[]))
    assert msgspec.convert(report[: Telemetry.__struct_fields__.index("limits")], Telemetry).limits == []

    class Former(msgspec.Struct, array_like=True):
        proxy: str
        boot: int
        seq: int
        at: float

    new = Telemetry(proxy="p", boot=1, seq=7, at=0.0, edges=[], limits=[LimitUse("a/b", "", "l", 1, 1)])
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(new), type=Former).seq == 7


def set_limits() -> None:
    spend = {"name": "spend", "requests": 100, "per_ms": 10_000, "scope": "global"}
    TrafficRules.objects.create(
        service=Service.objects.get(name="catalog"),
        routes=[{"name": "default", "limits": [spend, {"name": "each", "requests": 5, "by": ["source"]}]}],
        limits=[{"name": "all", "requests": 10}],
    )


def ask(client: Client, window: str) -> dict[str, Any]:
    return get(client, "services/shop/catalog/limits/usage/", window=window)


def test_usage_is_told_from_frames(frames: Window) -> None:
    register()
    set_limits()
    end = float(int(time.time()))
    for ago in range(30, -1, -1):
        spend = LimitUse("shop/catalog", "default", "spend", 4, 1)
        uses = {"shop_frontend": [spend], "shop_catalog": [LimitUse("shop/catalog", "", "all", 2, 0)]}
        frames.append(end - ago, encode(frame(end - ago, **uses)))
    told = ask(client_of(), "20s")
    assert (told["window_s"], told["step_s"], told["covered_s"]) == (20, 1, 20)
    received, spend, each = told["limits"]
    assert [received["name"], received["route"], received["scope"]] == ["all", None, "local"]
    assert [received["allowed"], received["limited"], received["share_of_limit"]] == [40, 0, None]
    assert [spend["name"], spend["route"], spend["scope"]] == ["spend", "default", "global"]
    assert [spend["requests"], spend["per_ms"]] == [100, 10_000]
    assert [spend["allowed"], spend["limited"], spend["rate_rps"], spend["share_of_limit"]] == [80, 20, 5.0, 0.4]
    assert spend["series"][-1] == {"at": int(end) - 1, "allowed": 4, "limited": 1}
    assert len(spend["series"]) == 20
    assert [each["allowed"], each["rate_rps"], each["share_of_limit"]] == [0, 0.0, None]
    ten = ask(client_of(RoleGrant.Role.OPERATOR), "5m")
    assert (ten["step_s"], ten["covered_s"]) == (10, 31)
    assert sum(step["allowed"] for step in ten["limits"][1]["series"]) == 31 * 4


def test_usage_beyond_the_frames_is_told_from_rollups(frames: Window) -> None:
    register()
    set_limits()
    start = int(time.time()) // 10 * 10 - 1800
    for bucket in range(0, 600, 10):
        seconds = [
            frame(start + bucket + n, shop_frontend=[LimitUse("shop/catalog", "default", "spend", 10, n % 2)])
            for n in range(1, 11)
        ]
        for _ in range(2):
            rollups.write(start + bucket, seconds)
    assert LimitRollup.objects.count() == 60
    told = ask(client_of(), "1h")
    spend = told["limits"][1]
    assert (told["step_s"], told["covered_s"]) == (40, 600)
    assert [spend["allowed"], spend["limited"], spend["share_of_limit"]] == [6000, 300, 1.0]


def test_old_rollups_of_limits_are_dropped() -> None:
    register()
    rollups.write(1_000_000_000, [frame(1_000_000_001, shop_frontend=[LimitUse("shop/catalog", "r", "spend", 1, 0)])])
    assert LimitRollup.objects.count() == 1
    drop_old_rollups()
    assert not LimitRollup.objects.exists()


def test_usage_is_of_services_that_one_may_view() -> None:
    register()
    elsewhere = client_of(namespace="platform")
    assert elsewhere.get("/api/v1/services/shop/catalog/limits/usage/").status_code in (403, 404)
    assert client_of().get("/api/v1/services/shop/none/limits/usage/").status_code == 404
    wide = client_of(RoleGrant.Role.ADMIN).get("/api/v1/services/shop/catalog/limits/usage/", {"window": "48h"})
    assert wide.status_code == 400
