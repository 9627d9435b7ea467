"""The narrowest policy under which what was observed would still pass: made from calls and told requests."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from meshui.catalog.models import CALLED
from meshui.catalog.selectors import get_workload
from meshui.core.actors import Actor
from meshui.mesh.policies import Policy, PolicyFrom, PolicyRule, PolicyTo
from meshui.security.models import AccessPolicy
from meshui.telemetry import samples
from meshui.telemetry.calls import observed_calls
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.replay import HIDDEN, alike

MAX_PATHS = 20
"""Beyond so many for one source they are taken together by their first segment, and beyond so many of these not told
apart."""


@dataclass(slots=True)
class Seen:
    """What one source asked for. ``requests`` are all that were counted, told of or not."""

    requests: int = 0
    methods: set[str] = field(default_factory=set)
    paths: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """``strangers`` are requests without an identity, which the policy would deny; ``sampled`` requests were told of,
    in ``covered_s`` observed seconds."""

    policy: Policy
    sampled: int
    covered_s: float
    strangers: int
    sources: Mapping[str, Seen]


def suggest(*, actor: Actor, service: str, window_s: int, since: float, until: float) -> Suggestion:
    """A policy in shadow for a service, from what called it. A source outside the actor's view is in the policy, for it
    would be denied otherwise, but by its namespace alone is it counted.

    Raises NotFound, Unavailable (the samples cannot be read).
    """
    actor.require_visible(service.partition("/")[0])
    row = get_workload(service)
    observed = observed_calls(window_s)
    found: dict[str, Seen] = {}
    strangers = 0
    for (source, destination), calls in observed.pairs.items():
        if destination == service and source == UNKNOWN:
            strangers += calls.requests
        elif destination == service:
            found[source] = Seen(calls.requests)
    sampled = 0
    for _, told in samples.read(since, until):
        for sample in told:
            if sample.destination == service and sample.path.startswith("/"):
                sampled += 1
                seen = found.setdefault(sample.source, Seen())
                seen.methods.add(sample.method)
                seen.paths.add(_pattern(sample.path))
    policy = Policy(
        name=_free_name(row.name),
        action="allow",
        mode="shadow",
        rules=_rules(found, http=row.kind in CALLED and row.protocol == "http"),
    )
    shown = {source if actor.may("view", source.partition("/")[0]) else HIDDEN: seen for source, seen in found.items()}
    return Suggestion(policy, sampled, observed.covered_s, strangers, shown)


def _rules(found: Mapping[str, Seen], *, http: bool) -> list[PolicyRule]:
    """One for all sources that asked alike."""
    alike_: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for source, seen in sorted(found.items()):
        asked = (tuple(sorted(seen.methods)), tuple(_together(seen.paths))) if http else ((), ())
        alike_.setdefault(asked, []).append(source)
    return [
        PolicyRule(from_=PolicyFrom(services=sources), to=PolicyTo(methods=list(methods), paths=list(paths)))
        for (methods, paths), sources in alike_.items()
    ]


def _pattern(path: str) -> str:
    """The path as a policy has it, with ids as variables; its first segment where a policy could not say it."""
    pattern = alike(path, "{id}")
    literal = path.isascii() and path.isprintable() and not set(path) & set("*{} ")
    return pattern if literal else _first_segment(path)


def _together(paths: Collection[str]) -> Sequence[str]:
    if len(paths) > MAX_PATHS:
        paths = {_first_segment(path) for path in paths}
    return sorted(paths) if len(paths) <= MAX_PATHS and "*" not in paths else ()


def _first_segment(path: str) -> str:
    segment = path.split("/")[1] if "/" in path else ""
    plain = segment.isascii() and segment.isprintable() and not set(segment) & set("*{} ")
    return f"/{segment}/*" if segment and plain else "*"


def _free_name(service: str) -> str:
    """``catalog-callers``, or the first of ``catalog-callers-2`` ... that is not taken."""
    base = f"{service[:50].rstrip('-')}-callers"
    base = base if base[0].isalpha() else f"s-{base}"
    taken = set(AccessPolicy.objects.filter(name__startswith=base).values_list("name", flat=True))
    numbers = (f"{base}-{number}" for number in range(2, len(taken) + 3))
    return base if base not in taken else next(name for name in numbers if name not in taken)
