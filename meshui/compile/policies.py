"""Access policies as proxies read them, and what proxies would refuse of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import msgspec

from meshui.mesh.invariants import Breach
from meshui.mesh.policies import Policy, PolicyCheck, PolicyRule, PolicyWhen
from proxies.core.rules import policy_flaws
from proxies.wire import policies as wire
from proxies.wire.tokens import TokenCondition

_WRITTEN = {"caller": "from", "operation": "to"}


def policy_of(policy: Policy, providers: Sequence[str] = ()) -> wire.Policy:
    """One policy; it is the same bytes for the same policy. ``providers`` are whose tokens a rule means that names no
    provider."""
    return wire.Policy(
        name=policy.name,
        action=policy.action,
        mode=policy.mode,
        rules=[_rule(rule, providers) for rule in policy.rules],
        check=None if policy.check is None else _check(policy.check),
    )


def compiled_breaches(policy: Policy) -> Iterator[Breach]:
    """What proxies would refuse; paths as ``rules.0.to.paths.1``."""
    for flaw in policy_flaws(policy_of(policy)):
        yield Breach(as_written(flaw.path), flaw.code, flaw.reason)


def as_written(path: str) -> str:
    """``rules.0.caller.cidrs.1`` as ``rules.0.from.cidrs.1``."""
    return re.sub(r"\b(caller|operation)\b", lambda found: _WRITTEN[found[1]], path)


def _rule(rule: PolicyRule, providers: Sequence[str]) -> wire.PolicyRule:
    caller = msgspec.structs.asdict(rule.from_)
    token = rule.from_.jwt
    if token is not None:
        names = sorted(set(token.providers or providers))
        caller["jwt"] = TokenCondition(providers=names, claims=dict(sorted(token.claims.items())))
    return wire.PolicyRule(
        caller=wire.Caller(**caller),
        operation=wire.Operation(**msgspec.structs.asdict(rule.to)),
        when=[_when(condition) for condition in rule.when],
        hours=None if rule.hours is None else wire.Hours(**msgspec.structs.asdict(rule.hours)),
    )


def _check(check: PolicyCheck) -> wire.ExternalCheck:
    said = msgspec.structs.asdict(check)
    for names in ("request_headers", "response_headers"):
        said[names] = sorted(set(said[names]))
    return wire.ExternalCheck(**said)


def _when(condition: PolicyWhen) -> wire.HeaderCondition:
    return wire.HeaderCondition(
        header=condition.header.lower(), values=list(condition.in_), not_values=list(condition.not_in)
    )
