"""An engine that also remembers what it tried, and refuses some contents."""

from __future__ import annotations

from proxies.agent.replica import Replica
from proxies.wire.resources import Resource
from tests.proxies.agent.mesh import PROXY, SERVICE
from tests.support import fake_proxy


class FakeEngine(fake_proxy.FakeEngine):
    def __init__(self, refused: frozenset[str] = frozenset()) -> None:
        """``refused`` are versions (content hashes)."""
        super().__init__()
        self.refuse = lambda resource: "refused by the test" if resource.version in refused else ""
        self.tried: list[str] = []

    def apply(self, resource: Resource) -> None:
        self.tried.append(resource.key)
        super().apply(resource)


def replica_of(engine: FakeEngine) -> Replica:
    return Replica(engine, proxy_id=PROXY, service=SERVICE, clock=lambda: 100.0)
