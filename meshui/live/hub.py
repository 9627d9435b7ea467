"""One producer for each topic that is followed, whoever follows it: two hundred dashboards cost about what one does.

A producer reads its topic's state when woken, numbers what changed, encodes it once and offers it to every subscriber.
Offering never waits: a subscriber that cannot take it is the subscriber's own affair. The last messages stay in a ring,
so that a client that was away for a moment gets what it missed; numbers begin at random, so that those of another
process or of an earlier life are never mistaken for ours.

Everything here runs in one event loop; reading runs in threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import msgspec
from channels.db import DatabaseSyncToAsync
from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from meshui.core.concurrency import end
from meshui.core.errors import MeshError
from meshui.core.redis import async_client
from meshui.delivery.signals import LIVE_CHANNEL
from meshui.live.topics import Topic
from meshui.telemetry import window

log = logging.getLogger(__name__)

RING = 64
"""Messages kept for clients that come back."""
LINGER_S = 30.0
"""How long a producer goes on without subscribers."""
PACE_S = 0.1
"""The least time between two reads: a burst of hints is one read."""
RETRY_S = 1.0

_encoder = msgspec.json.Encoder()


class Subscriber(Protocol):
    """Who gets the messages of one topic. Neither method waits."""

    def offer(self, text: str) -> None: ...

    def failed(self, error: MeshError) -> None:
        """There is no such state; nothing more will come."""


class Message(msgspec.Struct, frozen=True):
    topic: str
    seq: int
    kind: str
    data: Any
    at: float


def encode(name: str, seq: int, kind: str, data: Any) -> str:
    """A message to a client."""
    return _encoder.encode(Message(name, seq, kind, data, round(time.time(), 3))).decode()


class Tasks:
    """Keeps background tasks from being lost, and says in the log when one fails."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("a background task failed", exc_info=error)

    async def stop(self) -> None:
        await end(self._tasks)


class Producer:
    """One topic: its state, its number and the messages that led there."""

    def __init__(self, name: str, topic: Topic) -> None:
        self.name = name
        self.topic = topic
        self.subscribers: set[Subscriber] = set()
        self._wake = asyncio.Event()
        self._state: Any = None
        self._seq = secrets.randbelow(1 << 20) << 32
        self._known = False
        self._shown: str | None = None
        self._ring: deque[tuple[int, str]] = deque(maxlen=RING)

    def wake(self) -> None:
        self._wake.set()

    async def run(self) -> None:
        """Until nobody has followed for a while, or the topic has no state to show."""
        alone_since: float | None = None
        complained = False
        while True:
            self._wake.clear()
            try:
                self._take(await DatabaseSyncToAsync(self.topic.read, thread_sensitive=False)())
                complained = False
            except MeshError as error:
                self._fail(error)
                return
            except (DatabaseError, RedisError) as error:
                if not complained:
                    log.warning("topic %s waits: %s", self.name, error)
                complained = True
                await asyncio.sleep(RETRY_S)
            await asyncio.sleep(PACE_S)
            await self._woken()
            now = asyncio.get_running_loop().time()
            alone_since = None if self.subscribers else alone_since or now
            if alone_since is not None and now - alone_since > LINGER_S:
                return

    async def _woken(self) -> None:
        every_s = LINGER_S if self._known and self.topic.ended(self._state) else self.topic.every_s
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), every_s)

    # --- messages -----------------------------------------------------------------------------------------------

    def _take(self, state: Any) -> None:
        if not self._known:
            self._state, self._known = state, True
            self._offer(self.state())
            return
        difference = self.topic.diff(self._state, state)
        if difference is None:
            return
        self._state, self._shown = state, None
        self._seq += 1
        if self.topic.whole:
            text = self.state()
        else:
            text = encode(self.name, self._seq, "diff", difference)
        self._ring.append((self._seq, text))
        self._offer(text)

    def _offer(self, text: str) -> None:
        for subscriber in list(self.subscribers):
            subscriber.offer(text)

    def _fail(self, error: MeshError) -> None:
        for subscriber in list(self.subscribers):
            subscriber.failed(error)
        self.subscribers.clear()

    def state(self) -> str:
        """The state as a message."""
        if self._shown is None:
            self._shown = encode(self.name, self._seq, "state", self.topic.show(self._state))
        return self._shown

    def skipped(self) -> str:
        return encode(self.name, self._seq, "skipped", {})

    def join(self, subscriber: Subscriber, since: int | None) -> None:
        """Begin to offer: what came after ``since`` where that is known, else the state."""
        self.subscribers.add(subscriber)
        if self._known:
            for text in self._missed(since):
                subscriber.offer(text)

    def _missed(self, since: int | None) -> list[str]:
        if since == self._seq:
            return []
        if since is not None and not self.topic.whole and self._ring and self._ring[0][0] <= since + 1 <= self._seq:
            return [text for seq, text in self._ring if seq > since]
        return [self.state()]


class Hub:
    """The producers of this process, and what wakes them: frames, and delivery's hints."""

    def __init__(self) -> None:
        self._producers: dict[tuple[str, Topic], Producer] = {}
        self._tasks = Tasks()
        self._unlisten: Callable[[], None] | None = None
        self._started = False

    def follow(self, name: str, topic: Topic, subscriber: Subscriber, since: int | None) -> Producer:
        """Subscribe; the first subscriber starts the producer."""
        if not self._started:
            self._started = True
            self._tasks.start(self._listen_to_frames())
            self._tasks.start(self._listen_to_hints())
        producer = self._producers.get((name, topic))
        if producer is None:
            producer = self._producers[name, topic] = Producer(name, topic)
            self._tasks.start(self._produce(producer))
        producer.join(subscriber, since)
        return producer

    def unfollow(self, producer: Producer, subscriber: Subscriber) -> None:
        producer.subscribers.discard(subscriber)

    async def stop(self) -> None:
        if self._unlisten:
            self._unlisten()
        await self._tasks.stop()

    async def _produce(self, producer: Producer) -> None:
        try:
            await producer.run()
        finally:
            del self._producers[producer.name, producer.topic]

    def _wake(self, wake: str) -> None:
        for producer in self._producers.values():
            if producer.topic.wake == wake:
                producer.wake()

    async def _listen_to_frames(self) -> None:
        loop = asyncio.get_running_loop()
        frames = await asyncio.to_thread(window.shared)

        def framed() -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._wake, "frame")

        self._unlisten = frames.listen(framed)

    async def _listen_to_hints(self) -> None:
        """Hints are at most once; every topic also reads by itself now and then."""
        while True:
            try:
                async with async_client() as client, client.pubsub() as channel:
                    await channel.subscribe(LIVE_CHANNEL)
                    self._wake("hint")
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._wake("hint")
            except (RedisError, OSError) as error:
                log.info("hints wait: %s", error)
            await asyncio.sleep(RETRY_S)


_hubs: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The hub of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]
