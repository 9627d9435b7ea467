"""What of a service holds where connections are forwarded rather than requests: which settings would have no effect,
and how a version is drawn. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol as Shape
from typing import TypeVar

from proxies.core.balance import draw
from proxies.core.errors import Flaw
from proxies.wire.resilience import Breaker, HashOn, HealthCheck, RetryBudget
from proxies.wire.resources import TCP_IDLE_MS, Protocol, ServiceBody
from proxies.wire.routing import WeightedVersion

T = TypeVar("T")

CONNECT_TRIES = 2
"""Endpoints that one connection is tried at: where none of its bytes was sent, another one costs nothing."""
SETTLED_S = 1.0
"""After so long a connection counts as established though its endpoint has said nothing yet."""


class Balanced(Shape):
    @property
    def policy(self) -> str: ...
    @property
    def hash(self) -> HashOn: ...


class Guarded(Shape):
    """How callers guard themselves, as decided or as compiled."""

    @property
    def balancer(self) -> Balanced: ...
    @property
    def breaker(self) -> Breaker: ...
    @property
    def retry_budget(self) -> RetryBudget | None: ...
    @property
    def health_check(self) -> HealthCheck | None: ...
    @property
    def idle_timeout_ms(self) -> int: ...


def guard_flaws(guarded: Guarded, protocol: Protocol) -> Iterator[Flaw]:
    """The settings that mean nothing for a service of this protocol; paths as ``balancer.policy``."""
    if protocol == "http":
        if guarded.idle_timeout_ms != TCP_IDLE_MS:
            yield Flaw("idle_timeout_ms", "tcp_only", "an http service has the idle timeouts of its routes")
        return
    if guarded.balancer.policy == "peak_ewma":
        yield Flaw("balancer.policy", "http_only", "connections have no latency to compare")
    if guarded.balancer.hash.kind != "source":
        yield Flaw("balancer.hash.kind", "http_only", f"a connection has no {guarded.balancer.hash.kind}")
    for name in ("requests", "retries"):
        if getattr(guarded.breaker, name) != getattr(Breaker(), name):
            yield Flaw(f"breaker.{name}", "http_only", "a tcp service has connections, and no requests")
    budget = guarded.retry_budget
    if budget is None or (budget.percent, budget.min) != (RetryBudget().percent, RetryBudget().min):
        yield Flaw("retry_budget", "http_only", "a tcp service has no retries to spend it on")
    if guarded.health_check is not None and guarded.health_check.kind == "http":
        yield Flaw("health_check.kind", "http_only", "a tcp service is checked by tcp")


def protocol_flaws(body: ServiceBody) -> Iterator[Flaw]:
    """What of a compiled service does not go with its protocol."""
    yield from guard_flaws(body, body.protocol)
    if body.protocol == "http" and body.port:
        yield Flaw("port", "tcp_only", "an http service is called by its host")
    if body.protocol == "tcp" and not body.port:
        yield Flaw("port", "required", "a tcp service has a port")
    if body.protocol == "tcp" and body.routes:
        yield Flaw("routes", "http_only", "a tcp service has no routes")
    for index, weighted in enumerate(body.split if body.protocol == "tcp" else ()):
        if weighted.request_headers or weighted.response_headers:
            yield Flaw(f"split.{index}", "http_only", "a connection has no headers")


def compile_shares(
    split: Sequence[WeightedVersion], group: Callable[[str], T], rng: Callable[[], float]
) -> Callable[[], T | None]:
    """A choice among the split's versions, each made into what ``group`` gives for it; a version's share is its weight
    over the sum. None is chosen only where all weights are 0."""
    weighted = [(item.weight, group(item.version)) for item in split if item.weight]
    if not weighted:
        return lambda: None
    return draw([chosen for _, chosen in weighted], [weight for weight, _ in weighted], rng)
