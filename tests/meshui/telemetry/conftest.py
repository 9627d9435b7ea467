"""Valkey emptied for each test, the registry's cache forgotten.

pytest reads this file before Django is set up, so our own modules are imported inside the fixtures.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from redis import Redis

from tests.support.servers import TestServers

if TYPE_CHECKING:
    from meshui.telemetry.window import Window


@pytest.fixture
def valkey(servers: TestServers) -> Iterator[Redis]:
    """The mesh's database of Valkey, empty."""
    with Redis.from_url(settings.MESHUI.redis_url) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> Iterator[Window]:
    """This process's window, without a thread: a test appends to it."""
    from meshui.telemetry import registry, selectors, window

    fresh = window.Window()
    monkeypatch.setattr(window, "_shared", fresh)
    registry.services.clear()
    for name, size in (("_wholes", 16), ("_graphs", 64), ("_encoded", 64)):
        monkeypatch.setattr(selectors, name, selectors.Remembered(size))
    yield fresh
    registry.services.clear()
