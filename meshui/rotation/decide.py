"""What a rotation does next, by its state and the facts. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from meshui.rotation.facts import Facts, ProxyFact
from meshui.rotation.states import Gate, Step

SETTLING = timedelta(seconds=15)
"""After the last certificate of a root was replaced: longer than a handshake that began with it may take (10 s)."""
UNDER_WAY = timedelta(seconds=30)
"""For how long a proxy that was told to renew counts as busy with it."""

Reason = Literal["", "publication", "acknowledgements", "certificates", "registry", "settling"]


@dataclass(frozen=True, slots=True)
class Wait:
    """Why a state is not left yet; ``until`` where only time is missing."""

    reason: Reason = ""
    until: datetime | None = None


def is_gone(proxy: ProxyFact, now: datetime) -> bool:
    """Whether its certificate ended while it was silent: it has to join again, whatever we do."""
    return proxy.offline and proxy.ends_at is not None and proxy.ends_at <= now


def is_there(proxy: ProxyFact, gate: Gate) -> bool:
    """Whether the gate has what it wants of this proxy."""
    return proxy.took if gate == "bundle" else proxy.holds


def awaited(facts: Facts, passed: Collection[str]) -> list[ProxyFact]:
    """The proxies that count: all but those that are gone, or that somebody passed over."""
    return [proxy for proxy in facts.proxies if proxy.id not in passed and not is_gone(proxy, facts.now)]


def missing(gate: Gate, facts: Facts, passed: Collection[str]) -> list[ProxyFact]:
    """Whom the gate waits for."""
    return [proxy for proxy in awaited(facts, passed) if not is_there(proxy, gate)]


def wait(step: Step, facts: Facts, passed: Collection[str]) -> Wait:
    """What holds the step; an empty reason: nothing."""
    if step.gate is None:
        return Wait()
    if step.gate == "bundle":
        if not facts.published:
            return Wait("publication")
        return Wait("acknowledgements") if missing("bundle", facts, passed) else Wait()
    if missing(step.gate, facts, passed):
        return Wait("certificates")
    return _leaving(facts) if step.gate == "leaves" else Wait()


def _leaving(facts: Facts) -> Wait:
    if facts.registry:
        return Wait("registry")
    settled = facts.last_replaced_at and facts.last_replaced_at + SETTLING
    return Wait("settling", settled) if settled and facts.now < settled else Wait()


def to_order(step: Step, facts: Facts, at_once: int) -> list[ProxyFact]:
    """Who is told to renew now: as many as may be under way at once, those first whose certificate ends first. Who was
    passed over is told as well, should it come back."""
    if step.gate not in ("certificates", "leaves"):
        return []
    behind = [proxy for proxy in facts.proxies if not proxy.holds and proxy.others]
    busy = [p for p in behind if p.ordered_at and not p.offline and facts.now - p.ordered_at < UNDER_WAY]
    waiting = [proxy for proxy in behind if proxy.ordered_at is None]
    return waiting[: max(0, at_once - len(busy))]
