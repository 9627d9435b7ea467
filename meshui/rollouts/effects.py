"""What may be decided to be done with a rollout. Pure values; those of one decision are carried out together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meshui.rollouts.states import Event, PauseReason, Phase, Told
from meshui.rollouts.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Move:
    """Another state of the table, with the reason in a sentence."""

    event: Event
    why: str
    pause: PauseReason | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """Commit this traffic as one revision."""

    traffic: Traffic
    why: str


@dataclass(frozen=True, slots=True)
class Enter:
    """Another phase of the same step."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class Finish:
    """The current step is done; the next one begins."""


@dataclass(frozen=True, slots=True)
class Settle:
    """All proxies took what was committed: it is the last good traffic."""


@dataclass(frozen=True, slots=True)
class Release:
    """The service's traffic is its team's again."""


@dataclass(frozen=True, slots=True)
class Say:
    """A line in the story; nothing else changes."""

    kind: Told
    why: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallWebhook:
    """Ask an address, then decide again. It comes alone: it is no part of a transaction."""

    url: str


@dataclass(frozen=True, slots=True)
class CountTry:
    """One more try of a webhook failed."""

    why: str


Effect = Move | Apply | Enter | Finish | Settle | Release | Say | CallWebhook | CountTry
Effects = list[Effect]
