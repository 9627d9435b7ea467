"""Fixtures of the conformance suite: an engine in front of two echoing apps, and one in front of a scripted app."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance.bench import Bench
from tests.conformance.guarded import Guarded
from tests.conformance.harness import (
    App,
    Conversation,
    Proxy,
    echo,
    endpoints,
    free_port,
    gateway,
    outbound,
    proxy,
    service,
)


class Mesh:
    """A gateway and an outbound listener in front of ``shop/catalog``, v1 and v2."""

    def __init__(self, folder: Path) -> None:
        self.heard: list[bytes] = []
        self.v1, self.v2 = App(echo("v1", self.heard)), App(echo("v2", self.heard))
        self.gateway, self.outbound = free_port(), free_port()
        self.proxy = Proxy(folder, self.resources())

    def resources(self, split: dict[str, int] | None = None, revision: int = 0) -> list[dict[str, object]]:
        match = {"path": {"kind": "prefix", "value": "/beta"}}
        beta = [{"version": "v2", "weight": 1}]
        to_v2 = [
            {"name": "prefix", "match": match, "split": beta},
            {"name": "exact", "match": {"path": {"kind": "exact", "value": "/one"}}, "split": beta},
            {"name": "method", "match": {"methods": ["DELETE", "PATCH"]}, "split": beta},
            {
                "name": "header",
                "match": {"headers": [{"name": "x-user", "kind": "prefix", "value": "test-"}]},
                "split": beta,
            },
            {
                "name": "inverted",
                "match": {
                    "path": {"kind": "prefix", "value": "/inverted"},
                    "headers": [{"name": "x-stay", "kind": "present", "invert": True}],
                },
                "split": beta,
            },
        ]
        return [
            proxy(gateway(self.gateway), outbound(self.outbound)),
            service(split or {"v1": 1, "v2": 0}, routes=[*to_v2, {"name": "default"}], revision=revision),
            endpoints({"v1": [self.v1.port], "v2": [self.v2.port]}),
        ]

    def close(self) -> None:
        self.proxy.close()
        self.v1.close()
        self.v2.close()


@pytest.fixture(scope="session")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Shared: tests that change it use their own."""
    shared = Mesh(tmp_path_factory.mktemp("mesh"))
    yield shared
    shared.close()


@pytest.fixture
def own_mesh(tmp_path: Path) -> Iterator[Mesh]:
    own = Mesh(tmp_path)
    yield own
    own.close()


class Scripted:
    """A gateway in front of an app that follows a script. Resource changes between scripts give each a new pool."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self._apps: list[App] = []
        self._revision = 0
        self.proxy = Proxy(folder, [proxy(gateway(self.port)), service({"v1": 1})])

    def play(self, script: Callable[[Conversation], None], **body: object) -> App:
        """Put an app with this script behind the gateway; ``body`` adds to the service's resource."""
        app = App(script)
        self._apps.append(app)
        self._revision += 1
        resources = [
            proxy(gateway(self.port), drain_ms=5000),
            endpoints({"v1": [app.port]}),
            service({"v1": 1}, revision=self._revision, **body),
        ]
        self.proxy.reload(resources, revision=self._revision)
        return app

    def close(self) -> None:
        self.proxy.close()
        for app in self._apps:
            app.close()


@pytest.fixture(scope="session")
def scripted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scripted]:
    shared = Scripted(tmp_path_factory.mktemp("scripted"))
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def shared_bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    shared = Bench(tmp_path_factory.mktemp("bench"))
    yield shared
    shared.close()


@pytest.fixture
def bench(shared_bench: Bench) -> Bench:
    """Shared: each test puts its own instances behind it."""
    return shared_bench


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Shared: each test puts its own policies into force."""
    shared = Guarded(tmp_path_factory.mktemp("guarded"))
    yield shared
    shared.close()
