"""Access policies and mTLS modes as a team decides on them: who may call what, and how services receive."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, field

from meshui.mesh.invariants import Breach
from meshui.mesh.tokens import ProviderName, TokenProvider, Tokens
from meshui.mesh.values import Value
from proxies.wire import policies as wire
from proxies.wire import tokens as wire_tokens

Mtls = Literal["strict", "permissive", "disable"]
DefaultAction = Literal["allow", "deny"]
PolicyAction = Literal["allow", "deny", "external"]
PolicyMode = Literal["enforce", "shadow"]
MAX_RULES = 1_000
MAX_ENTRIES = 500
"""Entries of one list of a rule."""
PolicyName = Annotated[str, Meta(pattern=r"^[a-z]([-a-z0-9.]{0,61}[a-z0-9])?$", max_length=63)]
HeaderText = Annotated[str, Meta(max_length=1024)]


class PolicyToken(
    wire_tokens.TokenCondition, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False
):
    """A verified token of one of ``providers`` (none: of those that the service's setting names), each of whose
    ``claims`` has one of the values, ``*`` for any."""

    providers: list[ProviderName] = field(default_factory=list)


class PolicyFrom(wire.Caller, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """Who calls: each list that is not empty puts a condition, all of them hold. Services (``shop/frontend``,
    ``shop/*``) and namespaces are of the verified identity; whoever has none meets only ``cidrs`` and the ``not_``
    lists. ``cidrs`` are ranges of the address that the connection came from. ``jwt`` is of the request's token, so it
    means something for HTTP alone."""

    jwt: PolicyToken | None = None


class PolicyTo(wire.Operation, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """What is called. Paths compare with the normalised path: ``/a`` is all of it, ``/a/*`` whatever begins with
    ``/a/``, ``*.json`` whatever ends so, ``/a/{x}/b`` has any one segment for ``{x}``, ``*`` is any. Hosts are names or
    ``*.suffix``. Ports are those of the app, or a gateway's own. All but ports mean something for HTTP alone."""


class PolicyWhen(Value, frozen=True, kw_only=True, rename={"in_": "in"}):
    """A header whose value is one of ``in`` and none of ``not_in``. Without the header there is no value, which is none
    of any list. Of several values, all of them together are compared, and for a deny policy each of them as well."""

    header: Annotated[str, Meta(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", max_length=128)]
    in_: list[HeaderText] = field(default_factory=list)
    not_in: list[HeaderText] = field(default_factory=list)


class PolicyHours(wire.Hours, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """A time of the week in UTC: from minute ``start`` of a day until before ``end``, which is the next day's where it
    is not after ``start``. ``days`` are Monday 0 to Sunday 6, those of the start; none means all."""


class PolicyRule(Value, frozen=True, kw_only=True, rename={"from_": "from"}):
    """All parts hold; what is empty puts no condition."""

    from_: PolicyFrom = field(default_factory=PolicyFrom)
    to: PolicyTo = field(default_factory=PolicyTo)
    when: Annotated[list[PolicyWhen], Meta(max_length=50)] = field(default_factory=list)
    hours: PolicyHours | None = None


class PolicyCheck(wire.ExternalCheck, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=False):
    """A service of the mesh that is asked about a request before it may go on.

    It gets the request's head: method, host, ``path_prefix`` and target, who calls (``x-meshui-source``), and the
    fields in ``request_headers``. An answer of 2xx lets the request pass, with the ``response_headers`` of the answer;
    any other below 500 is the client's answer. Without an answer within ``timeout_ms`` the request is answered 403, or
    passes where ``on_error`` is `allow`."""


Rules = Annotated[list[PolicyRule], Meta(max_length=MAX_RULES)]


class Policy(Value, frozen=True, kw_only=True):
    """Rules are ORed. Where any allow policy stands for a service, what none of them matches is denied; a deny policy
    that matches comes first, and before it the ``check`` of an external one. One in ``shadow`` decides nothing and is
    only counted."""

    name: PolicyName
    action: PolicyAction
    mode: PolicyMode = "enforce"
    rules: Rules = field(default_factory=list)
    check: PolicyCheck | None = None


class Access(Value, frozen=True, kw_only=True):
    """How a service, or a gateway, receives: whom it lets in, and over what. ``providers`` are those that its policies
    or its ``tokens`` name."""

    mtls: Mtls = "strict"
    default_action: DefaultAction = "allow"
    policies: tuple[Policy, ...] = ()
    tokens: Tokens = field(default_factory=Tokens)
    providers: tuple[TokenProvider, ...] = ()


def providers_named(rules: Iterable[PolicyRule]) -> set[str]:
    """The token providers that rules name."""
    return {name for rule in rules if rule.from_.jwt is not None for name in rule.from_.jwt.providers}


def policy_breaches(policy: Policy) -> Iterator[Breach]:
    """What contradicts itself or is too much; what proxies would refuse is said by ``meshui.compile.policies``."""
    if policy.action == "deny" and not policy.rules:
        yield Breach("rules", "required", "a deny policy without rules denies nothing")
    if policy.action == "external" and not policy.rules:
        yield Breach("rules", "required", "an external policy without rules asks about nothing")
    for index, rule in enumerate(policy.rules):
        for part, lists in (("from", rule.from_), ("to", rule.to)):
            for name, entries in msgspec.structs.asdict(lists).items():
                if isinstance(entries, list) and len(entries) > MAX_ENTRIES:
                    detail = f"{len(entries)} entries, at most {MAX_ENTRIES}"
                    yield Breach(f"rules.{index}.{part}.{name}", "too_many", detail)
