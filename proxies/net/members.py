"""The endpoints of a service and which of them are in use: balancing, failover, ejection and health put together.

Decisions are ``proxies.core``'s; here they meet the endpoints that hold connections. Whatever changes (the list, a
verdict, a check, time) ends in one step: the choice of a group is compiled anew and swapped in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import random

from proxies.core import outlier
from proxies.core.balance import Latency, draw, least_request, peak_ewma, round_robin, warmth
from proxies.core.breaker import Load
from proxies.core.health import Checked
from proxies.core.locality import level, spread
from proxies.core.maglev import by_portion, maglev
from proxies.net.checks import Check
from proxies.net.tls import ClientTls
from proxies.net.upstream import Endpoint
from proxies.net.wheel import NEVER, Timer, Wheel
from proxies.wire.resilience import HealthCheck
from proxies.wire.resources import Endpoint as EndpointSpec
from proxies.wire.resources import ServiceBody

WARM_STEP_S = 1.0
"""How often the weights of warming endpoints are brought up to date."""
_DRAWS = 4

Choice = Callable[[], Endpoint | None]
Pick = Callable[[int], Endpoint | None]


def _nobody() -> None:
    return None


def _host(body: ServiceBody | None) -> str:
    """What checks call the service."""
    return body.hosts[0] if body is not None and body.hosts else "localhost"


class Group:
    """The endpoints of one version in use. ``choose`` and ``pick`` are replaced whole when they change."""

    __slots__ = ("choose", "pick", "usable")

    def __init__(self) -> None:
        self.choose: Choice = _nobody
        self.pick: Pick | None = None
        """The choice by a hash, where the policy has one."""
        self.usable: Sequence[Endpoint] = ()

    def another(self, tried: Sequence[Endpoint]) -> Endpoint | None:
        """One that was not tried yet, if there is one; else any."""
        found = None
        for _ in range(_DRAWS):
            found = self.choose()
            if found is None or found not in tried:
                return found
        return next((endpoint for endpoint in self.usable if endpoint not in tried), found)


class _Member:
    """What is known of an endpoint, and its owner."""

    __slots__ = ("_members", "check", "checked", "endpoint", "latency", "since", "spec", "standing")

    endpoint: Endpoint

    def __init__(self, members: Members, spec: EndpointSpec, since: float) -> None:
        self._members = members
        self.spec = spec
        self.since = since
        """When it came into use, by the wheel's clock."""
        self.latency = Latency()
        self.standing = outlier.Standing()
        self.checked = Checked()
        self.check: Check | None = None

    @property
    def active(self) -> int:
        return self.endpoint.active

    @property
    def healthy(self) -> bool:
        return self.spec.healthy and self.checked.healthy and self.standing.state == outlier.IN

    def judge(self, status: int, seconds: float) -> None:
        self._members.judge(self, status, seconds)

    def make_room(self) -> bool:
        return self._members.make_room()

    def was_checked(self, passed: bool) -> None:
        self._members.was_checked(self, passed)

    def check_by(self, spec: HealthCheck | None, wheel: Wheel, host: str) -> None:
        """Be checked like this from now on, or no more."""
        if self.check is not None and self.check.spec != spec:
            self.check.stop()
            self.check = None
        if spec is None:
            self.checked = Checked()
        elif self.check is None:
            self.check = Check(wheel, self.endpoint, spec, host, self.was_checked)

    def retire(self) -> None:
        if self.check is not None:
            self.check.stop()
        self.endpoint.retire()


