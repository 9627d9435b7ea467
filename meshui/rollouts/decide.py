"""What to do next: the rules of a rollout, without I/O.

``decide`` looks at a rollout and at the world and answers with effects that belong together: whoever carries them out
does so in one transaction, looks again, and asks again until the answer is empty. It is asked at every tick, so nothing
here remembers anything: what matters is in the snapshot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from meshui.rollouts import durations
from meshui.rollouts.effects import Apply, CallWebhook, CountTry, Effects, Enter, Finish, Move, Release, Say, Settle
from meshui.rollouts.plan import Bake, Webhook, place
from meshui.rollouts.snapshot import Seen, Snapshot, elapsed
from meshui.rollouts.states import CLEARS, Event, PauseReason, Phase, State
from meshui.rollouts.traffic import Traffic, at_step, promoted, rolled_back

PHASES_OF: Mapping[str, tuple[Phase, ...]] = {
    "set_weight": ("applying", "propagating", "warming"),
    "set_match": ("applying", "propagating", "warming"),
    "set_mirror": ("applying", "propagating", "warming"),
    "bake": ("analysing",),
    "analyse": ("analysing",),
    "approve": ("gating",),
    "pause": ("gating",),
    "webhook": ("gating",),
}
"""The phases in which each kind of step has something to do; the others it leaves at once."""

WEBHOOK_TRIES = 3
NAMED = 5
"""Proxies that a sentence names; more are counted."""


# --- the rules --------------------------------------------------------------------------------------------------


def decide(rollout: Snapshot, seen: Seen) -> Effects:
    """What to do now; empty where there is nothing to do but wait."""
    rule = _RULES.get(rollout.state)
    return rule(rollout, seen) if rule else []


def start(rollout: Snapshot, why: str) -> Effects:
    """The first commit: the service's traffic becomes the rollout's."""
    return [Move("start", why), Apply(at_step(rollout.plan, -1), why)]


def roll_back(rollout: Snapshot, seen: Seen, event: Event, why: str) -> Effects:
    """Everything to stable in one revision, whatever the metrics say; where no stable instance is healthy, wait for
    one, unless forced."""
    if seen.stable_healthy or rollout.forced:
        return [Move(event, why), Apply(rolled_back(rollout.plan), why)]
    if rollout.pause_reason == "stable_unhealthy":
        return []
    return [Move("stable_lost", f"{why}; but no instance of {rollout.plan.stable} is healthy", "stable_unhealthy")]


def promote(rollout: Snapshot, event: Event, why: str) -> Effects:
    """Everything to the canary, in one revision."""
    return [Move(event, why), Apply(promoted(rollout.plan), why)]


def _progressing(rollout: Snapshot, seen: Seen) -> Effects:
    return (
        _failure(rollout, seen)
        or _drift(rollout, seen)
        or _refusal(rollout, seen)
        or _question(rollout, seen)
        or _deadline(rollout, seen)
        or _PHASES[rollout.phase](rollout, seen)
    )


def _paused(rollout: Snapshot, seen: Seen) -> Effects:
    if rollout.pause_reason == "stable_unhealthy":
        if not seen.stable_healthy:
            return []
        return roll_back(rollout, seen, "stable_back", f"{rollout.plan.stable} is healthy again ({rollout.reason})")
    frozen = rollout.pause_reason == "verdict" and rollout.plan.on_fail == "freeze"
    if not frozen and (failure := _failure(rollout, seen)):
        return failure
    if rollout.pause_reason in CLEARS and _cleared(rollout, seen):
        return [Move("clear", f"the reason for the pause ({rollout.pause_reason}) is gone")]
    return []


def _promoting(rollout: Snapshot, seen: Seen) -> Effects:
    if why := _failed(rollout, seen) or _refused(seen):
        return roll_back(rollout, seen, "fail", why)
    if not _as_desired(rollout, seen):
        return [Apply(promoted(rollout.plan), "somebody else changed the traffic")]
    if rollout.phase == "propagating":
        return [Settle(), Enter("analysing")] if seen.acks.settled else _late(rollout, seen)
    if _holds(seen) or not elapsed(rollout.phase_since, seen.now, rollout.plan.safety.post_check_ms):
        return []
    checked = durations.spell(rollout.plan.safety.post_check_ms)
    return [Move("settled", f"{rollout.plan.canary} has all the traffic and was fine for {checked}"), Release()]


def _rolling_back(rollout: Snapshot, seen: Seen) -> Effects:
    if not seen.stable_healthy and not rollout.forced:
        return roll_back(rollout, seen, "stable_lost", rollout.reason)
    if not _as_desired(rollout, seen):
        return [Apply(rolled_back(rollout.plan), "somebody else changed the traffic")]
    if not seen.acks.settled:
        return _late(rollout, seen)
    return [Settle(), Move("settled", rollout.reason), Release()]


# --- what stops a step ------------------------------------------------------------------------------------------


def _failure(rollout: Snapshot, seen: Seen) -> Effects:
    why = _failed(rollout, seen)
    if not why:
        return []
    if rollout.plan.on_fail == "freeze":
        return [Move("freeze", why, "verdict")]
    return roll_back(rollout, seen, "fail", why)


def _failed(rollout: Snapshot, seen: Seen) -> str:
    """Why the canary has failed; empty where it has not."""
    exposing = rollout.exposed or (rollout.phase == "applying" and _wanted(rollout).exposes(rollout.plan.canary))
    if not exposing:
        return ""
    if not seen.canary_healthy:
        return f"no instance of {rollout.plan.canary} is healthy"
    return seen.verdict.reason if seen.verdict and seen.verdict.kind == "fail" else ""


def _drift(rollout: Snapshot, seen: Seen) -> Effects:
    if rollout.phase == "applying" or _as_desired(rollout, seen):
        return []
    return [Move("hold", f"somebody else changed the traffic: {_difference(rollout, seen)}", "drift")]


def _difference(rollout: Snapshot, seen: Seen) -> str:
    if not seen.owned:
        return "it is not marked as this rollout's any more"
    if seen.actual.weights == rollout.desired.weights:
        return "the matches, mirror or stickiness are not those that this rollout set"
    return f"it is {_spelled(seen.actual)}, not {_spelled(rollout.desired)} as this rollout set it"


def _spelled(split: Traffic) -> str:
    return ", ".join(f"{version} {weight}" for version, weight in sorted(split.weights.items()))


def _as_desired(rollout: Snapshot, seen: Seen) -> bool:
    return seen.owned and seen.actual == rollout.desired


def _refusal(rollout: Snapshot, seen: Seen) -> Effects:
    """Back to the last good revision, and wait for a person: the same again would be refused again."""
    why = _refused(seen)
    if not why or rollout.phase != "propagating":
        return []
    return [Apply(rollout.good, why), Enter("applying"), Move("hold", f"{why}; went back to what all took", "laggards")]


def _refused(seen: Seen) -> str:
    return "; ".join(f"{proxy} refused it: {error}" for proxy, error in seen.acks.refused[:NAMED])


def _question(rollout: Snapshot, seen: Seen) -> Effects:
    """The analysis asks for a person: it has had nothing to judge by for too long, or cannot tell."""
    verdict = seen.verdict
    if not rollout.exposed or verdict is None or not verdict.pause:
        return []
    return [Move("hold", verdict.reason, _ASKS.get(verdict.kind, "inconclusive"))]


def _deadline(rollout: Snapshot, seen: Seen) -> Effects:
    limit = rollout.plan.safety.step_deadline_ms
    if not elapsed(rollout.step_since, seen.now, limit):
        return []
    verdict = seen.verdict
    if rollout.step.kind == "analyse" and verdict and verdict.kind == "inconclusive":
        return [Move("hold", f"no verdict within {durations.spell(limit)}: {verdict.reason}", "inconclusive")]
    return [Move("hold", f"the step took longer than {durations.spell(limit)}", "deadline")]


def _cleared(rollout: Snapshot, seen: Seen) -> bool:
    """Whether the reason for the pause is gone by itself."""
    kind = seen.verdict.kind if seen.verdict else None
    match rollout.pause_reason:
        case "drift":
            return _as_desired(rollout, seen)
        case "laggards":  # after a refusal the step waits to be applied again, which a person has to ask for
            return rollout.phase == "propagating" and seen.acks.settled
        case "no_data":
            return kind in ("pass", "inconclusive") and not _asks(seen)
        case "metrics_down":
            return kind is not None and kind != "error" and not _asks(seen)
        case "inconclusive":
            return kind == "pass"
        case _:
            return False


def _asks(seen: Seen) -> bool:
    return seen.verdict is not None and seen.verdict.pause


def _holds(seen: Seen) -> bool:
    """Nothing goes on while a metric's source is down."""
    return seen.verdict is not None and seen.verdict.kind == "error"


