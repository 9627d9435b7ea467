"""Keeping the replica equal to what is published: subscribe, then read everything, then take hints.

Subscriptions stand before the first read, and one connection brings replies and hints in the server's own order, so
nothing falls between. A hint may still get lost with its connection: after a reconnect, and every 30 seconds, the
published revision is compared and everything is read again where it moved. A server that came back empty, or with
half of what was published, takes nothing away: only a directory that no longer lists a service does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from time import time
from typing import Any

from proxies.agent.backoff import Backoff, Complaint, around
from proxies.agent.replica import BY_SERVICE, DIRECTORY, SHARED, Replica
from proxies.agent.resp import Connection, Login, RedisError, Then, connect
from proxies.wire import keys
from proxies.wire.reports import ACKS_AT_ONCE, Ack, Acks, entry

log = logging.getLogger(__name__)

FIRST_RETRY_S = 2.0
"""The first reconnect is drawn from this many seconds, so that a thousand proxies do not come at once."""
LAST_RETRY_S = 15.0
RESYNC_JITTER = 0.2
KEYS_AT_ONCE = 100
ENDPOINTS_TOLD_S = 0.25
"""Endpoints come and go many times a second and nobody waits for their acknowledgement: it waits for company."""
REPEAT_S = 60.0
"""Acknowledgements this old when the connection broke are said again: the server may have lost them."""


class Follower:
    """Run ``run``. ``connection`` is the current one, or None; ``in_step`` says whether all that is published was read
    over it."""

    def __init__(
        self,
        replica: Replica,
        *,
        login: Login,
        report_key: bytes,
        changed: Callable[[], None],
        orders: tuple[str, Callable[[bytes], None]],
    ) -> None:
        """``changed`` is called after the replica took or refused something; ``orders`` is another channel, and who
        takes its messages."""
        self._replica = replica
        self._report_key = report_key
        self._login = login
        self._changed = changed
        self._orders, self._obey = orders
        self._backoff = Backoff(FIRST_RETRY_S, LAST_RETRY_S)
        self._published: bytes | None = None
        self._repeat_since = 0.0
        self._untold: dict[str, Ack] = {}
        self._telling: asyncio.TimerHandle | None = None
        self._tell_at = 0.0
        self.connection: Connection | None = None
        self.in_step = False
        self.trouble = Complaint(log, "no configuration from Redis, serving the last")
        self._unheard = Complaint(log, "no orders from the control plane")
        self._hears_orders = False

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                await self._session()
            except (OSError, RedisError) as error:
                self.trouble(error or type(error).__name__)
            await asyncio.sleep(self._backoff.delay())

    async def _session(self) -> None:
        connection = await connect(self._login, self._hinted)
        self.connection = connection
        try:
            self._subscribe(connection)
            self._repeat_acks(self._repeat_since)
            self._read_all(connection)
            await self._watch(connection)
        finally:
            self.connection = None
            self.in_step = False
            self._repeat_since = time() - REPEAT_S
            connection.close()

    async def _watch(self, connection: Connection) -> None:
        """Compare revisions now and then, until the connection is over. Raises RedisError."""
        loop = asyncio.get_running_loop()
        resync_at = loop.time() + around(keys.RESYNC_S, RESYNC_JITTER)
        while not connection.lost.done():
            await asyncio.wait([connection.lost], timeout=1)
            if connection.stalled:
                connection.close("the server does not answer")
            elif loop.time() >= resync_at:
                resync_at = loop.time() + around(keys.RESYNC_S, RESYNC_JITTER)
                connection.send("GET", keys.REVISION, then=self._need(connection, self._compare))
                if not self._hears_orders:
                    connection.subscribe("SUBSCRIBE", [self._orders], self._listening)
        raise RedisError("connection lost")

    def _subscribe(self, connection: Connection) -> None:
        patterns = [keys.hint(f"{kind}:*") for kind in BY_SERVICE]
        channels = [keys.hint(key) for key in (*SHARED, *self._replica.own)]
        done = self._need(connection, lambda _: None)
        connection.subscribe("PSUBSCRIBE", patterns, done)
        connection.subscribe("SUBSCRIBE", channels, done)
        connection.subscribe("SUBSCRIBE", [self._orders], self._listening)

    def _listening(self, reply: Any) -> None:
        """A control plane of an older release grants no orders: all else goes on without, and asks again."""
        self._hears_orders = not isinstance(reply, RedisError)
        if self._hears_orders:
            self._unheard.over()
        else:
            self._unheard(reply)

    # --- reading

    def _compare(self, published: bytes | None) -> None:
        if published != self._published and self.connection is not None:
            self._read_all(self.connection)

    def _read_all(self, connection: Connection) -> None:
        """Ask for what is shared; its answer leads to the services, and those to this proxy's own."""
        wanted = [keys.REVISION, *map(keys.resource, SHARED)]
        connection.send("MGET", *wanted, then=self._need(connection, self._read_shared))

    def _read_shared(self, values: list[bytes | None]) -> None:
        published, *shared = values
        if published is None and self._published is not None:
            log.warning("Redis came back empty; serving the last configuration")
            self._repeat_acks(0)
        self._published = published
        self._offer(list(SHARED), shared)
        self._read(self._replica.particular())

    def _read(self, wanted: list[str]) -> None:
        connection = self.connection
        if connection is None:
            return
        for start in range(0, len(wanted), KEYS_AT_ONCE):
            batch = wanted[start : start + KEYS_AT_ONCE]

            def took(values: list[bytes | None], batch: list[str] = batch) -> None:
                self._offer(batch, values)

            connection.send("MGET", *map(keys.resource, batch), then=self._need(connection, took))
        connection.send("PING", then=self._need(connection, self._read_done))

    def _read_done(self, _: Any) -> None:
        self.in_step = True
        self._backoff.reset()
        self.trouble.over()

    def _hinted(self, channel: str, payload: bytes) -> None:
        if channel == self._orders:
            self._obey(payload)
            return
        key = channel.removeprefix(keys.HINT_PREFIX)
        if not payload:
            self._read([key] if self._replica.follows(key) else [])
            return
        self._offer([key], [payload])
        if key == DIRECTORY:
            self._read(self._replica.lacking())

    def _offer(self, names: list[str], values: list[bytes | None]) -> None:
        acks = [self._replica.offer(key, data) for key, data in zip(names, values, strict=True) if data is not None]
        for ack in acks:
            if ack is not None:
                self._tell(ack)
        if any(acks):
            self._changed()

    # --- telling

    def _repeat_acks(self, since: float) -> None:
        for ack in self._replica.acks(since):
            self._tell(ack)

    def _tell(self, ack: Ack) -> None:
        """Soon, together with others; of one resource the newest alone. What gets lost is repeated."""
        self._untold[ack.resource] = ack
        patient = ack.status == "ack" and ack.resource.startswith("endpoints:")
        self._tell_within(ENDPOINTS_TOLD_S if patient else 0)

    def _tell_within(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        if self._telling is not None:
            if self._tell_at <= due:
                return
            self._telling.cancel()
        self._tell_at = due
        self._telling = loop.call_later(seconds, self._tell_all)

    def _tell_all(self) -> None:
        self._telling = None
        untold, self._untold = list(self._untold.values()), {}
        for start in range(0, len(untold), ACKS_AT_ONCE):
            if self.connection is not None:
                message = Acks(self._replica.proxy_id, untold[start : start + ACKS_AT_ONCE])
                command: list[str | bytes | int] = ["XADD", keys.ACK, "MAXLEN", "~", keys.ACK_MAXLEN, "*"]
                for name, value in entry(self._report_key, message).items():
                    command += (name, value)
                self.connection.send(*command, then=self._told)

    def _told(self, reply: Any) -> None:
        if isinstance(reply, RedisError):
            log.warning("acknowledgements did not arrive: %s", reply)

    def _need(self, connection: Connection, then: Then) -> Then:
        """Without this reply the connection is of no use."""

        def handle(reply: Any) -> None:
            if isinstance(reply, RedisError):
                connection.close(str(reply))
            elif not connection.lost.done():
                then(reply)

        return handle
