"""What a decision is made of: a rollout as it is, and what was seen of the world at one moment. Pure values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meshui.rollouts.analysis.verdict import Kind
from meshui.rollouts.plan import AnyStep, Plan
from meshui.rollouts.states import PauseReason, Phase, State
from meshui.rollouts.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A rollout as its row says. ``desired`` is the traffic that it has committed, ``good`` the last that all proxies
    took. Times are of the database's clock."""

    plan: Plan
    state: State
    step_index: int
    phase: Phase
    phase_since: datetime
    step_since: datetime
    desired: Traffic
    good: Traffic
    pause_reason: PauseReason | None = None
    forced: bool = False
    webhook_tries: int = 0
    reason: str = ""
    told: str = ""
    """Of whom it last said that it waits for them, since its last revision."""

    @property
    def step(self) -> AnyStep:
        return self.plan.steps[self.step_index]

    @property
    def exposed(self) -> bool:
        return self.desired.exposes(self.plan.canary)


@dataclass(frozen=True, slots=True)
class Acks:
    """What proxies made of the rollout's last revision. ``waiting`` and ``refused`` are the names of connected proxies;
    those that are offline are waited for by nobody."""

    published: bool = True
    waiting: Sequence[str] = ()
    refused: Sequence[tuple[str, str]] = ()
    """Proxy and reason."""
    acked: int = 0
    offline: int = 0

    @property
    def settled(self) -> bool:
        """Every connected proxy has taken it."""
        return self.published and not self.waiting and not self.refused


@dataclass(frozen=True, slots=True)
class Judged:
    """What the analysis said of the canary when it last looked."""

    kind: Kind
    at: datetime
    pause: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The world at ``now``. ``actual`` is the traffic in the database and ``owned`` whether it is still marked as the
    rollout's; ``webhook`` is the outcome of a call just made."""

    now: datetime
    actual: Traffic
    acks: Acks = Acks()
    owned: bool = True
    stable_healthy: int = 1
    canary_healthy: int = 1
    verdict: Judged | None = None
    webhook: WebhookAnswer | None = None


@dataclass(frozen=True, slots=True)
class WebhookAnswer:
    ok: bool
    detail: str
    final: bool = False
    """Whether asking again is of no use."""


def elapsed(since: datetime, now: datetime, ms: int) -> bool:
    """Whether so many milliseconds have passed. A clock that was set back only makes it wait longer."""
    return now - since >= timedelta(milliseconds=ms)
