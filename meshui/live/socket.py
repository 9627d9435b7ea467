"""``/ws/live/``: the protocol, from the handshake to the close code.

A client sends ``{"subscribe": topic, "since": seq, "params": {}}``, ``{"unsubscribe": topic}`` or ``{"ping": 1}``; it
gets ``{"topic", "seq", "kind", "data", "at"}``. Closes with 4401 where nobody is signed in any more, 4403 for a page
of another origin, 1008 for sending too much, 1009 for a message that is too large.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
from channels.db import DatabaseSyncToAsync
from django.db import Error as DatabaseError
from msgspec import Struct

from meshui.core.actors import Actor
from meshui.core.concurrency import end
from meshui.core.errors import InvalidInput, MeshError, NotAuthenticated
from meshui.live.client import Client
from meshui.live.entry import Headers, authenticate, headers_of, is_allowed_origin
from meshui.live.hub import hub
from meshui.live.topics import Rights

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

NOT_SIGNED_IN, FORBIDDEN_ORIGIN, TOO_MUCH, TOO_LARGE, UNAVAILABLE = 4401, 4403, 1008, 1009, 1013
MAX_MESSAGE = 8_192
"""Bytes of a message from a client."""
BURST, PER_S = 60, 10
"""Messages that a client may send at once, and each second."""
RECHECK_S = 3.0
"""How often the session and its permissions are looked at again."""


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    subscribe: str | None = None
    unsubscribe: str | None = None
    ping: Any = None
    since: int | None = None
    params: dict[str, Any] = {}


class Closed(Exception):
    """The connection is to be closed with a code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


async def live(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if (await receive())["type"] != "websocket.connect":
        return
    await send({"type": "websocket.accept"})
    try:
        headers = headers_of(scope)
        if not is_allowed_origin(headers):
            raise Closed(FORBIDDEN_ORIGIN)
        await _serve(headers, receive, send)
    except Closed as closed:
        with contextlib.suppress(OSError, RuntimeError):
            await send({"type": "websocket.close", "code": closed.code})


async def _serve(headers: Headers, receive: Receive, send: Send) -> None:
    actor = await _actor(headers)
    if actor is None:
        raise Closed(UNAVAILABLE)

    async def send_text(text: str) -> None:
        await send({"type": "websocket.send", "text": text})

    client = Client(hub(), Rights.of(actor), send_text)
    parts = [asyncio.create_task(part) for part in (_read(client, receive), client.write(), _watch(client, headers))]
    try:
        done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
    finally:
        client.close()
        await end(parts)
    for part in done:
        with contextlib.suppress(OSError, RuntimeError):  # the client has gone while we wrote
            part.result()


async def _actor(headers: Headers) -> Actor | None:
    """None while the database is away. Raises Closed where nobody is signed in."""
    try:
        actor: Actor = await DatabaseSyncToAsync(authenticate, thread_sensitive=False)(headers)
        return actor
    except NotAuthenticated:
        raise Closed(NOT_SIGNED_IN) from None
    except DatabaseError:
        return None


async def _watch(client: Client, headers: Headers) -> None:
    """See to it that a session which ends, or loses a permission, ends here too."""
    while True:
        await asyncio.sleep(RECHECK_S)
        actor = await _actor(headers)
        if actor is not None:
            client.see(Rights.of(actor))


async def _read(client: Client, receive: Receive) -> None:
    """Do what the client says until it goes."""
    allowance, at = float(BURST), asyncio.get_running_loop().time()
    while True:
        event = await receive()
        if event["type"] == "websocket.disconnect":
            return
        now = asyncio.get_running_loop().time()
        allowance, at = min(float(BURST), allowance + (now - at) * PER_S) - 1, now
        if allowance < 0:
            raise Closed(TOO_MUCH)
        _obey(client, event.get("text") or event.get("bytes") or "")


def _obey(client: Client, sent: str | bytes) -> None:
    if len(sent) > MAX_MESSAGE:
        raise Closed(TOO_LARGE)
    name = ""
    try:
        try:
            command = msgspec.json.decode(sent, type=Command)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InvalidInput(str(error), code="malformed_json") from None
        if command.subscribe is not None:
            name = command.subscribe
            client.subscribe(name, command.params, command.since)
        elif command.unsubscribe is not None:
            client.drop(command.unsubscribe)
        elif command.ping is not None:
            client.pong()
        else:
            raise InvalidInput("expected subscribe, unsubscribe or ping")
    except MeshError as error:
        client.tell(name, error)
