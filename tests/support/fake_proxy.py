"""Proxies without traffic: the agent's own follower and replica over the real Redis protocol, and an engine that only
remembers what it was given.

    python -m tests.support.fake_proxy < proxies.json

runs many in one process, for benchmarks: a JSON list of ``{"id", "service", "password", "report_key"}`` and where
Redis is in REDIS_URL. It says ``ready`` once each has read its configuration.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable

import msgspec
import uvloop

from proxies.agent.follower import Follower
from proxies.agent.replica import Replica
from proxies.agent.resp import Login
from proxies.agent.taps import taker
from proxies.wire import keys
from proxies.wire.logs import LogRecord
from proxies.wire.reports import EdgeDelta, Gauges, LimitUse, PolicyUse, RequestSample, SpanReport
from proxies.wire.resources import Resource, ResourceError
from proxies.wire.taps import TapOrder, TapRecord, TapUse


class FakeEngine:
    """Holds resources by key; refuses those that ``refuse`` gives a reason for."""

    def __init__(self) -> None:
        self.held: dict[str, Resource] = {}
        self.refuse: Callable[[Resource], str] = lambda _: ""
        self.taps_ordered: list[TapOrder] = []
        self.taps_refused: list[tuple[str, str]] = []

    def apply(self, resource: Resource) -> None:
        if reason := self.refuse(resource):
            raise ResourceError(reason)
        self.held[resource.key] = resource

    def remove(self, key: str) -> None:
        self.held.pop(key, None)

    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None:
        pass

    def collect(self) -> list[EdgeDelta]:
        return []

    def samples(self) -> list[RequestSample]:
        return []

    def limit_uses(self) -> list[LimitUse]:
        return []

    def policy_uses(self) -> list[PolicyUse]:
        return []

    def spans(self) -> tuple[list[SpanReport], int]:
        return [], 0

    def logs(self) -> tuple[list[LogRecord], int]:
        return [], 0

    def taps(self) -> tuple[list[TapRecord], list[TapUse]]:
        return [], []

    def tap(self, order: TapOrder) -> None:
        self.taps_ordered.append(order)

    def refuse_tap(self, tap: str, error: str) -> None:
        self.taps_refused.append((tap, error))

    def gauges(self) -> Gauges:
        return Gauges()


class Identity(msgspec.Struct, frozen=True):
    """What a proxy got when it joined; ``report_key`` is hex."""

    id: str
    service: str
    password: str
    report_key: str


class FakeProxy:
    """``run`` follows until cancelled; ``engine.held`` is what it took."""

    def __init__(self, identity: Identity, redis_url: str) -> None:
        self._identity = identity
        self.engine = FakeEngine()
        self.replica = Replica(self.engine, proxy_id=identity.id, service=identity.service, clock=time.time)
        self.follower = Follower(
            self.replica,
            login=Login(redis_url, identity.id, identity.password),
            report_key=bytes.fromhex(identity.report_key),
            changed=lambda: None,
            orders=(keys.tap(identity.service), taker(self.engine)),
        )

    async def run(self) -> None:
        await self.follower.run()

    @property
    def complete(self) -> bool:
        """Whether it holds its own resource and those of every service."""
        return f"proxy:{self._identity.id}" in self.engine.held and not self.replica.lacking()


async def main() -> None:
    identities = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Identity])
    fleet = [FakeProxy(identity, os.environ["REDIS_URL"]) for identity in identities]
    async with asyncio.TaskGroup() as group:
        for proxy in fleet:
            group.create_task(proxy.run())
        while not all(proxy.complete for proxy in fleet):
            await asyncio.sleep(0.05)
        print("ready", flush=True)


if __name__ == "__main__":
    uvloop.run(main())
