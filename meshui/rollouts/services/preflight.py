"""Whether a rollout can begin: what would make it fail, or do nothing, is said beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshui.catalog.models import Service
from meshui.core.errors import Conflict, FieldError, InvalidInput
from meshui.rollouts.models import Rollout
from meshui.rollouts.selectors import active_rollout, healthy
from meshui.traffic.selectors import owner_of, routes_of, split_of


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    detail: str


def preflight(service: Service, stable: str, canary: str) -> list[Check]:
    """Every check, passed or not, in the order in which they are shown."""
    ready, split = healthy(service), split_of(service)
    active = active_rollout(service)
    follows = any(route.weights is None for route in routes_of(service))
    owner = owner_of(service)
    free = active is None and not owner
    return [
        Check("versions", stable in split and canary in split and stable != canary, f"{stable} and {canary}"),
        Check("canary_healthy", ready.get(canary, 0) > 0, _instances(ready, canary)),
        Check("stable_healthy", ready.get(stable, 0) > 0, _instances(ready, stable)),
        Check("stable_serves", split.get(stable, 0) > 0, f"{stable} has {split.get(stable, 0)} % of the split"),
        Check("routes_follow", follows, "a route follows the split" if follows else "every route has its own weights"),
        Check("no_other", free, "none is active" if free else f"{owner.replace(':', ' ') or active} is active"),
    ]


def require(service: Service, *, stable: str, canary: str) -> None:
    """Raise Conflict ``active_rollout`` naming the first, or ``preflight_failed`` with each check that failed."""
    refuse_second(active_rollout(service))
    failed = [check for check in preflight(service, stable, canary) if not check.ok]
    if failed:
        errors = [FieldError(f"checks.{check.name}", check.name, check.detail) for check in failed]
        detail = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        raise Conflict(detail, code="preflight_failed", errors=errors)


def refuse_second(active: Rollout | None) -> None:
    if active is not None:
        detail = f"rollout {active.pk} of {active.service} is active"
        errors = [FieldError("rollout", "active_rollout", str(active.pk))]
        raise Conflict(detail, code="active_rollout", errors=errors)


def resolve_stable(service: Service, stable: str, canary: str) -> str:
    """The version that a rollout begins from: the one that is named, or has all the weight. Raises InvalidInput."""
    split = split_of(service)
    _require_versions(split, {"canary": canary, "stable": stable})
    if stable:
        return stable
    whole = [version for version, weight in split.items() if weight == 100]
    if not whole:
        spoken = ", ".join(f"{version} {weight}" for version, weight in split.items() if weight)
        raise InvalidInput.field(
            "stable", "ambiguous", f"several versions have traffic ({spoken}): name the stable one"
        )
    if whole[0] == canary:
        raise InvalidInput.field("canary", "same_version", f"{canary} has all the traffic already")
    return whole[0]


def _require_versions(known: Sequence[str] | dict[str, int], named: dict[str, str]) -> None:
    for path, version in named.items():
        if version and version not in known:
            raise InvalidInput.field(path, "unknown_version", f"{version!r} is no version of this service")


def _instances(ready: dict[str, int], version: str) -> str:
    count = ready.get(version, 0)
    return f"{count} healthy instance{'' if count == 1 else 's'} of {version}"