class Members(Timer):
    """Its timer comes up when endpoints may be due back or grew warmer."""

    def __init__(self, wheel: Wheel, tls: ClientTls, load: Load) -> None:
        super().__init__()
        self._wheel = wheel
        self._tls = tls
        self._load = load
        self._body: ServiceBody | None = None
        self._locality = ""
        self._specs: list[EndpointSpec] = []
        self._groups: dict[str, Group] = {}
        self._members: dict[tuple[str, str, int, bool], _Member] = {}

    def __iter__(self) -> Iterator[Endpoint]:
        return (member.endpoint for member in self._members.values())

    def group(self, version: str) -> Group:
        return self._groups.setdefault(version, Group())

    def ejected(self) -> list[str]:
        """The ids of endpoints that are out for their answers."""
        return [member.spec.id for member in self._members.values() if member.standing.state != outlier.IN]

    def unhealthy(self) -> list[str]:
        """The ids of endpoints that fail this proxy's checks."""
        return [member.spec.id for member in self._members.values() if not member.checked.healthy]

    # --- what changes them

    def update(self, body: ServiceBody, locality: str) -> None:
        """Take the client's view of the service, and where this proxy is."""
        self._body = body
        self._locality = locality
        self._load.limit(body.breaker, body.retry_budget)
        self._place()

    def update_endpoints(self, specs: list[EndpointSpec]) -> None:
        """Take a new list of instances. Connections of those that stay survive, exchanges on the others finish."""
        self._specs = specs
        self._place()

    def close(self) -> None:
        self._wheel.disarm(self)
        for member in self._members.values():
            member.retire()

    def judge(self, member: _Member, status: int, seconds: float) -> None:
        """A try at an endpoint ended: with this status, or failed as if with it."""
        body = self._body
        assert body is not None
        now = self._wheel.now
        member.latency.saw(seconds, now)
        policy = body.outlier
        if policy is None or (status < 500 and not member.standing.awaited):
            return

        def may_go() -> bool:
            out = sum(other.standing.state != outlier.IN for other in self._members.values())
            return outlier.may_eject(out, len(self._members), policy)

        if outlier.judge(member.standing, status, policy, now, may_go):
            if member.standing.state == outlier.IN:
                member.since = now
            self._regroup(member.spec.version)
        self._watch(member)
        if not member.standing.clean:
            self._arm(policy.interval_ms / 1000)

    def was_checked(self, member: _Member, passed: bool) -> None:
        """A check of an endpoint ended."""
        spec = self._body.health_check if self._body is not None else None
        if spec is not None and member.checked.saw(passed, healthy=spec.healthy, unhealthy=spec.unhealthy):
            if passed:
                member.since = self._wheel.now
            self._regroup(member.spec.version)

    def make_room(self) -> bool:
        """Close the connection that was idle for longest."""
        idle = [endpoint for endpoint in self if endpoint.idle]
        if not idle:
            return False
        min(idle, key=lambda endpoint: endpoint.idle[0].idle_since).idle.pop(0).transport.close()
        return True

    def expire(self) -> None:
        """The wheel: see who is due back, who is warm."""
        now = self._wheel.now
        policy = self._body.outlier if self._body is not None else None
        for member in self._members.values():
            if policy is not None and outlier.sweep(member.standing, now):
                self._watch(member)
        for version in self._groups:
            self._regroup(version)
        if policy is not None and not all(member.standing.clean for member in self._members.values()):
            self._arm(policy.interval_ms / 1000)

    # --- inside

    def _place(self) -> None:
        """Bring endpoints and groups in line with the bodies."""
        body = self._body
        identity = body.identity if body is not None else ""
        connect_s = (body.connect_timeout_ms if body is not None else 1_000) / 1000
        first = not self._members
        kept: dict[tuple[str, str, int, bool], _Member] = {}
        for spec in self._specs:
            key = (spec.id, spec.address, spec.port, spec.tls)
            member = self._members.pop(key, None)
            if member is not None and member.endpoint.identity != identity and spec.tls:
                member.retire()
                member = None
            if member is None:
                # What was there before this proxy is not new.
                member = _Member(self, spec, -NEVER if first else self._wheel.now)
                member.endpoint = self._open(member, identity)
            elif spec.healthy and not member.spec.healthy:
                member.since = self._wheel.now
            member.spec = spec
            member.endpoint.connect_timeout_s = connect_s
            member.endpoint.retired = spec.draining
            if body is None or body.outlier is None:
                member.standing = outlier.Standing()
            member.check_by(body.health_check if body is not None else None, self._wheel, _host(body))
            kept[key] = member
            self._watch(member)
        for gone in self._members.values():
            gone.retire()
        self._members = kept
        for version in {*self._groups, *(spec.version for spec in self._specs)}:
            self._regroup(version)

    def _open(self, member: _Member, identity: str) -> Endpoint:
        spec = member.spec
        tls = self._tls if spec.tls else None
        return Endpoint(self._wheel, spec.address, spec.port, load=self._load, owner=member, tls=tls, identity=identity)

    def _watch(self, member: _Member) -> None:
        """Hear of good answers only where one would change something: most requests then need not tell."""
        body = self._body
        timed = body is not None and body.balancer.policy == "peak_ewma"
        member.endpoint.watched = timed or member.standing.awaited

    def _regroup(self, version: str) -> None:
        members = [m for m in self._members.values() if m.spec.version == version and not m.spec.draining]
        group = self.group(version)
        group.choose, group.pick, group.usable = self._compile(members)
        for member in members:
            if member.standing.state == outlier.PROBING and not member.endpoint.active:
                member.standing.state = outlier.DUE  # whoever carried the probe left before its end
            if member.standing.state == outlier.DUE and member.spec.healthy and member.checked.healthy:
                self._probe_next(group, member)

    def _compile(self, members: list[_Member]) -> tuple[Choice, Pick | None, Sequence[Endpoint]]:
        """The choice among members, the one by a hash, and all those that they may fall on."""
        used = self._used(members)
        if not used:
            return _nobody, None, ()
        portions = [portion for portion, _ in used]
        usable = [member.endpoint for _, chosen in used for member in chosen]
        choices = [self._balance(chosen) for _, chosen in used]
        picks = [self._hash(chosen) for _, chosen in used] if self._hashes else []
        if len(used) == 1:
            return choices[0], picks[0] if picks else None, usable
        level_of = draw(choices, portions, random)
        return lambda: level_of()(), by_portion(picks, portions) if picks else None, usable

    def _used(self, members: list[_Member]) -> list[tuple[float, list[_Member]]]:
        """The levels of members that get requests: their portions, and who of each is in use."""
        if self._body is None:
            return []
        balancer = self._body.balancer
        levels: dict[int, list[_Member]] = {}
        for member in members:
            near = level(self._locality, member.spec.locality) if balancer.locality_failover else 0
            levels.setdefault(near, []).append(member)
        ordered = [levels[near] for near in sorted(levels)]
        shares = spread([(sum(m.healthy for m in ms), len(ms)) for ms in ordered], balancer.panic_percent)
        return [
            (share.portion, [member for member in ms if share.panic or member.healthy])
            for share, ms in zip(shares, ordered, strict=True)
            if share.portion
        ]

    @property
    def _hashes(self) -> bool:
        return self._body is not None and self._body.balancer.policy == "maglev"

    def _hash(self, members: list[_Member]) -> Pick:
        names = [member.spec.id for member in members]
        return maglev([member.endpoint for member in members], names, [self._weight(member) for member in members])

    def _balance(self, members: list[_Member]) -> Choice:
        assert self._body is not None
        endpoints = [member.endpoint for member in members]
        weights = [self._weight(member) for member in members]
        policy = self._body.balancer.policy
        if policy == "peak_ewma":
            timed = peak_ewma(members, weights, random, lambda: self._wheel.now)
            return lambda: timed().endpoint
        if policy == "round_robin":
            return round_robin(endpoints, weights, random)
        if policy in ("random", "maglev"):  # without a key, maglev has nothing to go by
            return draw(endpoints, weights, random)
        return least_request(endpoints, weights, random)

    def _weight(self, member: _Member) -> float:
        """Its weight by now; while it warms up the timer brings us back here."""
        assert self._body is not None
        window_s = self._body.balancer.slow_start_ms / 1000
        part = warmth(self._wheel.now - member.since, window_s)
        if part < 1:
            self._arm(WARM_STEP_S)
        return member.spec.weight * part

    def _probe_next(self, group: Group, member: _Member) -> None:
        """Send the group's next request to an endpoint that is due back, then go on as before."""
        choose, pick = group.choose, group.pick

        def probe(*_: int) -> Endpoint:
            group.choose, group.pick = choose, pick
            member.standing.state = outlier.PROBING
            return member.endpoint

        group.choose = probe
        if pick is not None:
            group.pick = probe

    def _arm(self, seconds: float) -> None:
        deadline = self._wheel.now + seconds
        if self.deadline == NEVER or deadline < self.deadline:
            self._wheel.arm(self, deadline)
