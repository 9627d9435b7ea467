"""Shared rate limits over the agent's connection to Redis: questions are pipelined, answers come in their order.

A question is one call of the server's function, which the control plane has put there; the proxy may call nothing
else. What is not answered within ``ANSWER_S`` is answered here by nobody's knowing, and while an answer is overdue
nothing more is asked: a server that hangs holds up few requests, and none for longer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any

from proxies.agent.backoff import Complaint
from proxies.agent.resp import Connection, RedisError
from proxies.core.shared import Question, Then, Verdict
from proxies.wire import keys

log = logging.getLogger(__name__)

ANSWER_S = 0.05


class _Asked:
    """A question on its way. ``then`` is None once it was answered, by whomever."""

    __slots__ = ("deadline", "then")

    def __init__(self, then: Then) -> None:
        self.deadline = monotonic() + ANSWER_S
        self.then: Then | None = then


class RedisCounts:
    """``proxies.core.shared.SharedCounts``, once it may ``use`` a connection."""

    def __init__(self) -> None:
        self._connection: Callable[[], Connection | None] = lambda: None
        self._asked: deque[_Asked] = deque()
        self._overdue = 0
        self._timer: asyncio.TimerHandle | None = None
        self.trouble = Complaint(log, "global rate limits are not judged")

    def use(self, connection: Callable[[], Connection | None]) -> None:
        """``connection`` gives the current one."""
        self._connection = connection

    def ask(self, question: Question, then: Then) -> None:
        connection = self._connection()
        if connection is None or self._overdue:
            self.trouble("not connected" if connection is None else "no answer in time")
            then(None)
            return
        asked = _Asked(then)
        self._asked.append(asked)
        call: list[str | int] = ["FCALL", keys.LIMIT_FUNCTION, len(question.places), *question.places]
        for limit in question.limits:
            call += (repr(limit.rate.period), repr(limit.rate.room))
        connection.send(*call, then=partial(self._answered, asked))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(ANSWER_S, self._expire)

    def _answered(self, asked: _Asked, reply: Any) -> None:
        then, asked.then = asked.then, None
        if then is None:
            self._overdue -= 1
            return
        if isinstance(reply, RedisError):
            self.trouble(reply)
            then(None)
            return
        self.trouble.over()
        over, wait_us = reply
        then(Verdict(over - 1, wait_us / 1_000_000) if over else Verdict())

    def _expire(self) -> None:
        """Answer what waited for too long, and come back for the rest."""
        now = monotonic()
        asked = self._asked
        while asked and (asked[0].then is None or asked[0].deadline <= now):
            late = asked.popleft()
            then, late.then = late.then, None
            if then is not None:
                self._overdue += 1
                self.trouble("no answer in time")
                then(None)
        left = asked[0].deadline - now if asked else 0.0
        self._timer = asyncio.get_running_loop().call_later(left, self._expire) if asked else None
