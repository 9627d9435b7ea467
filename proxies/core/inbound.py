"""What is wrong with how a service is to receive: each part by itself, and what of it names another part."""

from __future__ import annotations

from collections.abc import Iterator

from proxies.core.errors import Flaw
from proxies.core.limits import limit_flaws
from proxies.core.rules import policy_flaws
from proxies.core.tokens import token_flaws
from proxies.wire.resources import InboundBody


def inbound_flaws(body: InboundBody) -> Iterator[Flaw]:
    """Paths as ``policies.0.rules.1.caller.cidrs.0``."""
    for flaw in limit_flaws(body.limits):
        yield flaw._replace(path=f"limits.{flaw.path}")
    yield from token_flaws(body.providers, body.token_required)
    known = {provider.name for provider in body.providers}
    for index, policy in enumerate(body.policies):
        for flaw in policy_flaws(policy):
            yield flaw._replace(path=f"policies.{index}.{flaw.path}")
        for number, rule in enumerate(policy.rules):
            for name in rule.caller.jwt.providers if rule.caller.jwt is not None else ():
                if name not in known:
                    path = f"policies.{index}.rules.{number}.caller.jwt.providers"
                    yield Flaw(path, "unknown_provider", f"{name!r} is no provider here")
