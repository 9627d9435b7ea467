"""Access policies: made, changed, removed, taken from shadow to force."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import msgspec

from meshui.catalog.models import CALLED
from meshui.catalog.selectors import find_workload
from meshui.compile.policies import compiled_breaches
from meshui.core.actors import Actor
from meshui.core.commits import Outcome, commit
from meshui.core.errors import Conflict, InvalidInput, NotFound, Stale
from meshui.core.reverts import Restoration
from meshui.core.versions import expect
from meshui.mesh.invariants import Breach
from meshui.mesh.policies import Policy, policy_breaches
from meshui.proposals.review import require_second
from meshui.security.access import columns, get_policy, logged, policy_value, policy_version
from meshui.security.models import AccessPolicy
from meshui.security.services.common import dirty, namespace_of, refuse, refuse_unknown, unknown_providers


@dataclass(frozen=True, slots=True)
class Decided:
    """A policy whole. ``target`` is ``shop/catalog``, ``shop/*`` or ``*``."""

    policy: Policy
    target: str
    description: str = ""


class How(TypedDict, total=False):
    """What every change takes: why, the version that it is made to, whether it is only tried."""

    reason: str
    expected_version: str | None
    dry_run: bool


def policy_create(*, actor: Actor, decided: Decided, reason: str = "", dry_run: bool = False) -> Outcome[AccessPolicy]:
    """Make a policy. Raises PermissionDenied, InvalidInput (``rules.0.to.paths.1`` and the like), Conflict (the name is
    taken)."""
    return _write("policy.create", actor, None, decided, reason=reason, dry_run=dry_run)


def policy_set(*, actor: Actor, key: str, decided: Decided, **how: Unpack[How]) -> Outcome[AccessPolicy]:
    """Set all of a policy but its name. Raises PermissionDenied (for where it was, or will be), NotFound, Stale,
    InvalidInput."""
    row = get_policy(actor, key)
    return _write("policy.set", actor, row, decided, **how)


def policy_enforce(*, actor: Actor, key: str, **how: Unpack[How]) -> Outcome[AccessPolicy]:
    """Take a policy from shadow to force. Raises PermissionDenied, NotFound, Stale."""
    row = get_policy(actor, key)
    enforced = msgspec.structs.replace(policy_value(row), mode="enforce")
    return _write("policy.enforce", actor, row, Decided(enforced, row.target, row.description), **how)


def policy_delete(
    *, actor: Actor, key: str, reason: str = "", expected_version: str | None = None, dry_run: bool = False
) -> int | None:
    """Remove a policy; the revision. Raises PermissionDenied, NotFound, Stale."""
    row = get_policy(actor, key)
    with commit(
        actor=actor,
        action="policy.delete",
        obj=f"policy:{row.name}",
        namespace=row.namespace,
        reason=reason,
        dry_run=dry_run,
    ) as change:
        row = _locked(actor, row)
        require_second(actor, row.namespace, dry_run=dry_run)
        expect(expected_version, policy_version(row))
        change.before, change.after = {"policy": logged(row)}, {"policy": None}
        change.summary = f"deleted {row.action} policy of {row.target}"
        dirty(change, [row.target])
        row.delete()
    return change.revision


def policy_restore(restoration: Restoration) -> int | None:
    """Set a policy back to what it was before a change, which may be that there was none. Raises as changing it does;
    Stale where it is not what the change made of it any more."""
    actor, reason = restoration.actor, restoration.reason
    before, after = _whole(restoration.before["policy"]), _whole(restoration.after["policy"])
    name = (restoration.after["policy"] or restoration.before["policy"])["name"]
    row = AccessPolicy.objects.filter(name=name).first()
    if (None if row is None else logged(row)) != after:
        raise Stale(f"policy {name} has changed")
    if before is None:
        return policy_delete(actor=actor, key=name, reason=reason, expected_version=policy_version(_there(row)))
    decided = _unlogged(before)
    if row is None:
        return policy_create(actor=actor, decided=decided, reason=reason).revision
    return policy_set(
        actor=actor, key=name, decided=decided, reason=reason, expected_version=policy_version(row)
    ).revision


def _write(
    action: str,
    actor: Actor,
    row: AccessPolicy | None,
    decided: Decided,
    *,
    reason: str = "",
    expected_version: str | None = None,
    dry_run: bool = False,
) -> Outcome[AccessPolicy]:
    policy, target = decided.policy, decided.target
    actor.require("security.write", namespace_of(target))
    with commit(
        actor=actor,
        action=action,
        obj=f"policy:{policy.name}",
        namespace=namespace_of(target) or "",
        reason=reason,
        dry_run=dry_run,
    ) as change:
        if row is not None:
            row = _locked(actor, row)
            expect(expected_version, policy_version(row))
        elif AccessPolicy.objects.filter(name=policy.name).exists():
            raise Conflict(f"a policy is named {policy.name}", code="name_taken")
        if row is None or row.target != target:
            refuse_unknown(actor, target, "target")
        if row is not None and row.name != policy.name:
            raise InvalidInput.field("name", "immutable", "a policy keeps its name")
        refuse([*policy_breaches(policy), *compiled_breaches(policy), *_unknown(actor, policy, target)])
        before = None if row is None else logged(row)
        scopes = {target} if row is None else {target, row.target}
        for scope in scopes:
            require_second(actor, namespace_of(scope) or "", dry_run=dry_run)
        row = _filled(row or AccessPolicy(), decided)
        after = logged(row)
        if before == after:
            change.unchanged()
            return Outcome(row, None)
        if change.revision is not None:
            row.revision = change.revision
        row.save()
        change.before, change.after = {"policy": before}, {"policy": after}
        change.summary = _summary(before, after)
        dirty(change, sorted(scopes))
    return Outcome(row, change.revision)


def _unknown(actor: Actor, policy: Policy, target: str) -> Iterator[Breach]:
    """What a policy names that is not there, or not for its target."""
    for index, rule in enumerate(policy.rules):
        if rule.from_.jwt is not None:
            yield from unknown_providers(rule.from_.jwt.providers, target, f"rules.{index}.from.jwt.providers")
    if policy.check is not None:
        asked = find_workload(policy.check.service)
        namespace = policy.check.service.partition("/")[0]
        if asked is None or asked.kind not in CALLED or asked.protocol != "http" or not actor.may("view", namespace):
            yield Breach("check.service", "unknown_service", f"no HTTP service {policy.check.service}")


def _locked(actor: Actor, row: AccessPolicy) -> AccessPolicy:
    """The row as it is now that no other change can come between. Raises NotFound, PermissionDenied."""
    found = AccessPolicy.objects.filter(pk=row.pk).first()
    if found is None:
        raise NotFound(f"no policy {row.name}")
    actor.require("security.write", namespace_of(found.target))
    return found


def _there(row: AccessPolicy | None) -> AccessPolicy:
    assert row is not None, "what a change made is there, or the change is stale"
    return row


def _filled(row: AccessPolicy, decided: Decided) -> AccessPolicy:
    policy = decided.policy
    place = columns(decided.target)
    row.name, row.action, row.mode = policy.name, policy.action, policy.mode
    row.namespace, row.service = place["namespace"], place["service"]
    row.rules = msgspec.to_builtins(policy.rules)
    row.external = msgspec.to_builtins(policy.check)
    row.description = decided.description
    return row


def _whole(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    """As it is logged now: lines from before there were checks do not say that there is none."""
    return None if policy is None else {"check": None, **policy}


def _unlogged(policy: dict[str, Any]) -> Decided:
    value = {name: policy[name] for name in ("name", "action", "mode", "rules", "check")}
    return Decided(msgspec.convert(value, Policy), policy["target"], policy["description"])


def _summary(before: dict[str, Any] | None, after: dict[str, Any]) -> str:
    if before is None:
        shadow = " in shadow" if after["mode"] == "shadow" else ""
        return f"created {after['action']} policy of {after['target']}{shadow}"
    parts = [
        f"{field} {before[field]} -> {after[field]}"
        for field in ("target", "action", "mode")
        if before[field] != after[field]
    ]
    if before["rules"] != after["rules"]:
        parts.append(f"rules changed ({len(before['rules'])} -> {len(after['rules'])})")
    if before["check"] != after["check"]:
        parts.append("check changed")
    if before["description"] != after["description"]:
        parts.append("description changed")
    return ", ".join(parts)
