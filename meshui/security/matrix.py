"""Who may call whom, by policy, beside who did: a cell for each pair of which either says anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.core.errors import InvalidInput
from meshui.mesh.policies import Policy, PolicyRule
from meshui.security.access import Receives, receives
from meshui.security.judging import Standing, standings
from meshui.telemetry.calls import Calls, observed_calls
from meshui.telemetry.fold import UNKNOWN
from proxies.core.rules import Who, is_from
from proxies.wire.policies import Caller

MAX_SERVICES = 300
Outlook = Literal["allowed", "denied", "conditional"]
Why = Literal["", "passed_though_denied", "denied_though_allowed", "denied_attempts", "unused"]


@dataclass(frozen=True, slots=True)
class Cell:
    """``by`` are the policies with a rule for the source. ``why`` says what of policy and traffic do not agree."""

    source: str
    destination: str
    policy: Outlook
    by: Sequence[str]
    requests: int
    denied: int
    why: Why


@dataclass(frozen=True, slots=True)
class Matrix:
    """A pair without a cell was not seen, and its policy is its destination's ``default``."""

    window_s: int
    covered_s: float
    sources: Sequence[str]
    destinations: Sequence[tuple[str, Outlook]]
    cells: Sequence[Cell]


def matrix(*, actor: Actor, window_s: int, namespace: str = "") -> Matrix:
    """Of the services that the actor may view, or those of one namespace as destinations. Raises InvalidInput where
    that is too many."""
    workloads = _visible(actor)
    called = [row for row in workloads if row.kind in CALLED and namespace in ("", row.namespace.name)]
    if len(called) > MAX_SERVICES or len(workloads) > 5 * MAX_SERVICES:
        raise InvalidInput.field("namespace", "too_many", f"more than {MAX_SERVICES} services: name a namespace")
    observed = observed_calls(window_s)
    standing, how = standings(called), receives(called)
    sources = [*map(str, workloads), UNKNOWN]
    defaults = {name: outlook(standing[name], None) for name in standing}
    cells = [
        cell
        for name in standing
        for source in sources
        if (cell := _cell(source, standing[name], how[name], observed.pairs.get((source, name)), defaults[name]))
    ]
    return Matrix(window_s, observed.covered_s, sources, list(defaults.items()), cells)


def _visible(actor: Actor) -> list[Service]:
    rows = Service.objects.select_related("namespace").order_by("namespace__name", "name")
    visible = actor.visible_namespaces()
    return list(rows if visible is None else rows.filter(namespace__name__in=visible))


def _cell(source: str, standing: Standing, how: Receives, calls: Calls | None, default: Outlook) -> Cell | None:
    service = "" if source == UNKNOWN else source
    policy = outlook(standing, service)
    by = [each.name for each, _ in standing.policies if any(_is_about(rule, service) for rule in each.rules)]
    if source == UNKNOWN and how.mtls == "strict":
        policy, by = "denied", []
    if calls is None and not by and policy == default:
        return None
    calls = calls or Calls()
    requests = max(calls.requests, calls.denied)
    return Cell(source, standing.service, policy, by, requests, calls.denied, _why(policy, by, requests, calls.denied))


def _why(policy: Outlook, by: Collection[str], requests: int, denied: int) -> Why:
    if policy == "denied" and requests > denied:
        return "passed_though_denied"
    if policy == "allowed" and denied:
        return "denied_though_allowed"
    if denied:
        return "denied_attempts"
    return "unused" if by and policy != "denied" and not requests else ""


def outlook(standing: Standing, source: str | None) -> Outlook:
    """What policies say of a source, whatever it asks for; None: of one that no rule names. A rule with a condition on
    more than who calls makes it depend."""
    enforced = [policy for policy, _ in standing.policies if policy.mode == "enforce"]
    denies = list(_rules(enforced, "deny", source))
    allows = list(_rules(enforced, "allow", source))
    if any(not _depends(rule) for rule in denies):
        return "denied"
    if any(policy.action == "allow" for policy in enforced):
        passes: Outlook = (
            "denied" if not allows else "allowed" if any(not _depends(r) for r in allows) else "conditional"
        )
    else:
        passes = "allowed" if standing.default_action == "allow" else "denied"
    asked = any(True for _ in _rules(enforced, "external", source))
    return "conditional" if (denies or asked) and passes != "denied" else passes


def _rules(policies: Sequence[Policy], action: str, source: str | None) -> Iterator[PolicyRule]:
    for policy in policies:
        if policy.action == action:
            yield from (rule for rule in policy.rules if _may_match(rule, source))


def _may_match(rule: PolicyRule, source: str | None) -> bool:
    """Whether some request of the source could match, as far as its identity says."""
    caller = rule.from_
    if source is None:
        return not (caller.services or caller.namespaces or caller.cidrs)
    by_identity = Caller(
        services=caller.services,
        namespaces=caller.namespaces,
        not_services=caller.not_services,
        not_namespaces=caller.not_namespaces,
    )
    return is_from(by_identity, Who(source, ""))


def _is_about(rule: PolicyRule, source: str) -> bool:
    """Whether a rule singles the source out, among all that it may match."""
    caller = rule.from_
    names = (caller.services, caller.namespaces, caller.not_services, caller.not_namespaces, caller.cidrs)
    return any(names) and _may_match(rule, source)


def _depends(rule: PolicyRule) -> bool:
    to = rule.to
    asked = (to.methods, to.not_methods, to.paths, to.not_paths, to.hosts, to.not_hosts, to.ports, to.not_ports)
    return any(asked) or bool(rule.when or rule.hours or rule.from_.cidrs or rule.from_.not_cidrs or rule.from_.jwt)
