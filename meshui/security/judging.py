"""What proxies decide by the policies that stand, or would stand with a draft: by the code that they run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from meshui.catalog.models import Proxy, Service
from meshui.catalog.selectors import get_workload
from meshui.compile.policies import as_written, compiled_breaches, policy_of
from meshui.compile.tokens import provider_of
from meshui.core.authorization import Arrival, DraftPolicy, Judged
from meshui.core.errors import InvalidInput
from meshui.mesh.invariants import Breach
from meshui.mesh.policies import DefaultAction, Policy, policy_breaches
from meshui.mesh.tokens import TokenProvider, Tokens
from meshui.security.access import policies_of, policy_value, receives, services_in
from meshui.security.providers import known_providers, providers_for
from meshui.security.services.common import refuse
from proxies.core.authorize import Guard
from proxies.core.head import RequestHead
from proxies.core.rules import Clock, Who, unmet
from proxies.core.tokens import BadToken, Verifier
from proxies.wire import policies as wire

_ORDER = ("external", "deny", "allow")
_PORTS = {"inbound": "app_port", "gateway": "port"}


@dataclass(frozen=True, slots=True)
class Standing:
    """The policies that apply to a service, each with its target, by name; ``port`` is its app's, or the gateway's.
    ``providers`` are those that its policies or its ``tokens`` name."""

    service: str
    default_action: DefaultAction
    policies: Sequence[tuple[Policy, str]]
    port: int
    tokens: Tokens = field(default_factory=Tokens)
    providers: Sequence[TokenProvider] = ()

    def guard(self, clock: Clock) -> Guard:
        return Guard(
            [self.compiled(policy) for policy, _ in self.policies], self.default_action, port=self.port, clock=clock
        )

    def compiled(self, policy: Policy) -> wire.Policy:
        return policy_of(policy, self.tokens.providers)

    def required(self) -> Sequence[str]:
        """The providers of which a request needs a token; none where it needs none."""
        return self.tokens.providers if self.tokens.required else ()

    def verifier(self, clock: Clock) -> Verifier:
        return Verifier([provider_of(each) for each in self.providers], self.required(), clock)


def standings(services: Collection[Service], draft: DraftPolicy | None = None) -> dict[str, Standing]:
    """What applies to each service, by name; with a draft, as it would be. Raises InvalidInput (``policy.rules.0...``).

    Five queries.
    """
    if draft is not None:
        found = (*policy_breaches(draft.policy), *compiled_breaches(draft.policy))
        refuse(Breach(f"policy.{breach.path}", breach.code, breach.detail) for breach in found)
    how, rows, ports, known = receives(services), policies_of(services), _ports(services), known_providers()
    touched = set(map(str, services_in(draft.target))) if draft else set()
    standing = {}
    for name in how:
        found_here = [
            (policy_value(row), row.target) for row in rows[name] if not draft or row.name != draft.policy.name
        ]
        if draft is not None and name in touched:
            found_here.append((draft.policy, draft.target))
        found_here.sort(key=lambda entry: entry[0].name)
        tokens = how[name].tokens
        try:
            issuing = providers_for([policy for policy, _ in found_here], tokens, known)
        except LookupError as error:
            raise InvalidInput.field("policy.rules", "unknown_provider", f"no token provider {error}") from None
        standing[name] = Standing(name, how[name].default_action, found_here, ports.get(name, 0), tokens, issuing)
    return standing


def _ports(services: Collection[Service]) -> dict[str, int]:
    """Where each one's proxies say that its app listens; of a gateway, where itself does."""
    rows = Proxy.objects.filter(service__in=[service.pk for service in services]).values_list("service", "listeners")
    names = {service.pk: str(service) for service in services}
    return {
        names[pk]: listener[_PORTS[listener["kind"]]]
        for pk, listeners in rows
        for listener in listeners
        if listener.get("kind") in _PORTS
    }


def judge(arrival: Arrival, draft: DraftPolicy | None = None, at: datetime | None = None) -> Judged:
    """What proxies of the service decide on a request, now or at a time. Raises NotFound, InvalidInput."""
    return decided(standing_of(arrival.service, draft), arrival, at)


def standing_of(service: str, draft: DraftPolicy | None = None) -> Standing:
    """Raises NotFound, InvalidInput."""
    return standings([get_workload(service)], draft)[service]


def decided(standing: Standing, arrival: Arrival, at: datetime | None = None) -> Judged:
    """The token of the arrival's head counts where it was noted there; else the one that its fields carry."""
    clock = clock_at(at)
    who, head, guard = Who(arrival.source, arrival.address), arrival.head, standing.guard(clock)
    unfit = _token_unfit(standing, head, clock)
    if unfit:
        return Judged(standing.service, False, "", None, "", token=unfit)
    checks = [asked.policy.name for asked in guard.asked(who, head) if asked.policy.mode == "enforce"]
    decision = guard.decide(who, head)
    rule = decision.rule if decision.rule >= 0 else None
    return Judged(standing.service, decision.allowed, decision.policy, rule, decision.shadow, checks=checks)


def _token_unfit(standing: Standing, head: RequestHead, clock: Clock) -> str:
    """Why a request is answered 401; empty where it is not."""
    if head.token is not None:
        wanted = standing.required()
        return "absent" if wanted and head.token.provider not in wanted else ""
    try:
        standing.verifier(clock).read(head)
    except BadToken as error:
        return error.reason
    return ""


def clock_at(at: datetime | None) -> Clock:
    unix = (at or datetime.now(UTC)).timestamp()
    return lambda: unix


# --- step by step


@dataclass(frozen=True, slots=True)
class RuleStep:
    """``unmet`` are the parts that the request does not meet, as ``from.services``, ``to.paths``, ``when.0``."""

    index: int
    unmet: Sequence[str]


@dataclass(frozen=True, slots=True)
class PolicyStep:
    """A policy looked at. ``decisive`` where it is what decided."""

    policy: Policy
    target: str
    rules: Sequence[RuleStep]
    decisive: bool

    @property
    def matched(self) -> bool:
        return any(not rule.unmet for rule in self.rules)


def steps(standing: Standing, arrival: Arrival, judged: Judged, at: datetime | None = None) -> list[PolicyStep]:
    """All policies in the order in which they count: what asks others, what denies, then what allows."""
    who, clock = Who(arrival.source, arrival.address), clock_at(at)
    ordered = sorted(standing.policies, key=lambda entry: _ORDER.index(entry[0].action))
    return [
        PolicyStep(policy, target, _rules(policy, standing, who, arrival, clock), policy.name == judged.policy)
        for policy, target in ordered
    ]


def _rules(policy: Policy, standing: Standing, who: Who, arrival: Arrival, clock: Clock) -> list[RuleStep]:
    deny = policy.action != "allow"
    port = standing.port
    return [
        RuleStep(
            index, [as_written(part) for part in unmet(rule, who, arrival.head, deny=deny, port=port, clock=clock)]
        )
        for index, rule in enumerate(standing.compiled(policy).rules)
    ]