# --- the phases of a step ---------------------------------------------------------------------------------------


def _applying(rollout: Snapshot, seen: Seen) -> Effects:
    return [Apply(_wanted(rollout), f"step {rollout.step_index + 1}: {rollout.step.kind}"), Enter("propagating")]


def _wanted(rollout: Snapshot) -> Traffic:
    return at_step(rollout.plan, rollout.step_index)


def _propagating(rollout: Snapshot, seen: Seen) -> Effects:
    if seen.acks.settled:
        return [Settle(), *_next(rollout)]
    if not elapsed(rollout.phase_since, seen.now, rollout.plan.safety.ack_deadline_ms):
        return []
    return [Move("hold", _laggards(rollout, seen), "laggards")]


def _warming(rollout: Snapshot, seen: Seen) -> Effects:
    if _holds(seen) or not elapsed(rollout.phase_since, seen.now, rollout.plan.safety.warm_ms):
        return []
    return _next(rollout)


def _analysing(rollout: Snapshot, seen: Seen) -> Effects:
    if isinstance(rollout.step, Bake):
        done = elapsed(rollout.phase_since, seen.now, rollout.step.ms) and not _holds(seen)
    else:  # what was said before this step is not about it
        verdict = seen.verdict
        done = verdict is not None and verdict.kind == "pass" and verdict.at > rollout.phase_since
    return _next(rollout) if done else []


