"""One connected client: what it follows, and the queue of what it has not yet been sent.

A client that reads too slowly loses messages, never holds anyone up: when its queue is full the topic's messages are
dropped, and once it reads again it is told so (``skipped``) and given the state.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from meshui.core.errors import InvalidInput, MeshError
from meshui.live.hub import Hub, Producer, encode
from meshui.live.topics import Rights, Topic, parse

QUEUE = 32
"""Messages that wait for one client."""
SUBSCRIPTIONS = 32


class Subscription:
    """One client's part in one topic."""

    def __init__(self, client: Client, name: str, params: Mapping[str, Any]) -> None:
        self.client = client
        self.name = name
        self.params = params
        self.producer: Producer | None = None
        self.lagging = False

    def offer(self, text: str) -> None:
        if not self.lagging:
            self.client.enqueue(self, text)

    def failed(self, error: MeshError) -> None:
        self.client.drop(self.name)
        self.client.tell(self.name, error)


class Client:
    """``send`` writes a text message and may wait as long as the network does."""

    def __init__(self, hub: Hub, rights: Rights, send: Callable[[str], Awaitable[None]]) -> None:
        self._hub = hub
        self._rights = rights
        self._send = send
        self._subscriptions: dict[str, Subscription] = {}
        self._queue: deque[tuple[Subscription | None, str]] = deque()
        self._ready = asyncio.Event()

    # --- what it follows ----------------------------------------------------------------------------------------

    def subscribe(self, name: str, params: Mapping[str, Any], since: int | None) -> None:
        """Follow a topic, in place of what was followed under the same name. Raises InvalidInput."""
        topic = parse(name, params, self._rights)
        if name not in self._subscriptions and len(self._subscriptions) >= SUBSCRIPTIONS:
            raise InvalidInput.field("subscribe", "too_many", f"at most {SUBSCRIPTIONS} topics at once")
        self.drop(name)
        self._follow(Subscription(self, name, params), topic, since)

    def drop(self, name: str) -> None:
        """Follow it no more; what waits of it is not sent."""
        subscription = self._subscriptions.pop(name, None)
        if subscription and subscription.producer:
            self._hub.unfollow(subscription.producer, subscription)
            self._forget(subscription)

    def see(self, rights: Rights) -> None:
        """What the client may do may have changed: then everything it follows begins anew."""
        if rights == self._rights:
            return
        self._rights = rights
        for name, subscription in list(self._subscriptions.items()):
            self.subscribe(name, subscription.params, None)

    def close(self) -> None:
        for name in list(self._subscriptions):
            self.drop(name)

    def _follow(self, subscription: Subscription, topic: Topic, since: int | None) -> None:
        self._subscriptions[subscription.name] = subscription
        subscription.producer = self._hub.follow(subscription.name, topic, subscription, since)

    # --- what it is sent ----------------------------------------------------------------------------------------

    def tell(self, name: str, error: MeshError) -> None:
        """An error, of a topic or of what the client sent."""
        data = {"code": error.code, "detail": error.detail}
        self.enqueue(None, encode(name, 0, "error", data))

    def pong(self) -> None:
        self.enqueue(None, encode("ping", 0, "state", {}))

    def enqueue(self, subscription: Subscription | None, text: str) -> None:
        if len(self._queue) < QUEUE:
            self._queue.append((subscription, text))
        elif subscription:
            subscription.lagging = True
            self._forget(subscription)
        self._ready.set()

    def _forget(self, subscription: Subscription) -> None:
        self._queue = deque(waiting for waiting in self._queue if waiting[0] is not subscription)

    async def write(self) -> None:
        """Send what waits, for as long as the connection lives."""
        while True:
            await self._ready.wait()
            self._ready.clear()
            while self._queue:
                _, text = self._queue.popleft()
                await self._send(text)
                if not self._queue:
                    self._catch_up()

    def _catch_up(self) -> None:
        """The client reads again: tell it what it lost."""
        for subscription in self._subscriptions.values():
            if subscription.lagging and subscription.producer:
                subscription.lagging = False
                self._queue.append((subscription, subscription.producer.skipped()))
                self._queue.append((subscription, subscription.producer.state()))
