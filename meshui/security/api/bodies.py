"""What is sent and answered about access. Policies are the mesh's own values: their ranges are said there alone."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType, field

from meshui.catalog.api.fields import NamespaceFilter, Search
from meshui.core.api.bodies import Body, Description, Reason, View
from meshui.core.api.drafts import Target
from meshui.core.api.pages import ListQuery
from meshui.mesh.policies import (
    DefaultAction,
    Mtls,
    Policy,
    PolicyAction,
    PolicyCheck,
    PolicyMode,
    PolicyName,
    PolicyRule,
    Rules,
)
from meshui.mesh.tokens import Tokens
from meshui.security.services.policies import Decided


class PolicyBody(Body, frozen=True, kw_only=True):
    """A policy whole. An allow policy without rules denies what no other allows. ``check`` says whom an external one
    asks."""

    target: Target
    action: PolicyAction
    mode: PolicyMode = "enforce"
    rules: Rules = field(default_factory=list)
    check: PolicyCheck | None = None
    description: Description = ""
    reason: Reason = ""


class NewPolicyBody(PolicyBody, frozen=True, kw_only=True):
    name: PolicyName


class EnforceBody(Body, frozen=True, kw_only=True):
    reason: Reason = ""


class PolicyQuery(ListQuery, frozen=True, kw_only=True):
    """``service`` narrows to the policies that apply to it, those for its namespace and for the mesh among them."""

    target: Annotated[str, Meta(max_length=127)] = ""
    namespace: NamespaceFilter = ""
    service: Annotated[str, Meta(max_length=127)] = ""
    action: Literal["", "allow", "deny", "external"] = ""
    mode: Literal["", "enforce", "shadow"] = ""
    search: Search = ""


class PolicyView(View, frozen=True, kw_only=True):
    """``revision`` is the last one that changed it; of a write, the write's own, or null."""

    id: int
    name: str
    target: str
    action: PolicyAction
    mode: PolicyMode
    rules: list[PolicyRule]
    check: PolicyCheck | None
    description: str
    revision: int | None
    created_at: datetime
    updated_at: datetime
    version: str


class SettingBody(Body, frozen=True, kw_only=True):
    """Null is as wider scopes say; for the mesh: strict, allow, and no tokens. ``tokens`` that are left out stay as
    they are."""

    mtls: Mtls | None = None
    default_action: DefaultAction | None = None
    tokens: Tokens | UnsetType | None = UNSET
    reason: Reason = ""


class SettingView(View, frozen=True, kw_only=True):
    """``scope`` is ``*``, a namespace, or ``namespace/name``. ``revision`` is the last one that changed it, 0 before
    the first; of a write, the write's own, or null."""

    scope: str
    mtls: Mtls | None
    default_action: DefaultAction | None
    tokens: Tokens | None
    revision: int | None
    version: str


class ServiceAccess(View, frozen=True, kw_only=True):
    """How a service receives; each ``_from`` is the scope that says so, or ``built-in``. A gateway has no mTLS mode."""

    service: str
    gateway: bool
    mtls: Mtls | None
    mtls_from: str
    default_action: DefaultAction
    default_from: str
    tokens: Tokens
    tokens_from: str
    policies: list[str]


class AccessTable(View, frozen=True, kw_only=True):
    """``settings`` are those that say anything; ``effective`` is what all comes to, for each service and gateway."""

    mesh: SettingView
    settings: list[SettingView]
    effective: list[ServiceAccess]


def decided(name: str, sent: PolicyBody) -> Decided:
    policy = Policy(name=name, action=sent.action, mode=sent.mode, rules=sent.rules, check=sent.check)
    return Decided(policy, sent.target, sent.description)
