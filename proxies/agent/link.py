"""A connection to Redis that is kept up, for a process that has no follower."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from proxies.agent.backoff import Backoff, Complaint
from proxies.agent.resp import Connection, Login, RedisError, connect

log = logging.getLogger(__name__)


class Link:
    """Run ``run``. ``connection`` is the current one, or None."""

    def __init__(self, login: Login) -> None:
        self._login = login
        self.connection: Connection | None = None
        self._backoff = Backoff(2, 15)
        self.trouble = Complaint(log, "no connection to Redis")

    async def run(self) -> NoReturn:
        """Keep connected until cancelled."""
        while True:
            try:
                await self._session()
            except (OSError, RedisError) as error:
                self.trouble(error or type(error).__name__)
            await asyncio.sleep(self._backoff.delay())

    async def _session(self) -> None:
        connection = await connect(self._login, lambda channel, payload: None)
        self.connection = connection
        self._backoff.reset()
        self.trouble.over()
        try:
            while not connection.lost.done():
                await asyncio.wait([connection.lost], timeout=1)
                if connection.stalled:
                    connection.close("the server does not answer")
        finally:
            self.connection = None
            connection.close()
        raise RedisError("connection lost")
