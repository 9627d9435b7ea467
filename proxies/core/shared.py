"""Limits that all proxies keep together: what is asked of whoever holds the shared counts, and what an answer means.

Knows nothing of where the counts are. A request that must be asked about is told by ``Undecided``: its caller holds it
until there is a verdict, and goes on with ``go``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2s
from typing import Any, NamedTuple, Protocol

from proxies.core.gcra import Rate, rate_of
from proxies.core.head import RequestHead
from proxies.core.peers import Peer
from proxies.core.usage import Use
from proxies.wire import keys
from proxies.wire.routing import RateLimit

MICROSECOND_MS = 0.001
Key = tuple[bytes, ...]


class Shared(NamedTuple):
    """A global limit, compiled: its rate in microseconds, and the key of what it counts together."""

    limit: RateLimit
    rate: Rate
    key: Callable[[RequestHead, Peer], Key]
    use: Use


class Question(NamedTuple):
    """Is there room under each of these limits, whose counts stand under ``places``? Then one is taken of each, else
    of none."""

    limits: Sequence[Shared]
    places: Sequence[str]


class Verdict(NamedTuple):
    """``over`` is the index of the first limit without room, None where all had it; ``wait_s`` until it has again."""

    over: int | None = None
    wait_s: float = 0.0


Then = Callable[[Verdict | None], None]
"""Gets the verdict; None where there was no answer in time."""


class SharedCounts(Protocol):
    """Who holds the shared counts."""

    def ask(self, question: Question, then: Then) -> None:
        """Always answers, within a time that a request can be held for; maybe at once."""


Ask = Callable[[RequestHead, Peer], tuple[Question, Callable[[Then], None]]]


class Undecided(Exception):
    """A request that shared counts decide on. ``go`` is the rest of its choice, under a verdict."""

    def __init__(self, ask: Callable[[Then], None], go: Callable[[Verdict | None], Any]) -> None:
        super().__init__("shared counts decide")
        self.ask = ask
        self.go = go


def compile_ask(service: str, route: str, limits: Sequence[Shared], counts: SharedCounts) -> Ask:
    """What to ask about a request, and the asking. ``route`` is empty for what the service receives."""

    def ask(head: RequestHead, peer: Peer) -> tuple[Question, Callable[[Then], None]]:
        places = [keys.limit(service, route, each.limit.name, _digest(each.key(head, peer))) for each in limits]
        question = Question(limits, places)
        return question, lambda then: counts.ask(question, then)

    return ask


def shared(limit: RateLimit, key: Callable[[RequestHead, Peer], Key], use: Use) -> Shared:
    return Shared(limit, rate_of(limit, MICROSECOND_MS), key, use)


def _digest(key: Key) -> str:
    """Keys come from strangers: of any length, and nobody's business."""
    digest = blake2s(digest_size=12)
    for part in key:
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.hexdigest()
