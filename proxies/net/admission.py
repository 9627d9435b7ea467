"""From how a service receives to who may come in: its resource's policies and token providers, compiled."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from time import time

from proxies.core.authorize import Guard
from proxies.core.decisions import Decisions
from proxies.core.tokens import Verifier
from proxies.net.access import Access
from proxies.net.catalog import Catalog
from proxies.net.external import External
from proxies.net.wheel import Wheel
from proxies.wire.policies import Policy
from proxies.wire.resources import InboundBody


class Admission:
    """What all listeners of a proxy share: who counts decisions, who is asked about requests."""

    def __init__(self, decisions: Decisions, catalog: Catalog, wheel: Wheel) -> None:
        self._decisions = decisions
        self._catalog = catalog
        self._wheel = wheel

    def access(self, service: str, inbound: InboundBody, port: int = 0) -> Access | None:
        """Who may call a service at the app's ``port`` (a gateway's own); None where everybody may. Raises BadMessage
        for what cannot be."""
        if not (inbound.policies or inbound.providers or inbound.token_required) and inbound.default == "allow":
            return None
        guard = Guard(inbound.policies, inbound.default, port=port, clock=time)
        verifier = None
        if inbound.providers or inbound.token_required:
            count = partial(self._decisions.count_token, service)
            verifier = Verifier(inbound.providers, inbound.token_required, time, count)
        return Access(guard, self._decisions.tally(service), verifier, self._checks(inbound.policies))

    def _checks(self, policies: Iterable[Policy]) -> dict[str, External]:
        """How external policies ask, by name."""
        return {
            policy.name: External(policy, policy.check, self._catalog.cluster(policy.check.service), self._wheel)
            for policy in policies
            if policy.check is not None
        }
