"""What every delivery test has: an empty mesh in PostgreSQL, an empty Valkey without proxies' users."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING

import pytest
import redis

if TYPE_CHECKING:
    from tests.meshui.delivery.world import World


@pytest.fixture
def store(servers: object) -> Iterator[redis.Redis]:
    """Valkey as the control plane sees it, emptied."""
    # pytest reads this file before Django is set up.
    client, command = import_module("meshui.core.redis").client, import_module("meshui.delivery.redis").command
    client().flushall()
    users = [name for name in command("ACL USERS") if name != "default"]
    if users:
        command("ACL DELUSER", *users)
    yield client()


@pytest.fixture
def world(transactional_db: None, store: redis.Redis) -> World:
    """A mesh of two services, ``shop/catalog`` v1 v2 and ``shop/cart`` v1, of which nothing is published yet, and a
    process that has just begun."""
    import_module("meshui.delivery.recompile").recompile_once.cache_clear()
    world: World = import_module("tests.meshui.delivery.world").World()
    world.add_service("shop/catalog", {"v1": 100, "v2": 0})
    world.add_service("shop/cart", {"v1": 100})
    return world
