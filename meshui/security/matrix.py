"""Who may call whom, by policy, beside who did: a cell for each pair of which either says anything."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, NamedTuple

from django.utils import timezone

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.core.errors import InvalidInput
from meshui.core.models import Change
from meshui.mesh.policies import Policy, PolicyRule
from meshui.security.access import Receives, columns, receives
from meshui.security.judging import Standing, standings
from meshui.telemetry.calls import Calls, Observed, observed_calls
from meshui.telemetry.fold import UNKNOWN
from proxies.core.rules import Who, is_from
from proxies.wire.policies import Caller

MAX_SERVICES = 300
SETTLED_S = 5.0
"""After a change, until proxies have it and what they counted before it has come in."""
POLICY_ACTIONS = ("policy.create", "policy.set", "policy.enforce", "policy.delete")
SETTING_ACTIONS = ("access.set",)
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
    since = _since_changes(called, observed)
    standing, how = standings(called), receives(called)
    sources = [*map(str, workloads), UNKNOWN]
    defaults = {name: outlook(standing[name], None) for name in standing}
    seen = {(source, name): _seen(observed, since[name], source, name) for name in standing for source in sources}
    cells = [
        cell
        for name in standing
        for source in sources
        if (cell := _cell(source, standing[name], how[name], seen[source, name], defaults[name]))
    ]
    return Matrix(window_s, observed.covered_s, sources, list(defaults.items()), cells)


class _Seen(NamedTuple):
    """Calls of a pair in the whole window, and those that its policies of now decided on."""

    all: Calls | None
    lately: Calls


def _seen(observed: Observed, lately: Observed, source: str, destination: str) -> _Seen:
    pair = (source, destination)
    return _Seen(observed.pairs.get(pair), lately.pairs.get(pair, Calls()))


def _since_changes(called: Collection[Service], observed: Observed) -> dict[str, Observed]:
    """What was observed since the policies or the setting of each service last changed, and proxies heard of it: calls
    from before say nothing of what stands now."""
    now, window_s = timezone.now(), observed.window_s
    changed: dict[str, float] = {}
    changes = Change.objects.filter(
        at__gte=now - timedelta(seconds=window_s), action__in=POLICY_ACTIONS + SETTING_ACTIONS
    )
    for change in changes.order_by("at"):
        age = (now - change.at).total_seconds()
        for service in called:
            if any(_covers(scope, service) for scope in _scopes(change)):
                changed[str(service)] = age
    views = {window_s: observed}
    found = {}
    for service in called:
        age_s = window_s
        if str(service) in changed:
            age_s = max(0, int(changed[str(service)] - SETTLED_S))
        if age_s not in views:
            views[age_s] = observed_calls(age_s) if age_s else Observed(0, 0.0)
        found[str(service)] = views[age_s]
    return found


def _scopes(change: Change) -> list[str]:
    if change.action in SETTING_ACTIONS:
        return [change.object.partition(":")[2]]
    logged = [(each or {}).get("policy") for each in (change.before, change.after)]
    return [policy["target"] for policy in logged if policy]


def _covers(scope: str, service: Service) -> bool:
    place = columns(scope)
    return place["namespace"] in ("", service.namespace.name) and place["service"] in ("", service.name)


def _visible(actor: Actor) -> list[Service]:
    rows = Service.objects.select_related("namespace").order_by("namespace__name", "name")
    visible = actor.visible_namespaces()
    return list(rows if visible is None else rows.filter(namespace__name__in=visible))


def _cell(source: str, standing: Standing, how: Receives, seen: _Seen, default: Outlook) -> Cell | None:
    service = "" if source == UNKNOWN else source
    policy = outlook(standing, service)
    by = [each.name for each, _ in standing.policies if any(_is_about(rule, service) for rule in each.rules)]
    if source == UNKNOWN and how.mtls == "strict":
        policy, by = "denied", []
    if seen.all is None and not by and policy == default:
        return None
    calls = seen.all or Calls()
    requests = max(calls.requests, calls.denied)
    why = _why(policy, by, requests, seen.lately)
    return Cell(source, standing.service, policy, by, requests, calls.denied, why)


def _why(policy: Outlook, by: Collection[str], requests: int, lately: Calls) -> Why:
    if policy == "denied" and lately.requests > lately.denied:
        return "passed_though_denied"
    if policy == "allowed" and lately.denied:
        return "denied_though_allowed"
    if lately.denied:
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
