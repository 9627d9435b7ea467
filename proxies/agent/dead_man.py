"""The dead man's switch: services that go back to their fallback when the control plane has been silent for too long.

A rollout that asks for it puts a fallback into its service's resource. Whoever would roll it back may be gone, so a
proxy that has not heard from the control plane for ``after_ms`` does it alone, and takes the published resource again
once it has heard all there is to hear. What is kept on disk and acknowledged is the published resource, always.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NoReturn

from msgspec.structs import replace

from proxies.agent.engine import Applier
from proxies.wire.resources import Resource, ServiceResource

log = logging.getLogger(__name__)

LOOK_S = 0.5
"""How often silence is measured, and so how late a fallback may come."""


class DeadMan:
    """Stands between the replica and the engine: run ``run`` beside them. ``fallen`` counts the services that are at
    their fallback now."""

    def __init__(self, engine: Applier, *, in_step: Callable[[], bool], clock: Callable[[], float]) -> None:
        """``in_step`` says whether what is published is known; ``clock`` gives seconds, and never goes back."""
        self._engine = engine
        self._in_step = in_step
        self._clock = clock
        self._armed: dict[str, ServiceResource] = {}
        self._fallen: set[str] = set()
        self._silent_since: float | None = None

    @property
    def fallen(self) -> int:
        return len(self._fallen)

    # --- between the replica and the engine

    def apply(self, resource: Resource) -> None:
        """Raises ResourceError, changing nothing."""
        self._engine.apply(resource)
        self._fallen.discard(resource.key)
        if isinstance(resource, ServiceResource) and resource.body.fallback is not None:
            self._armed[resource.key] = resource
        else:
            self._armed.pop(resource.key, None)

    def remove(self, key: str) -> None:
        self._engine.remove(key)
        self._armed.pop(key, None)
        self._fallen.discard(key)

    # --- the watch

    async def run(self) -> NoReturn:
        """Watch until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Fall back where the silence has lasted, or take up again what is published."""
        if self._in_step():
            self._silent_since = None
            self._take_up()
            return
        now = self._clock()
        if self._silent_since is None:
            self._silent_since = now
        for key, resource in self._armed.items():
            fallback = resource.body.fallback
            if key in self._fallen or fallback is None or (now - self._silent_since) * 1000 < fallback.after_ms:
                continue
            body = replace(resource.body, split=fallback.split, routes=fallback.routes, fallback=None)
            self._engine.apply(replace(resource, body=body))
            self._fallen.add(key)
            log.warning("the control plane is silent: %s is at its fallback", key)

    def _take_up(self) -> None:
        for key in sorted(self._fallen):
            self._engine.apply(self._armed[key])
            log.warning("the control plane is back: %s is as published", key)
        self._fallen.clear()
