"""Copies of requests, and reports with them."""

from __future__ import annotations

from typing import Any

import msgspec

from meshui.core.actors import Actor
from meshui.taps.models import Tap
from meshui.taps.services import tap_start
from meshui.taps.values import TapBody
from proxies.wire.reports import Telemetry
from proxies.wire.taps import TapRecord, TapUse
from tests.meshui.logs.records import record, report

OLGA = Actor(name="olga", grants={"shop": frozenset({"view", "traffic.write"})})
ROOT = Actor(name="root", system=True)


def begin(actor: Actor = ROOT, **wanted: Any) -> Tap:
    return tap_start(actor=actor, wanted=TapBody(**({"destination": "shop/catalog"} | wanted)))


def copy(tap: Tap, /, **changes: Any) -> TapRecord:
    plain = TapRecord(
        tap=str(tap.pk),
        request=record(),
        target="/items/7?token=[redacted]",
        request_headers=[("host", "catalog"), ("authorization", "[redacted]")],
        response_headers=[("content-type", "text/html")],
    )
    return msgspec.structs.replace(plain, **changes)


def told(*copies: TapRecord, uses: tuple[TapUse, ...] = (), proxy: str = "catalog", seq: int = 1) -> Telemetry:
    return msgspec.structs.replace(report(proxy=proxy, seq=seq), taps=list(copies), tap_uses=list(uses))
