"""Rate limits of a route, or of what a service receives: the local ones as buckets kept here, the global ones as what
to ask of the shared counts. The clock is passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from math import ceil
from typing import NamedTuple

from proxies.core.errors import BadMessage, Flaw
from proxies.core.gcra import rate_of, take
from proxies.core.head import RequestHead
from proxies.core.match import header_value
from proxies.core.peers import Peer
from proxies.core.shared import Ask, Key, SharedCounts, compile_ask, shared
from proxies.core.usage import Use, Uses
from proxies.wire.routing import RateLimit

MAX_KEYS = 10_000
"""Buckets that one limit keeps. Keys come from strangers: what is beyond shares one bucket."""
SECOND_MS = 1000


class Over(NamedTuple):
    """A request above a limit: which, and after how many whole seconds one would pass (at least 1)."""

    limit: RateLimit
    retry_after_s: int


Judge = Callable[[RequestHead, Peer], Over | None]


class Gate(NamedTuple):
    """What a request must pass: the judgement of local limits, then what to ask about global ones."""

    judge: Judge | None = None
    ask: Ask | None = None


OPEN = Gate()


class Bucket:
    """One limit's buckets by key; those of one of several ``processes`` hold their part of it."""

    __slots__ = ("_full_at", "_next_prune", "_rate", "limit", "use")

    def __init__(self, limit: RateLimit, use: Use | None = None, processes: int = 1) -> None:
        self.limit = limit
        self.use = use or Use()
        self._rate = rate_of(limit, SECOND_MS, processes)
        self._full_at: dict[Key, float] = {}
        self._next_prune = 0.0

    def take(self, key: Key, now: float) -> float:
        """Take one token. 0 where there was one, else the seconds until there will be; then nothing is taken."""
        full_at = self._full_at.get(key)
        if full_at is None and len(self._full_at) >= MAX_KEYS:
            key, full_at = self._make_room(key, now)
        wait, full_at = take(now if full_at is None else full_at, now, self._rate)
        if wait:
            self.use.limited += 1
            return wait
        self.use.allowed += 1
        self._full_at[key] = full_at
        return 0.0

    def _make_room(self, key: Key, now: float) -> tuple[Key, float | None]:
        """Forget the buckets that are full; where too few are, give the key the bucket that all such keys share."""
        if now >= self._next_prune:
            self._next_prune = now + 1.0
            self._full_at = {known: at for known, at in self._full_at.items() if at > now}
        if len(self._full_at) < MAX_KEYS:
            return key, None
        return (), self._full_at.get(())


def compile_limits(buckets: Sequence[Bucket], clock: Callable[[], float]) -> Judge:
    """A judgement over requests: the first limit that one is above, or None. Limits before it have counted it. The
    clock is in seconds."""
    keyed = [(bucket, _key(bucket.limit)) for bucket in buckets]

    def judge(head: RequestHead, peer: Peer) -> Over | None:
        now = clock()
        for bucket, key in keyed:
            wait = bucket.take(key(head, peer), now)
            if wait:
                return Over(bucket.limit, ceil(wait))
        return None

    return judge


class Gates:
    """The gates of services' routes, and of what services receive. One whose limits stay as they are keeps its counts
    through other changes."""

    def __init__(
        self,
        clock: Callable[[], float],
        uses: Uses | None = None,
        counts: SharedCounts | None = None,
        processes: int = 1,
    ) -> None:
        """Without ``counts`` there are no global limits; ``processes`` share the local ones."""
        self._clock = clock
        self._uses = uses or Uses()
        self._counts = counts
        self._processes = processes
        self._gates: dict[tuple[str, str], tuple[Sequence[RateLimit], Gate]] = {}

    def gate(self, service: str, route: str, limits: Sequence[RateLimit]) -> Gate:
        """The gate of a route; ``route`` is empty for what the service receives. Raises BadMessage for a global limit
        where nobody holds shared counts."""
        if not limits:
            self._gates.pop((service, route), None)
            return OPEN
        known = self._gates.get((service, route))
        if known is None or known[0] != limits:
            known = self._gates[service, route] = (limits, self._compile(service, route, limits))
        return known[1]

    def keep(self, service: str, routes: Collection[str]) -> None:
        """Forget the gates of the service's other routes."""
        self._gates = {
            (name, route): known
            for (name, route), known in self._gates.items()
            if name != service or not route or route in routes
        }

    def _compile(self, service: str, route: str, limits: Sequence[RateLimit]) -> Gate:
        uses = {limit.name: self._uses.row(service, route, limit.name) for limit in limits}
        buckets = [Bucket(each, uses[each.name], self._processes) for each in limits if each.scope == "local"]
        asked = [shared(each, _key(each), uses[each.name]) for each in limits if each.scope == "global"]
        if asked and self._counts is None:
            raise BadMessage(f"limit {asked[0].limit.name} is global, which takes a control plane")
        return Gate(
            compile_limits(buckets, self._clock) if buckets else None,
            compile_ask(service, route, asked, self._counts) if asked and self._counts is not None else None,
        )


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
        if limit.scope == "local" and limit.on_error != "allow":
            yield Flaw(f"{index}.on_error", "unused", "a local limit asks nobody")


def _key(limit: RateLimit) -> Callable[[RequestHead, Peer], Key]:
    headers = [by.removeprefix("header:").encode() for by in limit.by if by.startswith("header:")]
    by_source = "source" in limit.by

    def key(head: RequestHead, peer: Peer) -> Key:
        parts = tuple(header_value(head, name) or b"" for name in headers)
        return (peer.who(), *parts) if by_source else (b"", *parts)

    return key
