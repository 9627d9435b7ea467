"""An engine that only remembers, and may be told to refuse."""

from __future__ import annotations

from proxies.agent.replica import Replica
from proxies.wire.reports import EdgeDelta, Gauges
from proxies.wire.resources import Resource, ResourceError
from tests.proxies.agent.mesh import PROXY, SERVICE


class FakeEngine:
    def __init__(self, refuse: frozenset[str] = frozenset()) -> None:
        """``refuse`` are versions (content hashes)."""
        self.refuse = refuse
        self.inside: dict[str, Resource] = {}
        self.tried: list[str] = []

    def apply(self, resource: Resource) -> None:
        self.tried.append(resource.key)
        if resource.version in self.refuse:
            raise ResourceError("refused by the test")
        self.inside[resource.key] = resource

    def remove(self, key: str) -> None:
        del self.inside[key]

    def set_identity(self, certificate_chain: str, key: str, bundle: list[str]) -> None:
        raise NotImplementedError

    def collect(self) -> list[EdgeDelta]:
        return []

    def gauges(self) -> Gauges:
        return Gauges()


def replica_of(engine: FakeEngine) -> Replica:
    return Replica(engine, proxy_id=PROXY, service=SERVICE, proxy_version="test", clock=lambda: 100.0)
