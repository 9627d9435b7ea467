"""Access policies as proxies read them, and what proxies would refuse of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from meshui.mesh.invariants import Breach
from meshui.mesh.policies import Policy, PolicyRule, PolicyWhen
from proxies.core.rules import policy_flaws
from proxies.wire import policies as wire

_WRITTEN = {"caller": "from", "operation": "to"}


def policy_of(policy: Policy) -> wire.Policy:
    """One policy; it is the same bytes for the same policy."""
    return wire.Policy(
        name=policy.name, action=policy.action, mode=policy.mode, rules=[_rule(rule) for rule in policy.rules]
    )


def compiled_breaches(policy: Policy) -> Iterator[Breach]:
    """What proxies would refuse; paths as ``rules.0.to.paths.1``."""
    for flaw in policy_flaws(policy_of(policy)):
        yield Breach(as_written(flaw.path), flaw.code, flaw.reason)


def as_written(path: str) -> str:
    """``rules.0.caller.cidrs.1`` as ``rules.0.from.cidrs.1``."""
    return re.sub(r"\b(caller|operation)\b", lambda found: _WRITTEN[found[1]], path)


def _rule(rule: PolicyRule) -> wire.PolicyRule:
    return wire.PolicyRule(
        caller=wire.Caller(**msgspec.structs.asdict(rule.from_)),
        operation=wire.Operation(**msgspec.structs.asdict(rule.to)),
        when=[_when(condition) for condition in rule.when],
        hours=None if rule.hours is None else wire.Hours(**msgspec.structs.asdict(rule.hours)),
    )


def _when(condition: PolicyWhen) -> wire.HeaderCondition:
    return wire.HeaderCondition(
        header=condition.header.lower(), values=list(condition.in_), not_values=list(condition.not_in)
    )
