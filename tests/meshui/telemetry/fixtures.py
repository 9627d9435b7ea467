"""An empty Valkey and an empty window, for tests of telemetry and of the live topics."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from redis import Redis

from meshui.telemetry import registry, selectors, window
from meshui.telemetry.frames import SPAN_S
from tests.support.servers import TestServers


@pytest.fixture
def valkey(servers: TestServers) -> Iterator[Redis]:
    """The mesh's database of Valkey, empty."""
    with Redis.from_url(settings.MESHUI.redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Iterator[window.Window]:
    """This process's window, without a thread: a test appends to it."""
    fresh = window.Window()
    monkeypatch.setattr(window, "_shared", fresh)
    monkeypatch.setattr(window, "_instances", window.Window(SPAN_S))
    registry.services.clear()
    registry.instances.clear()
    for name, size in (("_wholes", 16), ("_past", 8), ("_graphs", 64), ("_encoded", 64)):
        monkeypatch.setattr(selectors, name, selectors.Remembered(size))
    yield fresh
    registry.services.clear()
    registry.instances.clear()
