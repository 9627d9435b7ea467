"""One connection to Redis, as small as a sidecar needs: RESP3, pipelined, replies and messages in server order.

The redis package takes 20 MB and a quarter of a second of CPU to import, which every sidecar would pay; hiredis alone
parses the protocol. RESP3 carries messages of subscriptions between replies on the same connection, so that what is
read and what is announced arrive in the order in which the server did them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import hiredis

CONNECT_S = 5.0
STALLED_S = 5.0
"""A server that owes a reply for this long is taken for dead."""

Then = Callable[[Any], None]


class RedisError(Exception):
    """The server refused a command, or the connection is of no use."""


class Connection(asyncio.Protocol):
    """Made by ``connect``. ``lost`` is done when the connection is over."""

    def __init__(self, on_message: Callable[[str, bytes], None]) -> None:
        """``on_message`` gets the channel and the payload of each message."""
        self._on_message = on_message
        self._reader = hiredis.Reader()
        self._pending: deque[tuple[int, Then]] = deque()
        self._waiting_since = 0.0
        self._transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- commands

    def send(self, *command: str | bytes | int, then: Then) -> None:
        """Write a command; ``then`` gets its reply, or a RedisError, in the order of the commands."""
        self._write(1, command, then)

    def subscribe(self, verb: str, channels: list[str], then: Then) -> None:
        """SUBSCRIBE or PSUBSCRIBE; ``then`` gets None once the server confirmed them all, or a RedisError."""
        self._write(len(channels), (verb, *channels), then)

    async def call(self, *command: str | bytes | int) -> Any:
        """Write a command and wait for its reply. Raises RedisError."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def settle(value: Any) -> None:
            if not reply.done():
                reply.set_result(value)

        self.send(*command, then=settle)
        value = await reply
        if isinstance(value, RedisError):
            raise value
        return value

    def _write(self, replies: int, command: tuple[str | bytes | int, ...], then: Then) -> None:
        if self._transport is None or self.lost.done():
            then(RedisError("not connected"))
            return
        if not self._pending:
            self._waiting_since = monotonic()
        self._pending.append((replies, then))
        self._transport.write(hiredis.pack_command(command))  # type: ignore[arg-type]  # any length

    # --- the connection

    @property
    def stalled(self) -> bool:
        """Whether the server owes a reply for too long."""
        return bool(self._pending) and monotonic() - self._waiting_since > STALLED_S

    def close(self, why: str = "closed") -> None:
        if self._transport is not None:
            self._transport.abort()
        self._end(why)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._reader.feed(data)
        self._waiting_since = monotonic()
        try:
            # A reply of None and "no whole reply yet" differ: the latter is False, and RESP3's false is never sent us.
            while (reply := self._reader.gets()) is not False and not self.lost.done():
                self._deal(reply)
        except hiredis.ProtocolError as error:
            self.close(f"not the Redis protocol: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        self._end(str(error or "closed by the server"))

    def _deal(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            self._deal_push(reply)
        elif self._pending:
            _, then = self._pending.popleft()
            then(RedisError(str(reply)) if isinstance(reply, hiredis.ReplyError) else reply)
        else:
            self.close(f"a reply to no command: {reply!r:.100}")

    def _deal_push(self, push: list[Any]) -> None:
        match push:
            case [b"message", channel, payload] | [b"pmessage", _, channel, payload]:
                self._on_message(channel.decode(), payload)
            case [b"subscribe" | b"psubscribe", *_] if self._pending:
                left, then = self._pending.popleft()
                if left > 1:
                    self._pending.appendleft((left - 1, then))
                else:
                    then(None)

    def _end(self, why: str) -> None:
        if self.lost.done():
            return
        self.lost.set_result(None)
        error = RedisError(why)
        while self._pending:
            self._pending.popleft()[1](error)


@dataclass(frozen=True, slots=True)
class Login:
    """``url`` is redis://, rediss:// (verified against ``ca_file``, or the system's authorities where that is empty)
    or unix://."""

    url: str
    username: str
    password: str = field(repr=False)
    ca_file: str = ""


async def connect(login: Login, on_message: Callable[[str, bytes], None]) -> Connection:
    """Connect and log in, within 5 s. Raises RedisError or OSError (TimeoutError among them)."""
    async with asyncio.timeout(CONNECT_S):
        connection = await _open(login, on_message)
        try:
            await connection.call("HELLO", "3", "AUTH", login.username, login.password)
        except BaseException:
            connection.close()
            raise
    return connection


async def _open(login: Login, on_message: Callable[[str, bytes], None]) -> Connection:
    parts = urlsplit(login.url)
    loop = asyncio.get_running_loop()
    if parts.scheme == "unix":
        _, connection = await loop.create_unix_connection(lambda: Connection(on_message), parts.path)
        return connection
    tls = ssl.create_default_context(cafile=login.ca_file or None) if parts.scheme == "rediss" else None
    _, connection = await loop.create_connection(
        lambda: Connection(on_message), parts.hostname or "127.0.0.1", parts.port or 6379, ssl=tls
    )
    return connection
