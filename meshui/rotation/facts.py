"""What a rotation knows when it decides. Values alone; ``observe`` fills them in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProxyFact:
    """``took``: it acknowledged the bundle of this state; ``refusal`` says why it did not. ``holds``: it
    reports a certificate under the root that signs; else ``others`` are the serials that it may hold, and
    ``ordered_at`` is when it was told to renew."""

    id: str
    service: str
    name: str
    joined_at: datetime
    last_seen_at: datetime | None
    ends_at: datetime | None
    offline: bool
    took: bool
    refusal: str
    holds: bool
    others: Sequence[str]
    ordered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Facts:
    """``published``: the bundle of this state went out; ``failure`` says why it cannot. ``last_replaced_at`` is of the
    certificates under the root that signs no more. ``registry``: the registry's own is one of them."""

    now: datetime
    published: bool
    failure: str
    proxies: Sequence[ProxyFact]
    last_replaced_at: datetime | None
    registry: bool