def _gating(rollout: Snapshot, seen: Seen) -> Effects:
    step = rollout.step
    if step.kind == "approve":
        return [Move("hold", "it waits for approval", "approval")]
    if not isinstance(step, Webhook):
        return [Move("hold", "the plan pauses here", "manual")]
    answer = seen.webhook
    if answer is None:
        return [CallWebhook(step.url)]
    if answer.ok:
        return [Say("webhook", f"{place(step.url)}: {answer.detail}"), *_next(rollout)]
    if not answer.final and rollout.webhook_tries + 1 < WEBHOOK_TRIES:
        return [CountTry(f"{place(step.url)}: {answer.detail}")]
    return [Move("hold", f"the webhook {place(step.url)} did not agree: {answer.detail}", "verdict")]


def _next(rollout: Snapshot) -> Effects:
    """The step's next phase, or what comes after it."""
    phases = PHASES_OF[rollout.step.kind]
    place = phases.index(rollout.phase) + 1
    if place < len(phases):
        return [Enter(phases[place])]
    return finished(rollout)


def finished(rollout: Snapshot) -> Effects:
    """The next step, or the promotion after the last one."""
    if rollout.step_index + 1 < len(rollout.plan.steps):
        return [Finish()]
    return [Finish(), *promote(rollout, "plan_done", "all steps are done")]


def _late(rollout: Snapshot, seen: Seen) -> Effects:
    """Name whom a commit waits for, once; waiting goes on."""
    if not elapsed(rollout.phase_since, seen.now, rollout.plan.safety.ack_deadline_ms):
        return []
    why = _refused(seen) or _laggards(rollout, seen)
    return [] if why == rollout.told else [Say("laggards", why)]


def _laggards(rollout: Snapshot, seen: Seen) -> str:
    within = durations.spell(rollout.plan.safety.ack_deadline_ms)
    if not seen.acks.published:
        return f"it was not published within {within}"
    names = list(seen.acks.waiting)
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"not acknowledged within {within} by {', '.join(names[:NAMED])}{more}"


def first_phase(kind: str) -> Phase:
    """Where a step begins."""
    return PHASES_OF[kind][0]


def due(rollout: Snapshot) -> datetime | None:
    """When the phase ends by the clock; None where it waits for something else."""
    match rollout.state, rollout.phase:
        case "progressing", "warming":
            ms = rollout.plan.safety.warm_ms
        case "progressing", "analysing" if isinstance(rollout.step, Bake):
            ms = rollout.step.ms
        case "promoting", "analysing":
            ms = rollout.plan.safety.post_check_ms
        case _:
            return None
    return rollout.phase_since + timedelta(milliseconds=ms)


_RULES: Mapping[State, Callable[[Snapshot, Seen], Effects]] = {
    "progressing": _progressing,
    "paused": _paused,
    "promoting": _promoting,
    "rolling_back": _rolling_back,
}
_PHASES: Mapping[Phase, Callable[[Snapshot, Seen], Effects]] = {
    "applying": _applying,
    "propagating": _propagating,
    "warming": _warming,
    "analysing": _analysing,
    "gating": _gating,
}
_ASKS: Mapping[str, PauseReason] = {"no_data": "no_data", "error": "metrics_down"}
