"""Records of proxies, and the lines they become."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from meshui.logs.values import NewLine, lines_of
from meshui.telemetry.fold import Identity, Registry
from proxies.wire.logs import LogRecord
from proxies.wire.reports import Telemetry

TRACE = "0af7651916cd43dd8448eb211c80319c"
FRONT = Identity("shop/frontend", "v1")
CATALOG = Identity("shop/catalog", "v2")
LEDGER = Identity("bank/ledger", "v1")
REGISTRY = Registry(
    proxies={"front": FRONT, "catalog": CATALOG, "ledger": LEDGER},
    services={each.service: frozenset({each.version}) for each in (FRONT, CATALOG, LEDGER)},
)


def record(**changes: Any) -> LogRecord:
    """What the frontend's proxy tells of a request to the catalog, a second ago."""
    plain = LogRecord(
        at_us=int(time.time() * 1e6) - 1_000_000,
        duration_us=12_500,
        first_byte_us=12_000,
        kind="client",
        reporter="source",
        protocol="http",
        source="shop/frontend",
        source_version="v1",
        destination="shop/catalog",
        destination_version="v2",
        route="default",
        secured=True,
        method="GET",
        host="catalog.shop.mesh",
        path="/items/7",
        code=200,
        flags="",
        rule="",
        request_bytes=10,
        response_bytes=2_000,
        endpoint="10.0.0.7:8080",
        tries=1,
        trace_id=TRACE,
        request_id="r-1",
        peer="127.0.0.1",
        identity="",
        user_agent="curl/8",
    )
    return msgspec.structs.replace(plain, **changes)


def inbound(**changes: Any) -> LogRecord:
    """What the catalog's proxy tells of it."""
    identity = "spiffe://mesh.local/ns/shop/svc/frontend"
    return record(**{"kind": "server", "reporter": "destination", "identity": identity, "peer": "10.0.0.3"} | changes)


def report(*records: LogRecord, proxy: str = "front", seq: int = 1, dropped: int = 0) -> Telemetry:
    return Telemetry(proxy=proxy, boot=1, seq=seq, at=0.0, edges=[], logs=list(records), dropped_logs=dropped)


def lines(*records: LogRecord, proxy: str = "front", seq: int = 1) -> list[NewLine]:
    told = report(*records, proxy=proxy, seq=seq)
    return list(lines_of(told.logs, told, REGISTRY.proxies[proxy], REGISTRY, time.time()))
