"""A service with two healthy versions, a proxy that follows it, and a clock and traffic that tests decide on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from meshui.catalog.models import Service
    from tests.meshui.rollouts.world import World


@pytest.fixture
def world(catalog: Service, monkeypatch: pytest.MonkeyPatch) -> World:
    # pytest reads this file before Django is set up.
    from tests.meshui.rollouts.world import World

    return World(catalog, monkeypatch)
