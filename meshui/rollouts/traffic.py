"""What each point of a plan wants traffic to be. Pure: it follows from the plan and the step alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec

from meshui.mesh.values import Fallback, Mirror, Overlay, RouteMatch
from meshui.rollouts.plan import Plan, SetMatch, SetMirror, SetWeight


@dataclass(frozen=True, slots=True)
class Traffic:
    """A split and its overlay: what one revision sets. Versions without weight are left out, so that two of these are
    equal when they do the same."""

    weights: dict[str, int]
    overlay: Overlay | None = None

    def exposes(self, version: str) -> bool:
        """Whether requests reach the version, copies included."""
        overlay = self.overlay
        return bool(self.weights.get(version) or (overlay and (overlay.matches or overlay.mirror)))

    def to_dict(self) -> dict[str, Any]:
        return {"weights": self.weights, "overlay": msgspec.to_builtins(self.overlay)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Traffic:
        return traffic(data["weights"], msgspec.convert(data["overlay"], Overlay | None))  # type: ignore[arg-type]


def traffic(weights: dict[str, int], overlay: Overlay | None = None) -> Traffic:
    return Traffic({version: weight for version, weight in weights.items() if weight}, overlay)


def at_step(plan: Plan, index: int) -> Traffic:
    """What the plan wants while step ``index`` lasts: all that the steps up to it have set. -1: before the first."""
    asked = _Asked()
    for step in plan.steps[: index + 1]:
        match step:
            case SetWeight():
                asked.weight = step.weight
            case SetMatch():
                asked.matches = list(step.matches)
            case SetMirror():
                asked.mirror = (
                    Mirror(version=plan.canary, percent=step.percent, unsafe=step.unsafe) if step.percent else None
                )
    weights = {plan.stable: 100 - asked.weight, plan.canary: asked.weight}
    return traffic(weights, _overlay(plan, asked))


def promoted(plan: Plan) -> Traffic:
    """Everything to the canary, nothing laid over."""
    return traffic({plan.canary: 100})


def rolled_back(plan: Plan) -> Traffic:
    """Everything to stable; matches, mirror and stickiness are gone with the overlay."""
    return traffic({plan.stable: 100})


@dataclass(slots=True)
class _Asked:
    weight: int = 0
    matches: list[RouteMatch] = field(default_factory=list)
    mirror: Mirror | None = None


def _overlay(plan: Plan, asked: _Asked) -> Overlay | None:
    silence = plan.safety.dead_man_ms
    overlay = Overlay(
        canary=plan.canary,
        matches=asked.matches,
        mirror=asked.mirror,
        sticky=plan.safety.sticky,
        fallback=Fallback(version=plan.stable, after_ms=silence) if silence else None,
    )
    return None if overlay == Overlay(canary=plan.canary) else overlay
