"""A mesh of three proxies that do what they are told, or not."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from tests.meshui.delivery.conftest import store, world  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from tests.meshui.delivery.world import World
    from tests.meshui.rotation.members import Members


@pytest.fixture
def members(world: World) -> Members:  # noqa: F811 - the fixture of that name
    """Of ``px-1``, ``px-2`` and ``px-3``, all with a certificate and the bundle."""
    return import_module("tests.meshui.rotation.members").Members(world)
