from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from meshui.config.datadir import is_free
from tests.proxies.agent.mesh import ControlPlane, Valkey

PORTS = range(26_000, 27_000)


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    server = Valkey(tmp_path / "servers", PORTS)
    server.start()
    server.admit()
    yield server
    server.stop()


@pytest.fixture
def plane(valkey: Valkey) -> Iterator[ControlPlane]:
    plane = ControlPlane(valkey.proxy_url)
    plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def port() -> Iterator[Iterator[int]]:
    """Free ports, each another one, and others than those of a run beside this one."""
    yield (number for number in random.sample(PORTS, len(PORTS)) if is_free(number))
