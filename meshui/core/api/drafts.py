"""An access policy as it is sent to be tried, by whoever asks what it would do."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from meshui.core.api.bodies import Body
from meshui.core.authorization import DraftPolicy
from meshui.mesh.names import LABEL
from meshui.mesh.policies import Policy, PolicyAction, PolicyCheck, PolicyMode, PolicyName, Rules

Target = Annotated[
    str,
    Meta(
        pattern=rf"^(\*|{LABEL.pattern}/(\*|{LABEL.pattern}))$",
        description="namespace/name, namespace/* or *. A gateway is meant only by its name.",
    ),
]


class DraftPolicyBody(Body, frozen=True, kw_only=True):
    """A policy to be tried. It stands in the place of the one of its name, where there is one."""

    name: PolicyName
    target: Target
    action: PolicyAction
    mode: PolicyMode = "enforce"
    rules: Rules = field(default_factory=list)
    check: PolicyCheck | None = None

    @property
    def draft(self) -> DraftPolicy:
        policy = Policy(name=self.name, action=self.action, mode=self.mode, rules=self.rules, check=self.check)
        return DraftPolicy(policy, self.target)
