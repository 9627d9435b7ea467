"""What an exchange knows of its tries once the first one failed: who was asked, what it may still do, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import random
from time import monotonic
from typing import TYPE_CHECKING

from proxies.core import flags
from proxies.core.retry import Failure

if TYPE_CHECKING:
    from proxies.net.lane import Lane
    from proxies.net.upstream import Endpoint


class Tries:
    """Made for the first failure; most exchanges never have one."""

    __slots__ = ("_counted", "_lane", "_made", "_note", "_timer", "failed", "since", "tried")

    def __init__(self, lane: Lane, since: float) -> None:
        self._lane = lane
        self._made = 0
        self._counted = False
        self._note = ""
        self._timer: asyncio.TimerHandle | None = None
        self.since = since
        """When the try under way began."""
        self.tried: list[Endpoint] = []
        self.failed: list[tuple[float, float, Endpoint | None, str]] = []
        """Those that were followed by another: from when until when, whom they asked, and what came of them."""

    def grant(self, failure: Failure, *, idempotent: bool) -> bool:
        """Whether there is another try after this failure; then it counts against the budget until the exchange ends
        or asks again."""
        policy, load = self._lane.retry, self._lane.load
        self._release()
        if not policy.attempts or not policy.allows(failure, idempotent=idempotent):
            return False
        if self._made >= policy.attempts:
            self._note = flags.RETRY_LIMIT_EXCEEDED
            return False
        if load.retries >= load.retries_allowed():
            load.overflow("retries")
            self._note = flags.UPSTREAM_OVERFLOW
            return False
        load.retries += 1
        self._counted = True
        self._made += 1
        return True

    def leave(self, endpoint: Endpoint, failure: Failure) -> None:
        """The try under way failed, and is followed by another."""
        self.tried.append(endpoint)
        self.failed.append((self.since, monotonic(), endpoint, str(failure)))

    def next(self) -> Endpoint:
        """Whom to ask now."""
        return self._lane.group.another(self.tried) or self.tried[-1]

    def wait(self, call: Callable[[], None]) -> None:
        """Call after the back-off."""
        delay = self._lane.retry.delay_s(self._made, random())  # noqa: S311
        self._timer = asyncio.get_running_loop().call_later(delay, call)

    def end(self, why: str) -> str:
        """No more tries. Returns the exchange's flags, with why there was no other try added to them."""
        self._release()
        if self._timer is not None:
            self._timer.cancel()
        return ",".join(filter(None, (why, self._note)))

    def _release(self) -> None:
        if self._counted:
            self._lane.load.retries -= 1
            self._counted = False
