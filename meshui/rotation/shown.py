"""What is shown of a rotation: the one place where its row and the facts become JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from meshui.core.actors import Actor
from meshui.core.api.bodies import View
from meshui.rotation.decide import Wait, awaited, is_gone, is_there, missing, wait
from meshui.rotation.facts import Facts, ProxyFact
from meshui.rotation.models import Rotation
from meshui.rotation.observe import observe
from meshui.rotation.states import BACK, FORWARD, Gate, State
from meshui.security.services.incoming import Source

SHOWN = 50
"""How many of the missing proxies are named."""
WAITS = {
    "publication": "The bundle of roots is about to be published.",
    "acknowledgements": "Proxies have yet to acknowledge the bundle of roots.",
    "certificates": "Proxies have yet to renew their certificates.",
    "registry": "The registry has yet to renew the certificate of its health checks.",
    "settling": "The last certificates were replaced a moment ago; handshakes that began with them may end first.",
    "paused": "Somebody paused it.",
}

WaitsCode = Literal["", "paused", "publication", "acknowledgements", "certificates", "registry", "settling"]


class RotationStepView(View, frozen=True, kw_only=True):
    """``at`` is when it began; ``skipped`` are those that an abort left out."""

    state: State
    status: Literal["done", "current", "ahead", "skipped"]
    at: datetime | None


class RotationProgressView(View, frozen=True, kw_only=True):
    """Of ``proxies`` in all, ``passed`` (somebody decided not to wait for them) and ``gone`` (their certificate ended
    while they were silent) are not waited for. Of the others, ``acknowledged`` took the bundle as it is now, and
    ``reissued`` report a certificate under the root that signs."""

    proxies: int
    passed: int
    gone: int
    acknowledged: int
    reissued: int


class MissingView(View, frozen=True, kw_only=True):
    """A proxy that is waited for, for what, and since when. ``error`` is why it refused the bundle."""

    proxy: str
    service: str
    name: str
    what: Literal["bundle", "certificate"]
    state: Literal["waiting", "offline", "refused"]
    since: datetime
    last_seen_at: datetime | None
    error: str


class PassedView(View, frozen=True, kw_only=True):
    proxy: str
    actor: str
    reason: str
    at: datetime


class MayView(View, frozen=True, kw_only=True):
    """What its state allows; whether you may is another question."""

    pause: bool
    resume: bool
    abort: bool
    pass_over: bool


class RotationView(View, frozen=True, kw_only=True):
    """``old`` and ``new`` are fingerprints of roots. ``progress`` is null once it is over. ``missing`` names the first
    of ``missing_total`` that you may view. ``waits_until`` is when it goes on by itself, where only time is missing."""

    id: int
    state: State
    paused: bool
    source: Source
    actor: str
    reason: str
    started_at: datetime
    state_since: datetime
    finished_at: datetime | None
    version: int
    old: str
    new: str
    steps: list[RotationStepView]
    progress: RotationProgressView | None
    missing: list[MissingView]
    missing_total: int
    passed: list[PassedView]
    may: MayView
    waits_for: str
    waits_code: WaitsCode
    waits_until: datetime | None


def rotation_view(actor: Actor, row: Rotation) -> RotationView:
    """A rotation as the actor may see it."""
    facts = None if row.over or not row.pk else observe(row)
    absent = _missing(row, facts) if facts else []
    held = wait(row.step, facts, row.passed) if facts else Wait()
    code: WaitsCode = "paused" if row.paused else held.reason
    return RotationView(
        id=row.pk or 0,
        state=row.state,
        paused=row.paused,
        source=row.source,
        actor=row.actor,
        reason=row.reason,
        started_at=row.started_at,
        state_since=row.state_since,
        finished_at=row.finished_at,
        version=row.version,
        old=row.old.fingerprint,
        new=row.new.fingerprint,
        steps=_steps(row),
        progress=_progress(row, facts) if facts else None,
        missing=[view for view in absent if actor.may("view", view.service.partition("/")[0])][:SHOWN],
        missing_total=len(absent),
        passed=_passed(row),
        may=MayView(
            pause=not row.over and not row.paused,
            resume=row.paused,
            abort=row.step.abortable,
            pass_over=bool(absent),
        ),
        waits_for=(facts.failure if facts else "") or WAITS.get(code, ""),
        waits_code=code,
        waits_until=None if row.paused else held.until,
    )


def _steps(row: Rotation) -> list[RotationStepView]:
    began = {entry["state"]: datetime.fromisoformat(entry["at"]) for entry in row.history}
    withdrawn = any(state in began for state in BACK)
    shown: Sequence[State] = (*(s for s in FORWARD if s in began), *BACK) if withdrawn else FORWARD
    return [RotationStepView(state=state, status=_status(row, state, began), at=began.get(state)) for state in shown]


def _status(row: Rotation, state: State, began: dict[str, datetime]) -> Literal["done", "current", "ahead"]:
    if state == row.state:
        return "done" if row.over else "current"
    return "done" if state in began else "ahead"


def _progress(row: Rotation, facts: Facts) -> RotationProgressView:
    counted = awaited(facts, row.passed)
    return RotationProgressView(
        proxies=len(facts.proxies),
        passed=sum(proxy.id in row.passed for proxy in facts.proxies),
        gone=sum(is_gone(proxy, facts.now) and proxy.id not in row.passed for proxy in facts.proxies),
        acknowledged=sum(is_there(proxy, "bundle") for proxy in counted),
        reissued=sum(is_there(proxy, "certificates") for proxy in counted),
    )


def _missing(row: Rotation, facts: Facts) -> list[MissingView]:
    gate = row.step.gate
    return [_one_missing(row, proxy, gate) for proxy in missing(gate, facts, row.passed)] if gate else []


def _one_missing(row: Rotation, proxy: ProxyFact, gate: Gate) -> MissingView:
    bundle = gate == "bundle"
    state: Literal["waiting", "offline", "refused"] = "offline" if proxy.offline else "waiting"
    return MissingView(
        proxy=proxy.id,
        service=proxy.service,
        name=proxy.name,
        what="bundle" if bundle else "certificate",
        state="refused" if bundle and proxy.refusal else state,
        since=max(row.state_since, proxy.joined_at),
        last_seen_at=proxy.last_seen_at,
        error=proxy.refusal if bundle else "",
    )


def _passed(row: Rotation) -> list[PassedView]:
    return [
        PassedView(proxy=proxy, actor=by["actor"], reason=by["reason"], at=datetime.fromisoformat(by["at"]))
        for proxy, by in row.passed.items()
    ]
