"""Local rate limits: token buckets, kept as the one moment at which each would be full again (the generic cell rate
algorithm, ITU-T I.371). The clock is passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from proxies.core.errors import Flaw
from proxies.core.head import RequestHead
from proxies.core.match import header_value
from proxies.core.peers import Peer
from proxies.wire.routing import RateLimit

MAX_KEYS = 10_000
"""Buckets that one limit keeps. Keys come from strangers: what is beyond shares one bucket."""
Key = tuple[bytes, ...]


class Over(NamedTuple):
    """A request above a limit: which, and after how many whole seconds one would pass (at least 1)."""

    limit: RateLimit
    retry_after_s: int


Judge = Callable[[RequestHead, Peer], Over | None]


class Bucket:
    """One limit's buckets by key."""

    __slots__ = ("_full_at", "_next_prune", "_period_s", "_room_s", "limit")

    def __init__(self, limit: RateLimit) -> None:
        self.limit = limit
        self._period_s = limit.per_ms / 1000 / limit.requests
        self._room_s = self._period_s * ((limit.burst or limit.requests) - 1)
        self._full_at: dict[Key, float] = {}
        self._next_prune = 0.0

    def take(self, key: Key, now: float) -> float:
        """Take one token. 0 where there was one, else the seconds until there will be; then nothing is taken."""
        full_at = self._full_at.get(key)
        if full_at is None and len(self._full_at) >= MAX_KEYS:
            key, full_at = self._make_room(key, now)
        if full_at is None or full_at < now:
            full_at = now
        wait = full_at - now - self._room_s
        if wait > 1e-9:  # sums of periods are not exact
            return wait
        self._full_at[key] = full_at + self._period_s
        return 0.0

    def _make_room(self, key: Key, now: float) -> tuple[Key, float | None]:
        """Forget the buckets that are full; where too few are, give the key the bucket that all such keys share."""
        if now >= self._next_prune:
            self._next_prune = now + 1.0
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
        if len(self._full_at) < MAX_KEYS:
            return key, None
        return (), self._full_at.get(())


def compile_limits(limits: Sequence[RateLimit], clock: Callable[[], float]) -> Judge:
    """A judgement over requests: the first limit that one is above, or None. Limits before it have counted it. The
    clock is in seconds."""
    buckets = [(Bucket(limit), _key(limit)) for limit in limits]

    def judge(head: RequestHead, peer: Peer) -> Over | None:
        now = clock()
        for bucket, key in buckets:
            wait = bucket.take(key(head, peer), now)
            if wait:
                return Over(bucket.limit, ceil(wait))
        return None

    return judge


class Judges:
    """The judges of a service's routes. One whose limits stay as they are keeps its counts through other changes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._judges: dict[str, tuple[Sequence[RateLimit], Judge]] = {}

    def judge(self, name: str, limits: Sequence[RateLimit]) -> Judge | None:
        """The judge of the route with this name, or None for no limits."""
        if not limits:
            self._judges.pop(name, None)
            return None
        known = self._judges.get(name)
        if known is None or known[0] != limits:
            known = self._judges[name] = (limits, compile_limits(limits, self._clock))
        return known[1]

    def keep(self, names: Collection[str]) -> None:
        """Forget the judges of routes with other names."""
        self._judges = {name: known for name, known in self._judges.items() if name in names}


def limit_flaws(limits: Sequence[RateLimit]) -> Iterator[Flaw]:
    """What is wrong with a list of limits, paths as ``0.name``."""
    seen: set[str] = set()
    for index, limit in enumerate(limits):
        if limit.name in seen:
            yield Flaw(f"{index}.name", "duplicate", f"another limit is named {limit.name!r}")
        seen.add(limit.name)
        for number, by in enumerate(limit.by):
            if by in limit.by[:number]:
                yield Flaw(f"{index}.by.{number}", "duplicate", f"{by} stands there twice")


def _key(limit: RateLimit) -> Callable[[RequestHead, Peer], Key]:
    headers = [by.removeprefix("header:").encode() for by in limit.by if by.startswith("header:")]
    by_source = "source" in limit.by

    def key(head: RequestHead, peer: Peer) -> Key:
        parts = tuple(header_value(head, name) or b"" for name in headers)
        return (peer.who(), *parts) if by_source else (b"", *parts)

    return key
