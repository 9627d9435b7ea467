"""A draft of an access policy tried on the requests of the last hour, and a policy made from them.

Decided by the code that a proxy runs, over what proxies told of real requests, as callers sent them: before a route
rewrites anything. A condition on what was not told (an address, a header's value) leaves a request unjudged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from meshui.catalog.models import CALLED, Service
from meshui.core.actors import Actor
from meshui.core.authorization import DraftPolicy
from meshui.security.access import services_in
from meshui.security.judging import Standing, standings
from meshui.security.models import AccessPolicy
from meshui.telemetry import samples
from meshui.telemetry.fold import UNKNOWN
from meshui.telemetry.replay import HIDDEN, alike, head_of, untold
from meshui.telemetry.samples import Sample
from proxies.core.authorize import Decision, Guard
from proxies.core.rules import Who

MAX_ROWS = 200
ADDRESS = "the caller's address"
TOKEN = "the request's token"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Row:
    """Requests that are alike and fare alike. ``policy`` is what would decide; ids in ``path`` are ``*``."""

    source: str
    destination: str
    method: str
    path: str
    now: bool
    draft: bool
    policy: str
    requests: int

    @property
    def changed(self) -> bool:
        return self.now != self.draft


@dataclass(frozen=True, slots=True)
class Trial:
    """``requests`` is how many the ``sampled`` ones stand for. Of ``unjudged`` ones something was not told that a
    policy compares: ``untold``. ``since`` and ``until`` are Unix seconds of the first and last, None without any."""

    sampled: int
    requests: int
    newly_denied: int
    newly_allowed: int
    unjudged: int
    untold: Sequence[str]
    since: float | None
    until: float | None
    rows: Sequence[Row]


def replay(*, actor: Actor, draft: DraftPolicy, since: float, until: float) -> Trial:
    """Try a draft, as though it were enforced where it is to be, on the requests between two Unix times.

    Raises PermissionDenied, InvalidInput (the draft), Unavailable (the samples cannot be read).
    """
    touched = _touched(actor, draft)
    now, then = standings(touched), standings(touched, draft)
    guards = {name: (_Judge(now[name]), _Judge(then[name])) for name in now}
    gateways = {str(row) for row in touched if row.kind not in CALLED} & guards.keys()
    counted: dict[tuple[str, str, str, str, bool, bool, str], int] = {}
    times: list[float] = []
    unknown: set[str] = set()
    unjudged = 0
    for at, told in samples.read(since, until):
        for sample in told:
            name = sample.destination if sample.destination in guards else sample.source
            if name not in guards or (name != sample.destination and name not in gateways):
                continue  # what a service calls itself is for others to judge
            times.append(at)
            before, after = guards[name]
            missing = before.missing(sample) | after.missing(sample)
            if missing:
                unjudged += sample.weight
                unknown |= missing
                continue
            caller = "" if name in gateways else sample.source
            would = after.decide(caller, sample, at)
            key = (
                *(_shown(actor, caller), name, sample.method, alike(sample.path)),
                *(before.decide(caller, sample, at).allowed, would.allowed, would.policy),
            )
            counted[key] = counted.get(key, 0) + sample.weight
    rows = [Row(*key, requests) for key, requests in counted.items()]
    rows.sort(key=lambda row: (not row.changed, -row.requests, row.source, row.path))
    return Trial(
        sampled=len(times),
        requests=sum(row.requests for row in rows) + unjudged,
        newly_denied=sum(row.requests for row in rows if row.now and not row.draft),
        newly_allowed=sum(row.requests for row in rows if row.draft and not row.now),
        unjudged=unjudged,
        untold=sorted(unknown),
        since=min(times, default=None),
        until=max(times, default=None),
        rows=rows[:MAX_ROWS],
    )


def _shown(actor: Actor, caller: str) -> str:
    if not caller:
        return UNKNOWN
    return caller if caller == UNKNOWN or actor.may("view", caller.partition("/")[0]) else HIDDEN


def _touched(actor: Actor, draft: DraftPolicy) -> list[Service]:
    """Whom the draft is for, and whom the policy of its name is for now. Raises PermissionDenied."""
    scopes = {draft.target}
    standing = AccessPolicy.objects.filter(name=draft.policy.name).first()
    if standing is not None:
        scopes.add(standing.target)
    for scope in scopes:
        actor.require("view", scope.partition("/")[0] if scope != "*" else None)
    found = {str(row): row for scope in sorted(scopes) for row in services_in(scope)}
    return list(found.values())


class _Judge:
    """What one set of policies makes of requests that were told of."""

    def __init__(self, standing: Standing) -> None:
        self._at = 0.0
        self._guard: Guard = standing.guard(lambda: self._at)
        self._tokens = any(rule.from_.jwt is not None for policy, _ in standing.policies for rule in policy.rules)
        self._compared = frozenset(
            condition.header.lower()
            for policy, _ in standing.policies
            for rule in policy.rules
            for condition in rule.when
        )

    def missing(self, sample: Sample) -> set[str]:
        """What it compares and was not told."""
        missing = untold(sample.headers, self._compared)
        if self._guard.by_address:
            missing.add(ADDRESS)
        if self._tokens:
            missing.add(TOKEN)
        return missing

    def decide(self, caller: str, sample: Sample, at: float) -> Decision:
        """``caller`` is empty for who has no identity, as at a gateway."""
        self._at = at
        return self._guard.decide(Who(caller, ""), head_of(sample))
